//! Drivers: the state machines joined to tokio streams.
//!
//! - [`ClientConnection`] sends requests over a connection. It reads and
//!   writes at once within the caller's task, writes vectored, and on TCP
//!   sets `TCP_NODELAY` and acknowledges at once.
//! - [`Server`] accepts connections and hands requests to a [`Handler`], with
//!   their input streamed and bounded, aborts visible, and connections closed
//!   so that no answer is lost.
//! - [`Address`], [`Stream`] and [`Listener`] stand for TCP and Unix sockets
//!   alike, and for the socket that a parent process left on descriptor 0.
//!
//! # Examples
//!
//! An application and a request to it:
//!
//! ```
//! use bytes::Bytes;
//! use fastcgi_proto::client::{BodyLen, Event};
//! use fastcgi_proto::driver::{Address, Answer, ClientConnection, Listener, Request, Server, Stream};
//! use fastcgi_proto::{Params, Role, client};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let listener = Listener::bind(&"127.0.0.1:0".parse()?).await?;
//! let address = listener.local_address()?;
//! let server = Server::new(async |mut request: Request| {
//!     let greeting = b"content-type: text/plain\r\n\r\nhello";
//!     // An error says that nobody listens any more: leave early.
//!     match request.responder.stdout(Bytes::from_static(greeting)).await {
//!         Ok(()) => Answer::End(0),
//!         Err(_) => Answer::End(1),
//!     }
//! });
//! tokio::spawn(server.serve(listener, std::future::pending()));
//!
//! let stream = Stream::connect(&address).await?;
//! let mut connection = ClientConnection::new(stream, client::Config::default());
//! let params = Params::from_pairs([("REQUEST_METHOD", "GET")])?;
//! let mut exchange = connection.exchange(Role::RESPONDER, &params, BodyLen::Empty, ())?;
//! let mut output = Vec::new();
//! while let Some(event) = exchange.next().await? {
//!     if let Event::Stdout { content, .. } = event {
//!         output.extend_from_slice(&content);
//!     }
//! }
//! assert!(output.ends_with(b"hello"));
//! # Ok(()) })
//! # }
//! ```

#[cfg(not(unix))]
compile_error!("the feature `tokio` of fastcgi-proto needs Unix sockets");

mod body;
mod client;
mod error;
mod net;
mod server;
mod write;

#[cfg(feature = "http")]
pub use body::HttpBody;
pub use body::{Body, BoxError, Full, ReaderBody};
pub use client::{ClientConnection, Exchange};
pub use error::{Error, ErrorKind};
pub use net::{Address, AllowedPeers, InvalidAddress, Listener, PeerWatch, Stream, Transport};
pub use server::{Answer, Handler, Input, Request, Responder, Server, Stopped};
