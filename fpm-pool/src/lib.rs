//! Supervises pools of PHP (or any FastCGI) worker processes: sizes, queues,
//! dispatches, limits, reloads and reports.
//!
//! A [`Pool`] starts workers and keeps one connection to each. A
//! [`PoolHandle`] sends it [`Request`]s: [`call`](PoolHandle::call) runs one
//! on the idle worker used most recently, or queues it, or refuses it and
//! says which bound was hit. The caller's own task talks to the worker, so a
//! request is not handed between tasks.
//!
//! # Examples
//!
//! ```no_run
//! use fpm_pool::{Pool, PoolConfig, Request, Sizing, WorkerCommand};
//! use http_body_util::BodyExt;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let config = PoolConfig::new("www")
//!     .command(WorkerCommand::php_cgi("/usr/bin/php-cgi"))
//!     .sizing(Sizing::Static { max_children: 4 });
//! let pool = Pool::start(config)?;
//!
//! let mut request = Request::new();
//! let mut params = request.params();
//! params.push(b"REQUEST_METHOD", b"GET")?;
//! params.push(b"SCRIPT_FILENAME", b"/srv/www/index.php")?;
//! params.finish()?;
//!
//! let answer = pool.call(request).await?;
//! println!("{}", answer.status());
//! println!("{:?}", answer.into_body().collect().await?.to_bytes());
//! pool.shutdown(std::time::Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `config`: settings from a parsed php-fpm configuration (`fpm-config`).
//! - `http`: hosting PHP behind any HTTP server, as a tower service ([`http`]).
//! - `test-util`: a fake spawner and a pool in simulated time, for tests of code
//!   that uses a pool.

#![warn(clippy::unwrap_used)]

#[cfg(not(target_os = "linux"))]
compile_error!("fpm-pool supervises processes with pidfds and parent death signals: Linux only");

mod call;
mod config;
mod error;
mod event;
mod exchange;
mod handle;
#[cfg(feature = "http")]
pub mod http;
mod machine;
mod output;
mod pool;
mod process;
mod request;
mod response;
mod shared;
mod status;
mod sys;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
mod text;

pub use config::{
    Environment, KeyLimit, OnClientGone, PoolConfig, PoolLimits, Queue, QueueOrder, Readiness,
    ResourceLimit, Scheduling, Sizing, Timeouts, WorkerCommand,
};
pub use error::{Error, ErrorKind};
pub use event::{Event, EventKind, Events};
pub use handle::PoolHandle;
pub use machine::StopSignal;
pub use output::{Output, OutputSource};
pub use pool::Pool;
pub use process::{
    CloseFuture, CommandSpawner, ConnectFuture, ExitFuture, Process, Spawn, SpawnFuture,
};
pub use request::{Priority, Request};
pub use response::{Answered, RequestStderr, ResponseBody};
pub use status::{
    ExitReason, Histogram, Phase, RequestStatus, Status, StopReason, Totals, WorkerId, WorkerStatus,
};
