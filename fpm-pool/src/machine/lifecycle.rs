//! Workers: ready, failed to start, gone.

use std::time::Instant;

use super::action::{Action, Outcome, Refusal};
use super::failures::Failure;
use super::worker::{Firmness, State, Stop};
use super::{Gate, Machine};
use crate::{ErrorKind, EventKind, ExitReason, StopReason, WorkerId};

impl Machine {
    /// A worker proved ready.
    pub(crate) fn ready(&mut self, now: Instant, id: WorkerId) {
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        if !matches!(worker.state, State::Starting { .. }) {
            return;
        }
        let after = now.saturating_duration_since(worker.born);
        let generation = worker.generation;
        self.event(|| EventKind::WorkerReady { worker: id, after });
        if generation == self.generation {
            self.failures.became_ready();
            self.vacate(now, id);
        } else if self.is_pending(generation) {
            self.set_state(id, now, State::Idle);
            self.pending_ready(now, id);
        } else {
            self.stop(now, id, StopReason::Reload, Firmness::Idle);
        }
    }

    /// No process could be started, or it did not become ready; `kind` and
    /// `reason` go to those that wait for it.
    pub(crate) fn start_failed(
        &mut self,
        now: Instant,
        id: WorkerId,
        kind: ErrorKind,
        reason: &str,
    ) {
        let Some(generation) = self.workers.get(&id).map(|worker| worker.generation) else {
            return;
        };
        let wanted = !self.is_stopping(id);
        self.forget(now, id);
        if wanted {
            self.record.totals.start_failures += 1;
            self.event(|| EventKind::StartFailed {
                worker: id,
                reason: reason.to_owned(),
            });
            if self.is_pending(generation) {
                self.fail_reload(now, reason);
            } else if generation == self.generation {
                self.crashed(now, Failure::Start);
                self.give_up_queue(now, kind);
            }
        }
        self.order_pending(now);
        self.balance(now);
        self.after_change();
        self.after_exit();
    }

    /// A worker that had been started did not become ready: it has to go,
    /// and [`exited`](Self::exited) will follow.
    pub(crate) fn not_ready(&mut self, now: Instant, id: WorkerId, kind: ErrorKind, reason: &str) {
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        if !matches!(worker.state, State::Starting { .. }) {
            return;
        }
        let generation = worker.generation;
        self.stop(now, id, StopReason::NotReady, Firmness::Kill);
        self.record.totals.start_failures += 1;
        self.event(|| EventKind::StartFailed {
            worker: id,
            reason: reason.to_owned(),
        });
        if self.is_pending(generation) {
            self.fail_reload(now, reason);
        } else if generation == self.generation {
            self.crashed(now, Failure::Start);
            self.give_up_queue(now, kind);
        }
        self.balance(now);
        self.after_change();
    }

    /// A worker's process is gone; `natural` is how the system reports it.
    /// Returns why it ended, all things considered.
    pub(crate) fn exited(&mut self, now: Instant, id: WorkerId, natural: ExitReason) -> ExitReason {
        let Some(worker) = self.workers.get(&id) else {
            return natural;
        };
        let stop = Self::stop_of(&worker.state);
        let reason = match stop {
            Some(stop) if stop.signalled => ExitReason::Stopped(stop.reason),
            Some(_) | None => natural,
        };
        let breach = stop.is_some_and(|stop| stop.reason == StopReason::Protocol);
        let expected = stop.is_some() && !breach;
        // A worker may leave by itself, after a number of requests or in a
        // quiet hour; but not as soon as it is there.
        let age = now.saturating_duration_since(worker.born);
        let left = natural == ExitReason::Exited(0) && age > self.settings.backoff.1;
        let crashed = breach || (!expected && !left);
        let (generation, proven) = (worker.generation, worker.proven);
        self.end(now, id, Outcome::Failed(ErrorKind::WorkerDied));
        self.forget(now, id);
        self.record.exited(reason);
        self.event(|| EventKind::WorkerExited { worker: id, reason });
        if self.is_pending(generation) && !expected {
            self.fail_reload(now, &format!("a new worker {natural}"));
        } else if generation == self.generation && crashed && !proven {
            // One that has served ends for the sake of a request, or of
            // somebody outside; its successor need not fare the same.
            self.crashed(now, Failure::Crash);
        }
        self.order_pending(now);
        self.serve_queue(now);
        self.balance(now);
        self.after_change();
        self.after_exit();
        reason
    }

    fn crashed(&mut self, now: Instant, failure: Failure) {
        let jitter = self.jitter();
        let (backoff, most) = (self.settings.backoff, self.max_children());
        let wait = self.failures.failed(now, failure, backoff, most, jitter);
        if let Some(wait) = wait {
            let failures = self.failures.in_a_row();
            self.arm(self.failures.wait_until(now));
            self.out
                .push(Action::Event(EventKind::CrashLoop { failures, wait }));
        }
    }

    /// Whether the worker has not proven ready yet.
    pub(crate) fn is_starting(&self, id: WorkerId) -> bool {
        let worker = self.workers.get(&id);
        worker.is_some_and(|worker| matches!(worker.state, State::Starting { .. }))
    }

    fn is_stopping(&self, id: WorkerId) -> bool {
        let worker = self.workers.get(&id);
        worker.is_some_and(|worker| matches!(worker.state, State::Stopping(_)))
    }

    /// Removes a worker from every count.
    fn forget(&mut self, now: Instant, id: WorkerId) {
        self.release_keys(now, id);
        let stop = Stop::new(
            now,
            StopReason::NotReady,
            Firmness::Kill,
            &self.settings.timeouts,
        );
        self.set_state(id, now, State::Stopping(stop));
        self.workers.remove(&id);
    }

    /// Stops a worker, unless that has begun already: a second stop must not
    /// move the deadlines.
    pub(super) fn stop(
        &mut self,
        now: Instant,
        id: WorkerId,
        reason: StopReason,
        firmness: Firmness,
    ) {
        if self.is_stopping(id) || !self.workers.contains_key(&id) {
            return;
        }
        if firmness == Firmness::Idle {
            self.out.push(Action::Disconnect(id));
        }
        let stop = Stop::new(now, reason, firmness, &self.settings.timeouts);
        self.set_state(id, now, State::Stopping(stop));
        self.send_due_signal(now, id);
    }

    /// Sends the signal that is due on a worker's way to its end.
    pub(super) fn send_due_signal(&mut self, now: Instant, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        if let State::Stopping(stop) = &mut worker.state {
            if let Some(signal) = stop.due(now) {
                self.out.push(Action::Signal { worker: id, signal });
            }
            let until = stop.until();
            self.arm(until);
        }
    }

    fn after_exit(&mut self) {
        let workers = &self.workers;
        self.old_until
            .retain(|&old, _| workers.values().any(|worker| worker.generation == old));
        if self.gate == Gate::Closing && self.workers.is_empty() {
            self.gate = Gate::Closed;
            self.event(|| EventKind::Stopped);
            self.out.push(Action::Stopped);
        }
    }

    /// Refuses all that wait.
    pub(super) fn refuse_queue(&mut self, now: Instant, kind: ErrorKind) {
        for ticket in self.queue.tickets() {
            self.refuse(now, ticket, Refusal::from(kind));
        }
    }
}
