//! The CGI layer (RFC 3875) above the records: what goes into the params of
//! a request, and what comes first on its stdout.
//!
//! - [`HeadParser`] takes stdout in any pieces and yields the head of the
//!   answer; [`BodyCheck`] then holds the body against what the head promised.
//! - [`EnvWriter`] writes the variables of an HTTP request into any
//!   [`ParamSink`].
//! - [`split_path`] splits a URL path into script and path-info.
//!
//! Variables go straight into the params of a request:
//!
//! ```
//! use std::error::Error;
//!
//! use fastcgi_proto::Role;
//! use fastcgi_proto::cgi::{ConnInfo, EnvPolicy, EnvWriter, Files, RequestLine, Script};
//! use fastcgi_proto::client::{BodyLen, Config, Connection};
//!
//! let policy = EnvPolicy::default();
//! let mut connection = Connection::new(Config::default());
//! let request = connection.begin_with(Role::RESPONDER, BodyLen::Exact(3), |params| {
//!     let mut env = EnvWriter::new(params, &policy);
//!     let line = RequestLine::new(b"POST", b"/a.php?x=1");
//!     env.request(&line, &ConnInfo::new(b"demo/1"), Some(b"example.org"), Some(3))?;
//!     let files = Files::new(b"/srv/www", b"/srv/www/a.php");
//!     env.script(&Script::new(b"/a.php"), &files)?;
//!     env.fields(&[(b"Host", b"example.org"), (b"Accept", b"*/*")])?;
//!     env.finish()?;
//!     Ok::<(), Box<dyn Error>>(())
//! })?;
//! assert_eq!(request.get(), 1);
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! Nothing here needs the `http` crate; with the feature `http`,
//! [`EnvWriter::http_request`] and a `TryFrom<&Head>` for
//! `http::response::Parts` convert from and to its types.

mod body;
mod env;
mod head;
#[cfg(feature = "http")]
mod http;
mod path;

pub use body::{BodyCheck, Excess, Short};
pub use env::{
    Authorization, ConnInfo, EnvError, EnvPolicy, EnvWriter, Files, NulByte, ParamSink,
    RequestLine, UnsafeNames,
};
pub use head::{Handover, Head, HeadError, HeadParser, HeadPolicy, Nph, Push, StatusRange};
#[cfg(feature = "http")]
pub use http::{BadHead, LocalRedirect};
pub use path::{PathError, Script, split_path};
