//! What a pool is told: how many workers, which program, which bounds.

mod command;
#[cfg(feature = "config")]
mod fpm;
mod key;
mod limits;
mod pool;
mod queue;
mod sizing;

pub use command::{Environment, Readiness, ResourceLimit, Scheduling, WorkerCommand};
pub use key::KeyLimit;
pub use limits::{OnClientGone, PoolLimits, Timeouts};
pub(crate) use pool::OutputSink;
pub use pool::PoolConfig;
pub use queue::{Queue, QueueOrder};
pub use sizing::Sizing;
