//! What happens in a pool, as it happens.

use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use crate::{ErrorKind, ExitReason, WorkerId};

/// Something that happened in a pool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// A process was started; it is not ready yet.
    WorkerStarted {
        /// The worker.
        worker: WorkerId,
        /// Its process.
        process_id: u32,
    },
    /// A worker takes requests.
    WorkerReady {
        /// The worker.
        worker: WorkerId,
        /// From the start of the process.
        after: Duration,
    },
    /// A worker could not be started or did not become ready.
    StartFailed {
        /// The worker.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
    /// A worker's process ended.
    WorkerExited {
        /// The worker.
        worker: WorkerId,
        /// How, and on whose wish.
        reason: ExitReason,
    },
    /// Workers fail again and again; the next start waits.
    CrashLoop {
        /// Failures in a row.
        failures: u32,
        /// Until the next start.
        wait: Duration,
    },
    /// A request waits for a worker.
    RequestQueued {
        /// Requests in the queue, this one included.
        queue_len: usize,
    },
    /// A request runs.
    RequestStarted {
        /// The worker.
        worker: WorkerId,
        /// How long it waited for it.
        queue_wait: Duration,
    },
    /// The first byte of an answer came.
    FirstByte {
        /// The worker.
        worker: WorkerId,
        /// From the start on the worker.
        after: Duration,
    },
    /// A worker is done with a request.
    RequestFinished {
        /// The worker.
        worker: WorkerId,
        /// From the start on the worker.
        duration: Duration,
        /// What went wrong, if anything. After
        /// [`WorkerDied`](ErrorKind::WorkerDied) and
        /// [`ConnectionClosed`](ErrorKind::ConnectionClosed) the worker's
        /// own end follows as [`WorkerExited`](Self::WorkerExited).
        error: Option<ErrorKind>,
        /// What a CGI program would have exited with, of a whole answer.
        app_status: Option<u32>,
    },
    /// The client of a request that ran has left. With
    /// [`OnClientGone::Finish`](crate::OnClientGone::Finish) it comes when the
    /// script is done.
    RequestAbandoned {
        /// The worker.
        worker: WorkerId,
        /// From the start on the worker.
        duration: Duration,
    },
    /// A request was refused, or left the queue without being started.
    RequestRefused {
        /// Why; `None`: its client left.
        error: Option<ErrorKind>,
    },
    /// A new generation of workers takes the requests.
    Reloaded {
        /// Its number; the first is 1.
        generation: u64,
    },
    /// A new generation did not come up; the old one goes on.
    ReloadFailed {
        /// Why.
        reason: String,
    },
    /// A dynamic or ondemand pool needs more workers than `max_children`
    /// allows; reported once until the demand is met.
    MaxChildrenReached {
        /// The limit.
        max_children: usize,
    },
    /// No further process may be started, as too many that were told to stop
    /// do not end; reported once until there is room again.
    MaxProcessesReached {
        /// The limit ([`PoolConfig::max_processes`](crate::PoolConfig::max_processes)).
        max_processes: usize,
    },
    /// No request is taken any more.
    Draining,
    /// The last worker is gone.
    Stopped,
}

/// A subscription to the events of a pool.
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: broadcast::Receiver<Event>,
    pub(crate) lost: u64,
}

impl Events {
    /// The next event, or `None` once the pool is gone. Cancel safe.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(lost)) => self.lost += lost,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// How many events were lost because this subscriber was slow
    /// ([`PoolLimits::events`](crate::PoolLimits::events)).
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}
