//! What is counted, and the snapshot of it.

use std::time::{Duration, Instant};

use super::worker::State;
use super::{Gate, Machine};
use crate::status::count;
use crate::{ErrorKind, ExitReason, Histogram, Status, Totals, WorkerId, WorkerStatus};

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) totals: Totals,
    queue_wait: Histogram,
    first_byte: Histogram,
    duration: Histogram,
    queue_peak: usize,
    active_peak: usize,
    /// A moving mean of durations, for estimates.
    usual: Duration,
}

impl Record {
    pub(super) fn queued(&mut self, queue_len: usize) {
        self.totals.queued += 1;
        self.queue_peak = self.queue_peak.max(queue_len);
    }

    pub(super) fn begun(&mut self, queue_wait: Duration) {
        self.totals.begun += 1;
        self.queue_wait.record(queue_wait);
    }

    pub(super) fn active(&mut self, busy: usize) {
        self.active_peak = self.active_peak.max(busy);
    }

    pub(super) fn first_byte(&mut self, after: Duration) {
        self.first_byte.record(after);
    }

    pub(super) fn finished(&mut self, duration: Duration) {
        self.totals.finished += 1;
        self.duration.record(duration);
        self.usual = if self.totals.finished == 1 {
            duration
        } else {
            self.usual.saturating_mul(15).saturating_add(duration) / 16
        };
    }

    /// How long a request takes, by the last few; a second if none is known.
    pub(super) fn usual_duration(&self) -> Duration {
        if self.totals.finished == 0 {
            Duration::from_secs(1)
        } else {
            self.usual
        }
    }

    pub(super) fn error(&mut self, kind: ErrorKind) {
        count(&mut self.totals.errors, kind);
    }

    pub(super) fn exited(&mut self, reason: ExitReason) {
        count(&mut self.totals.exits, reason);
    }
}

impl Machine {
    /// A snapshot, without what only the shell knows: processes and params.
    pub(crate) fn status(&self, now: Instant, pool: std::sync::Arc<str>) -> Status {
        Status {
            pool,
            sizing: self.settings.sizing,
            uptime: now.saturating_duration_since(self.started),
            generation: self.generation,
            accepting: self.gate == Gate::Open,
            workers: self
                .workers
                .keys()
                .filter_map(|&id| self.worker_status(now, id))
                .collect(),
            processes: self.workers.len(),
            max_processes: self.settings.max_processes(),
            running: self.running_requests(),
            queue_len: self.queue.len(),
            blocked_len: self.queue.blocked(),
            queue_max_len: self.settings.queue.max_len,
            queue_peak: self.record.queue_peak,
            active_peak: self.record.active_peak,
            failures_in_a_row: self.failures.in_a_row(),
            totals: self.record.totals.clone(),
            queue_wait: self.record.queue_wait.clone(),
            first_byte: self.record.first_byte.clone(),
            duration: self.record.duration.clone(),
        }
    }

    /// Requests that have begun and not ended.
    fn running_requests(&self) -> usize {
        let runs = |state: &State| matches!(state, State::Busy(running) if running.begun);
        (self.workers.values())
            .filter(|worker| runs(&worker.state))
            .count()
    }

    fn worker_status(&self, now: Instant, id: WorkerId) -> Option<WorkerStatus> {
        let worker = self.workers.get(&id)?;
        Some(WorkerStatus {
            id,
            process_id: None,
            generation: worker.generation,
            phase: worker.phase(),
            in_phase: now.saturating_duration_since(worker.since),
            age: now.saturating_duration_since(worker.born),
            requests: worker.requests,
            request: None,
        })
    }

    /// How long the request of a worker waited and runs.
    pub(crate) fn running(&self, now: Instant, id: WorkerId) -> Option<(Duration, Duration)> {
        let worker = self.workers.get(&id)?;
        match &worker.state {
            State::Busy(running) => Some((
                running.queue_wait,
                now.saturating_duration_since(worker.since),
            )),
            _ => None,
        }
    }
}
