//! The contract between the modes and the backends: bytes, versions, leases.

mod backend;
mod caps;
mod change;
mod entry;
mod lease;

pub use backend::{Backend, BoxFuture};
pub use caps::{Caps, LockKind};
pub use change::{Change, CommitOptions, Committed, Created};
pub use entry::{Entry, ReadOptions, Version};
pub use lease::{Lease, LockOptions, Token};
