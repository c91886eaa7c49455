//! What applications use: read-only, locked and optimistic access.

mod alias;
mod bounded;
mod held;
mod lock;
mod locked;
mod merge;
mod metrics;
mod optimistic;
mod options;
mod queue;
mod renewal;
mod store;

#[cfg(feature = "endpoint")]
pub(crate) use bounded::bounded;
pub use locked::Locked;
pub use merge::{Merge, NoMerge};
pub use metrics::Metrics;
pub use optimistic::Optimistic;
pub use options::StoreOptions;
#[cfg(any(feature = "memory", feature = "redb"))]
pub(crate) use queue::{Queue, Refused, Turn};
pub use store::Store;
