//! What the machine is asked, and what it answers.

use std::time::{Duration, Instant};

use super::keys::Claims;
use crate::{ErrorKind, EventKind, Priority, WorkerId};

/// A request's place in the order of the queue: the smallest leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket {
    pub(super) urgency: u8,
    pub(super) serial: u64,
}

impl Ticket {
    pub(super) const fn new(priority: Priority, serial: u64) -> Self {
        let urgency = match priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        Self { urgency, serial }
    }

    /// How many urgencies there are.
    pub(super) const URGENCIES: usize = 3;

    pub(super) fn urgency(self) -> usize {
        usize::from(self.urgency)
    }

    /// The least ticket of the same urgency.
    pub(super) const fn first_of_urgency(self) -> Self {
        Self { serial: 0, ..self }
    }

    /// The greatest ticket of the same urgency.
    pub(super) const fn last_of_urgency(self) -> Self {
        Self {
            serial: u64::MAX,
            ..self
        }
    }
}

/// What the machine needs to know about a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Instant>,
    pub(crate) claims: Claims,
    /// Limits of this request instead of the pool's.
    pub(crate) first_byte: Option<Duration>,
    pub(crate) total: Option<Duration>,
    /// Whether a place was reserved for it.
    pub(crate) reserved: bool,
    /// Whether it was accepted before: it lost its worker, and tries another.
    pub(crate) again: bool,
}

/// What becomes of a new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Run(WorkerId),
    Wait(Ticket),
    Refuse(Refusal),
}

/// Why a request is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) retry_after: Option<Duration>,
}

impl From<ErrorKind> for Refusal {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            retry_after: None,
        }
    }
}

/// How a worker's part in a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The connection is ready for the next request.
    Reusable,
    /// The connection has to be made anew first.
    Reconnect,
}

/// What a worker did to lose its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// The connection ended; the process may be about to.
    Closed,
    /// What it sent cannot be understood.
    Garbage,
    /// The request will never be whole, and must not be run as if it were.
    Partial,
}

/// How a request that had begun ended; each that begins ends once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a whole answer, and what a CGI program would have exited with.
    Finished {
        app_status: u32,
    },
    Failed(ErrorKind),
    /// The client left.
    Abandoned,
}

/// A signal on the way to a worker's end, in php-fpm's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StopSignal {
    /// `SIGQUIT`: stop.
    Stop,
    /// `SIGTERM`: terminate.
    Terminate,
    /// `SIGKILL`: kill.
    Kill,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Start a process and prove it ready.
    Spawn { worker: WorkerId, generation: u64 },
    /// The queued request runs on this worker now.
    Grant {
        ticket: Ticket,
        worker: WorkerId,
        queue_wait: Duration,
    },
    /// The queued request leaves the queue.
    Refuse { ticket: Ticket, refusal: Refusal },
    /// The running request failed for this reason: cut its connection.
    Interrupt { worker: WorkerId, kind: ErrorKind },
    /// Close the idle connection.
    Disconnect(WorkerId),
    /// Connect anew and prove the worker ready. `over`: its request has ended
    /// for the worker, too.
    Recover { worker: WorkerId, over: bool },
    /// Send a signal.
    Signal {
        worker: WorkerId,
        signal: StopSignal,
    },
    /// A worker did not become ready in time.
    Late { reason: String },
    /// A reload is decided.
    Reloaded(Result<u64, String>),
    /// No request is queued or runs any more, and none is taken.
    Drained,
    /// The last worker is gone.
    Stopped,
    /// Tell subscribers.
    Event(EventKind),
}
