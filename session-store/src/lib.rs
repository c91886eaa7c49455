//! PHP sessions for Rust: every serialize handler, locks that lose nothing, backends that PHP shares.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod backend;
#[cfg(feature = "endpoint")]
pub mod endpoint;

mod clock;
mod error;
mod id;
mod limits;
mod mode;
mod store;

pub use clock::Clock;
pub use error::{Error, ErrorKind, Result};
pub use id::{IdError, IdFormat, IdPolicy, SessionId};
pub use limits::Limits;
pub use mode::{Locked, Merge, Metrics, NoMerge, Optimistic, Store, StoreOptions};
pub use store::{
    Backend, BoxFuture, Caps, Change, CommitOptions, Committed, Created, Entry, Lease, LockKind,
    LockOptions, ReadOptions, Token, Version,
};
