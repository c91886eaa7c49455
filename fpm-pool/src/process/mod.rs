//! How workers come to be, and what the pool may ask of one.
//!
//! Nothing outside of this folder and `sys` assumes that a worker was
//! executed as a program.

mod account;
mod child;
mod command;
mod thread;

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;

use crate::{ExitReason, Readiness, StopSignal, WorkerId};

pub use command::CommandSpawner;
pub(crate) use thread::SpawnThread;

/// Starts workers.
///
/// The pool calls it on a thread that lives as long as the pool, since a
/// parent death signal is sent when the *thread* that forked ends.
pub trait Spawn: Send + 'static {
    /// Starts the worker `worker`. It may block for as long as that takes.
    ///
    /// # Errors
    ///
    /// Whatever keeps the worker from being started; the message is what
    /// people will read. The pool tries again, less and less often.
    fn spawn(&mut self, worker: WorkerId) -> io::Result<Box<dyn Process>>;

    /// Whether starting a worker takes a moment, or makes a child process.
    /// If not, it is done in place instead of on the pool's thread.
    fn is_blocking(&self) -> bool {
        true
    }
}

/// How a worker's process ends, as a future.
pub type ExitFuture = Pin<Box<dyn Future<Output = ExitReason> + Send>>;

/// A worker's process. Dropping it kills it.
pub trait Process: fmt::Debug + Send + Sync + 'static {
    /// Its process id.
    fn id(&self) -> u32;

    /// Opens a connection to it, non-blocking.
    ///
    /// # Errors
    ///
    /// When it does not listen any more.
    fn connect(&self) -> io::Result<UnixStream>;

    /// Sends it a signal; one that has ended ignores it.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    fn signal(&self, signal: StopSignal) -> io::Result<()>;

    /// Completes when it has ended. The pool calls it once, inside a tokio
    /// runtime.
    fn exit(&self) -> ExitFuture;

    /// The other ends of its descriptors 1 and 2, the first time it is asked.
    fn output(&self) -> [Option<OwnedFd>; 2] {
        [None, None]
    }

    /// How it proves ready.
    fn readiness(&self) -> Readiness {
        Readiness::default()
    }

    /// Whether a line that it wrote before it was ready means that it must
    /// not be used.
    fn is_fatal_at_start(&self, line: &[u8]) -> bool {
        let _ = line;
        false
    }
}
