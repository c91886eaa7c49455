//! The application's side of a connection: requests in, answers out.
//!
//! [`Connection`] is a state machine without I/O. Its caller moves bytes:
//!
//! 1. read while [`wants_read`](Connection::wants_read), and hand the bytes to
//!    [`handle_input`](Connection::handle_input) until it returns `None`, or
//!    call [`handle_eof`](Connection::handle_eof); while it does not want to
//!    read, look out for the peer's close by other means if there are any,
//! 2. answer with [`stdout`](Connection::stdout) and
//!    [`end`](Connection::end), and report input as
//!    [`consumed`](Connection::consumed),
//! 3. write what [`outgoing`](Connection::outgoing) holds,
//! 4. close when [`disposition`](Connection::disposition) says so.
//!
//! `GET_VALUES`, unknown record types, unknown roles, requests beyond the
//! limits and records of inactive requests are dealt with inside.
//!
//! # Examples
//!
//! ```
//! use bytes::{Buf, Bytes, BytesMut};
//! use fastcgi_proto::server::{Config, Connection, Event};
//!
//! let mut connection = Connection::new(Config::default());
//! let mut input = BytesMut::new();
//! // BEGIN_REQUEST, PARAMS with one pair, the ends of PARAMS and STDIN.
//! input.extend_from_slice(b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0");
//! input.extend_from_slice(b"\x01\x04\0\x01\0\x07\0\0\x04\x01NAMEx");
//! input.extend_from_slice(b"\x01\x04\0\x01\0\0\0\0\x01\x05\0\x01\0\0\0\0");
//! while let Some(event) = connection.handle_input(&mut input)? {
//!     if let Event::Request { request, params, .. } = event {
//!         let name = params.get_bytes("NAME").unwrap_or_default();
//!         connection.stdout(request, Bytes::from_static(b"\r\n"))?;
//!         connection.stdout(request, name)?;
//!         connection.end(request, 0)?;
//!     }
//! }
//! let answer = connection.outgoing().copy_to_bytes(11);
//! assert_eq!(&answer[..10], b"\x01\x06\0\x01\0\x02\x06\0\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod connection;
mod event;
mod input;
mod peer;
mod request;

pub use config::{Config, RoleSet};
pub use connection::{Connection, Disposition, InactiveRequest};
pub use event::{Event, LengthCheck};
pub use peer::PeerClose;
