//! The CGI layer (RFC 3875) above the records: what goes into the params of
//! a request, and what comes first on its stdout.
//!
//! - [`HeadParser`] takes stdout in any pieces and yields the head of the
//!   answer; [`BodyCheck`] then holds the body against what the head promised.
//! - [`EnvWriter`] writes the variables of an HTTP request into any
//!   [`ParamSink`].
//! - [`split_path`] splits a URL path into script and path-info.
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
pub use http::BadHead;
pub use path::{PathError, Script, split_path};
