//! How workers come to be, and what the pool may ask of one.
//!
//! Nothing outside of this folder and `sys` assumes that a worker was
//! executed as a program.

mod account;
mod child;
mod command;
mod family;
mod sweeper;
mod thread;

use std::fmt;
use std::future::{Future, ready};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;

use crate::{ExitReason, Readiness, StopSignal, WorkerId};

pub use command::CommandSpawner;

/// A worker on its way, as a future.
pub type SpawnFuture = Pin<Box<dyn Future<Output = io::Result<Box<dyn Process>>> + Send>>;

/// A connection on its way, as a future.
pub type ConnectFuture = Pin<Box<dyn Future<Output = io::Result<UnixStream>> + Send>>;

/// How a worker's process ends, as a future.
pub type ExitFuture = Pin<Box<dyn Future<Output = ExitReason> + Send>>;

/// The end of what is to be ended, as a future.
pub type CloseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts the workers of one generation.
///
/// A reload brings a spawner of its own; the one of the generation before is
/// [closed](Self::close) when the last of its workers is gone. All futures
/// are driven on the pool's runtime, so that they may use its timers and its
/// I/O whoever calls the pool.
///
/// # Examples
///
/// A fork server that makes a new process for each connection: the worker
/// comes with its connection, and cannot be connected to again.
///
/// ```
/// use std::io;
/// use std::os::unix::net::UnixStream;
/// use std::path::PathBuf;
/// use std::sync::Mutex;
///
/// use fpm_pool::{
///     CloseFuture, ExitFuture, ExitReason, Process, Readiness, Spawn, SpawnFuture, StopSignal,
///     WorkerId,
/// };
/// use tokio::io::AsyncReadExt;
///
/// struct ForkServer {
///     socket: PathBuf,
/// }
///
/// #[derive(Debug)]
/// struct Forked {
///     process_id: u32,
///     connection: Mutex<Option<UnixStream>>,
///     /// Ends when the process does.
///     life: UnixStream,
/// }
///
/// impl Spawn for ForkServer {
///     fn spawn(&self, _worker: WorkerId) -> SpawnFuture {
///         let socket = self.socket.clone();
///         Box::pin(async move {
///             let mut life = tokio::net::UnixStream::connect(&socket).await?;
///             let process_id = life.read_u32().await?;
///             let connection = tokio::net::UnixStream::connect(&socket).await?;
///             let worker = Forked {
///                 process_id,
///                 connection: Mutex::new(Some(connection.into_std()?)),
///                 life: life.into_std()?,
///             };
///             Ok(Box::new(worker) as Box<dyn Process>)
///         })
///     }
///
///     fn close(&self) -> CloseFuture {
///         // Here it would be told to end, and waited for.
///         Box::pin(async {})
///     }
/// }
///
/// impl Process for Forked {
///     fn id(&self) -> u32 {
///         self.process_id
///     }
///
///     fn take_connection(&self) -> Option<UnixStream> {
///         self.connection.lock().ok()?.take()
///     }
///
///     fn signal(&self, _signal: StopSignal) -> io::Result<()> {
///         self.life.shutdown(std::net::Shutdown::Both)
///     }
///
///     fn exit(&self) -> ExitFuture {
///         let life = self.life.try_clone();
///         Box::pin(async move {
///             let read = async { tokio::net::UnixStream::from_std(life?)?.read_i32().await };
///             read.await.map_or(ExitReason::Unknown, ExitReason::Exited)
///         })
///     }
///
///     fn readiness(&self) -> Readiness {
///         Readiness::Connected
///     }
/// }
/// ```
pub trait Spawn: Send + Sync + 'static {
    /// Starts the worker `worker`.
    ///
    /// The pool may ask for several at a time, up to
    /// [`max_spawn_rate`](crate::PoolConfig::max_spawn_rate). It drops the
    /// future when the worker is not wanted any more, or took longer than
    /// [`Timeouts::start`](crate::Timeouts::start): no process may be left
    /// then.
    ///
    /// # Errors
    ///
    /// Whatever keeps the worker from being started; the message is what
    /// people will read. The pool tries again, less and less often.
    fn spawn(&self, worker: WorkerId) -> SpawnFuture;

    /// Ends what the spawner keeps for its workers: a master, a thread. Called
    /// once, when no worker of its generation is left and none will be asked
    /// for: after a later reload, after its own reload failed, at shutdown,
    /// which waits for it (30 seconds at most).
    ///
    /// It is not called when the runtime is dropped under the pool: `Drop`
    /// has to do what must not be left undone.
    fn close(&self) -> CloseFuture {
        Box::pin(ready(()))
    }
}

/// A worker's process. Dropping it kills it.
pub trait Process: fmt::Debug + Send + Sync + 'static {
    /// Its process id.
    fn id(&self) -> u32;

    /// Opens another connection to it, non-blocking.
    ///
    /// By default a worker cannot be connected to: losing the connection
    /// that it [came with](Self::take_connection) means a new worker.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) when that cannot be done
    /// to this worker at all. A lack of descriptors or memory, or a full
    /// backlog (`EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS`, `EAGAIN`) is not the
    /// worker's fault, and tried again later. Anything else says that it does
    /// not listen any more, and is about to end.
    fn connect(&self) -> ConnectFuture {
        Box::pin(ready(Err(io::ErrorKind::Unsupported.into())))
    }

    /// The connection that it came with, non-blocking, the first time it is
    /// asked; none by default.
    fn take_connection(&self) -> Option<UnixStream> {
        None
    }

    /// Sends it a signal; one that has ended ignores it. Must not block.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    fn signal(&self, signal: StopSignal) -> io::Result<()>;

    /// Ends what it started and left running, but not itself, as far as that
    /// can be told apart; by default nothing. Asked when that writes without
    /// end, more than
    /// [`PoolLimits::output_bytes_per_sec`](crate::PoolLimits#structfield.output_bytes_per_sec),
    /// while no request runs; a request may begin meanwhile.
    fn end_others(&self) -> CloseFuture {
        Box::pin(ready(()))
    }

    /// Completes when it has ended, whoever tells. The pool calls it once,
    /// inside its runtime.
    fn exit(&self) -> ExitFuture;

    /// The other ends of its descriptors 1 and 2, the first time it is asked;
    /// none by default. Anything that can be polled will do: pipes, sockets,
    /// pseudo-terminals. They are made non-blocking.
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
