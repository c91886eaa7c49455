//! What a pool is told: how many workers, which program, which bounds.

mod command;
#[cfg(feature = "config")]
mod fpm;
mod limits;
mod pool;
mod sizing;

pub use command::{Environment, Readiness, ResourceLimit, Scheduling, WorkerCommand};
pub use limits::{Limits, OnClientGone, Queue, Timeouts};
pub(crate) use pool::OutputSink;
pub use pool::PoolConfig;
pub use sizing::Sizing;
