//! One worker, and what it is doing.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// A worker's number within its pool, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub(crate) u64);

impl WorkerId {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Its process was started and is not ready yet.
    Starting,
    /// It waits for a request.
    Idle,
    /// It runs a request.
    Busy,
    /// Its request is over for the client; it is not ready for the next yet.
    Recovering,
    /// It was told to stop.
    Stopping,
}

/// One worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// Its number within the pool.
    pub id: WorkerId,
    /// Its process; `None` before that exists.
    pub process_id: Option<u32>,
    /// Its generation.
    pub generation: u64,
    /// What it is doing.
    pub phase: Phase,
    /// How long it has been doing that.
    pub in_phase: Duration,
    /// Since its start.
    pub age: Duration,
    /// Requests that it was given.
    pub requests: u64,
    /// The request that it runs.
    pub request: Option<RequestStatus>,
}

/// A request that runs.
#[derive(Clone)]
#[non_exhaustive]
pub struct RequestStatus {
    /// Since its start on the worker.
    pub running: Duration,
    /// How long it waited before.
    pub queue_wait: Duration,
    /// Its params, as sent.
    pub(crate) params: Bytes,
}

impl RequestStatus {
    /// A parameter of the request, such as `SCRIPT_FILENAME`.
    #[must_use]
    pub fn param(&self, name: &[u8]) -> Option<&[u8]> {
        crate::request::find_param(&self.params, name)
    }
}

impl fmt::Debug for RequestStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.param(b"REQUEST_URI").unwrap_or_default();
        f.debug_struct("RequestStatus")
            .field("running", &self.running)
            .field("queue_wait", &self.queue_wait)
            .field("uri", &uri.escape_ascii().to_string())
            .finish_non_exhaustive()
    }
}

/// Why the pool stopped a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// It was idle for long, or one too many.
    Surplus,
    /// It had served `max_requests`.
    MaxRequests,
    /// A request passed its time limit.
    Timeout,
    /// Its client left, and the policy was to kill, or whether the script had
    /// ended could not be known.
    ClientGone,
    /// Its request broke off before it was whole.
    PartialRequest,
    /// It broke the protocol, or closed its connection.
    Protocol,
    /// It did not become ready, at its start or after a request.
    NotReady,
    /// A reload replaced it.
    Reload,
    /// The pool was shut down.
    Shutdown,
}

/// How a worker's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExitReason {
    /// The pool stopped it.
    Stopped(StopReason),
    /// It exited by itself, with this code.
    Exited(i32),
    /// This signal ended it, and the pool had not sent it.
    Signaled(i32),
    /// It is gone, and how cannot be known.
    Unknown,
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Stopped(reason) => write!(f, "stopped by the pool ({reason:?})"),
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Signaled(number) => match nix::sys::signal::Signal::try_from(number) {
                Ok(signal) => write!(f, "ended by signal {number} ({signal})"),
                Err(_) => write!(f, "ended by signal {number}"),
            },
            Self::Unknown => f.write_str("gone"),
        }
    }
}
