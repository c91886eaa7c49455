//! PHP sessions for Rust: every serialize handler, locks that lose nothing, backends that PHP shares.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

mod id;

pub use id::{IdError, IdFormat, IdPolicy, SessionId};
