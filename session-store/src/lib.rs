#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod backend;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "endpoint")]
pub mod endpoint;

#[cfg(feature = "tower")]
pub mod tower;
pub mod wrap;

mod clock;
mod codec;
mod error;
mod id;
mod limits;
mod mode;
mod open;
mod session;
mod store;
mod value;

pub use clock::Clock;
pub use codec::{
    DecodeError, DecodeErrorKind, EncodeError, SerializeHandler, Undecodable, UnknownHandler,
};
pub use error::{Error, ErrorKind, Result};
pub use id::{IdError, IdFormat, IdPolicy, SessionId};
pub use limits::Limits;
pub use mode::{Locked, Merge, Metrics, NoMerge, Optimistic, Store, StoreOptions};
pub use open::{Preset, StoreUrl, open, open_url};
pub use session::{Document, MergeOutcome, NodeSeed, ValueError, Variables};
pub use store::{
    Backend, BoxFuture, Caps, Change, CommitOptions, Committed, Created, Entry, Lease, LockKind,
    LockOptions, ReadOptions, Token, Version,
};
pub use value::{Entries, EnumCase, Graph, Key, Node, NodeId, Object, Opaque, ValueKind, ValueRef};
