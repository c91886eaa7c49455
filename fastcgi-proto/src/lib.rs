//! The FastCGI 1.0 protocol without I/O: records, params, both connection
//! roles, and the CGI layer above them.
//!
//! - [`client::Connection`] is the web server's side, [`server::Connection`]
//!   the application's: state machines that take input in any pieces and hold
//!   output for vectored writes, bodies by reference.
//! - [`cgi`] has what lies above: the head of an answer, the variables of a
//!   request, the split of a path.
//! - [`RecordDecoder`], [`ParamsIter`], [`Params`] and [`ParamsEncoder`] are
//!   what the connections are made of, for tools of other kinds.
//! - `driver` (feature `tokio`) joins the state machines to tokio streams,
//!   `codec` (feature `codec`) to `tokio_util::codec`.
//!
//! # The loop around a connection
//!
//! Any I/O will do. A driver writes what [`Outgoing`] holds, reads, and hands
//! the bytes over until there are no more events:
//!
//! ```
//! use std::io::{self, Read, Write};
//!
//! use bytes::{Buf, BytesMut};
//! use fastcgi_proto::client::{BodyLen, Config, Connection, Event};
//! use fastcgi_proto::{Params, Role};
//!
//! /// The output of one request without a body.
//! fn get(mut stream: impl Read + Write, params: &Params) -> io::Result<Vec<u8>> {
//!     let mut connection = Connection::new(Config::default());
//!     let begun = connection.begin(Role::RESPONDER, params, BodyLen::Empty);
//!     begun.map_err(io::Error::other)?;
//!     while connection.wants_write() {
//!         let mut outgoing = connection.outgoing();
//!         let mut slices = [io::IoSlice::new(&[]); 16];
//!         let count = outgoing.chunks_vectored(&mut slices);
//!         let written = stream.write_vectored(&slices[..count])?;
//!         outgoing.advance(written);
//!     }
//!     let (mut input, mut output) = (BytesMut::new(), Vec::new());
//!     loop {
//!         let mut buffer = [0; 8192];
//!         let event = match stream.read(&mut buffer)? {
//!             0 => connection.handle_eof(),
//!             len => {
//!                 input.extend_from_slice(&buffer[..len]);
//!                 connection.handle_input(&mut input)
//!             }
//!         };
//!         let mut event = event.map_err(io::Error::other)?;
//!         while let Some(next) = event {
//!             match next {
//!                 Event::Stdout { content, .. } => output.extend_from_slice(&content),
//!                 Event::End { .. } => return Ok(output),
//!                 _ => {}
//!             }
//!             event = connection.handle_input(&mut input).map_err(io::Error::other)?;
//!         }
//!     }
//! }
//! # struct Pipe(&'static [u8], Vec<u8>);
//! # impl Read for Pipe {
//! #     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> { self.0.read(buffer) }
//! # }
//! # impl Write for Pipe {
//! #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.1.write(bytes) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let answer = b"\x01\x06\0\x01\0\x04\0\0pong\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0";
//! # let params = Params::from_pairs([("REQUEST_METHOD", "GET")]).unwrap();
//! # assert_eq!(get(Pipe(answer, Vec::new()), &params).unwrap(), b"pong");
//! # assert!(get(Pipe(&answer[..12], Vec::new()), &params).is_err());
//! ```
//!
//! With a body, reading must not wait for writing: see [`client`].
//!
//! # Features
//!
//! - `std` (default): `IoSlice`s from [`Outgoing`]. Without it the crate is
//!   `no_std` and needs `alloc`.
//! - `http`: the `http` crate's types in [`cgi`], and bodies of `http_body`.
//! - `codec`: codecs for `tokio_util`.
//! - `tokio`: drivers for both sides, on Unix.
//!
//! # Design notes
//!
//! - **What PHP cannot read is not sent.** php-fpm closes the connection on a
//!   pair that continues in the next record and on `PARAMS` above 65535 bytes
//!   with padding, reads the padding of a terminator as input, and waits for
//!   ever for what is missing of a body; php-cgi takes a body's surplus for its
//!   next request, and so did php-fpm before the security releases of 2026
//!   (8.2.36), which close the connection. So pairs stay whole, records stay
//!   within 65528 bytes, terminators are bare, and the declared length of a
//!   body is a contract.
//! - **The end is `END_REQUEST`**, nothing else: a connection that closes
//!   before it is an error, unless the caller accepts complete output.
//! - **A request is named by id and generation**, so that a late record never
//!   reaches the next request with the same id.
//! - **Wrong side, wrong order, wrong length are errors for good**: a peer that
//!   breaks the protocol once is out of step. What the specification says to
//!   ignore (inactive ids, unknown types) is ignored, and told.
//! - **NUL bytes are refused** in one pass over a whole record instead of two
//!   per pair; the error names the pair.
//! - **Params are one `Bytes`**, without an index: a lookup walks some 25
//!   pairs, which costs less than building a map to be asked twice.
//! - **Params are copied, bodies are not**: a head in one piece is one write.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod buffer;
pub mod cgi;
pub mod client;
#[cfg(feature = "codec")]
pub mod codec;
#[cfg(feature = "tokio")]
pub mod driver;
mod error;
mod id;
mod limits;
mod params;
mod record;
pub mod server;
mod values;
mod wire;

pub use error::{DecodeError, PairError, ParamError, ProtocolError};
pub use id::RequestId;
pub use limits::ConnectionLimits;
pub use params::{InvalidContentLength, PairSplit, Pairs, Params, ParamsEncoder, ParamsIter};
pub use record::{BorrowedPart, Outgoing, Part, RecordDecoder};
pub use values::{ValueNames, Values};
pub use wire::{
    BeginBody, BeginFlags, EndBody, MAX_ALIGNED_CONTENT, MAX_CONTENT, ProtocolStatus, RecordHeader,
    RecordType, Role, VERSION,
};
