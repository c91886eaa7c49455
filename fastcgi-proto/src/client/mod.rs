//! The web server's side of a connection: requests out, answers in.
//!
//! [`Connection`] is a state machine without I/O. Its caller moves bytes:
//!
//! 1. write what [`outgoing`](Connection::outgoing) holds,
//! 2. read, and hand the bytes to [`handle_input`](Connection::handle_input)
//!    until it returns `None`, or call
//!    [`handle_eof`](Connection::handle_eof),
//! 3. send more body while [`send_capacity`](Connection::send_capacity) is
//!    above 0,
//! 4. after the end ask [`reuse`](Connection::reuse) whether to keep the
//!    connection.
//!
//! Reading must not wait for writing: applications answer before they have
//! read the body, and one that is blocked writing its answer never reads on.
//!
//! # Examples
//!
//! ```
//! use bytes::{Buf, Bytes, BytesMut};
//! use fastcgi_proto::client::{BodyLen, Config, Connection, Event, Reuse};
//! use fastcgi_proto::{Params, Role};
//!
//! let mut connection = Connection::new(Config::default());
//! let params = Params::from_pairs([
//!     ("SCRIPT_FILENAME", "/srv/www/hello.php"),
//!     ("REQUEST_METHOD", "POST"),
//!     ("CONTENT_LENGTH", "4"),
//! ])?;
//! let request = connection.begin(Role::RESPONDER, &params, BodyLen::Exact(4))?;
//! connection.send(request, Bytes::from_static(b"ping"))?;
//! connection.finish(request)?;
//!
//! // Write: here to nowhere.
//! while connection.wants_write() {
//!     let mut outgoing = connection.outgoing();
//!     let written = outgoing.chunk().len();
//!     outgoing.advance(written);
//! }
//!
//! // Read: the answer of an application.
//! let mut input = BytesMut::from(
//!     &b"\x01\x06\0\x01\0\x06\x02\0\r\npong\0\0\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0"[..],
//! );
//! let mut body = Vec::new();
//! while let Some(event) = connection.handle_input(&mut input)? {
//!     match event {
//!         Event::Stdout { content, .. } => body.extend_from_slice(&content),
//!         Event::End { app_status, .. } => assert_eq!(app_status, 0),
//!         _ => {}
//!     }
//! }
//! assert_eq!(body, b"\r\npong");
//! assert_eq!(connection.reuse(), Reuse::Ready);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod begin;
mod config;
mod connection;
mod error;
mod event;
mod head;
mod input;
mod request;
mod reuse;

pub use config::{BodyLen, Config, MissingEnd, Mode, UnknownRecords};
pub use connection::{AbortAction, Connection};
pub use error::{BeginError, SendError, Short};
pub use event::{EndSource, Event};
pub use head::{HeadParams, RequestHead, RequestHeadBuilder, Unfinished};
pub use reuse::{CloseReason, RetryClass, Reuse};
