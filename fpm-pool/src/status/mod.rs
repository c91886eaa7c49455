//! A pool's state at one moment, exact because every request passes it.

mod histogram;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use crate::{ErrorKind, Sizing};

pub use histogram::Histogram;
pub use worker::{ExitReason, Phase, RequestStatus, StopReason, WorkerId, WorkerStatus};

/// A snapshot of a pool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The pool's name.
    pub pool: Arc<str>,
    /// How many workers there may be.
    pub sizing: Sizing,
    /// Since the start.
    pub uptime: Duration,
    /// The generation that takes the requests; a reload counts it up.
    pub generation: u64,
    /// Whether requests are taken.
    pub accepting: bool,
    /// All workers, of old generations too.
    pub workers: Vec<WorkerStatus>,
    /// Processes, with those that were told to stop and have not ended.
    pub processes: usize,
    /// The most processes at a time.
    pub max_processes: usize,
    /// Requests that began and have not ended. At any time
    /// [`begun`](Totals::begun) = [`finished`](Totals::finished) +
    /// [`failed`](Totals::failed) + [`abandoned`](Totals::abandoned) + `running`.
    pub running: usize,
    /// Requests that wait, for a worker or for others with the same key.
    pub queue_len: usize,
    /// The most that may wait for a worker.
    pub queue_max_len: usize,
    /// Of those that wait, the requests that wait for others with the same
    /// key.
    pub blocked_len: usize,
    /// The most that waited at a time.
    pub queue_peak: usize,
    /// The most workers that were busy at a time.
    pub active_peak: usize,
    /// Failures of workers in a row; 0 when all is well.
    pub failures_in_a_row: u32,
    /// Counts since the start.
    pub totals: Totals,
    /// How long requests waited for a worker.
    pub queue_wait: Histogram,
    /// From the start on a worker to the first byte.
    pub first_byte: Histogram,
    /// From the start on a worker to the end.
    pub duration: Histogram,
}

impl Status {
    /// Workers that wait for a request.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.count(Phase::Idle)
    }

    /// Workers that run a request.
    #[must_use]
    pub fn active(&self) -> usize {
        self.count(Phase::Busy)
    }

    fn count(&self, phase: Phase) -> usize {
        self.workers
            .iter()
            .filter(|worker| worker.phase == phase)
            .count()
    }
}

/// Counts since the start of the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Requests that began on a worker; a replay counts once more, and its
    /// first attempt as failed.
    pub begun: u64,
    /// Requests that ended with a whole answer.
    pub finished: u64,
    /// Requests that began and failed; also one whose worker ended before its
    /// answer, which may have been whole, was read to the end.
    pub failed: u64,
    /// Requests whose client left after they had begun.
    pub abandoned: u64,
    /// Requests that waited.
    pub queued: u64,
    /// Requests that ran once more because their worker died.
    pub replayed: u64,
    /// Requests whose client left while they waited; never started.
    pub abandoned_in_queue: u64,
    /// What callers were told of failed and refused requests, by kind, in the
    /// order of first occurrence.
    pub errors: Vec<(ErrorKind, u64)>,
    /// Processes started.
    pub workers_started: u64,
    /// Starts that failed.
    pub start_failures: u64,
    /// Why workers ended, in the order of first occurrence.
    pub exits: Vec<(ExitReason, u64)>,
    /// Times that `max_children` stood in the way of demand.
    pub max_children_reached: u64,
    /// Reloads that took effect.
    pub reloads: u64,
    /// Lines that workers wrote, the STDERR of requests included.
    pub output_lines: u64,
    /// Those of them that were not logged, because their worker wrote more
    /// than [`PoolLimits`](crate::PoolLimits) allows.
    pub output_lines_dropped: u64,
}

/// Counts `key` in a short list.
pub(crate) fn count<K: PartialEq>(list: &mut Vec<(K, u64)>, key: K) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += 1,
        None => list.push((key, 1)),
    }
}
