//! The variables of a request (RFC 3875, section 4, and what PHP needs).

mod error;
mod fields;
mod policy;
mod request;
mod sink;
mod text;
mod writer;

pub use error::EnvError;
pub use policy::{Authorization, EnvPolicy, UnsafeNames};
pub use request::{ConnInfo, Files, RequestLine};
pub use sink::{NulByte, ParamSink};
pub use writer::EnvWriter;
