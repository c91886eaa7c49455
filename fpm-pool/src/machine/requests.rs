//! Requests on workers: begun, ended, given up.

use std::time::{Duration, Instant};

use super::action::{Action, Ask, Breach, Finish, Outcome};
use super::worker::{Firmness, Running, State, Stop, earliest};
use super::{Gate, Machine};
use crate::{ErrorKind, EventKind, OnClientGone, StopReason, WorkerId};

impl Machine {
    /// Gives an idle worker to a request, which [`begin`](Self::begin)s as
    /// soon as its caller takes note.
    pub(super) fn run(&mut self, now: Instant, id: WorkerId, ask: &Ask, queue_wait: Duration) {
        let timeouts = &self.settings.timeouts;
        let after = |limit: Option<Duration>| limit.and_then(|limit| now.checked_add(limit));
        let running = Running {
            queue_wait,
            begun: false,
            left: false,
            first_byte: None,
            first_byte_until: after(ask.first_byte.or(timeouts.first_byte)),
            total_until: after(ask.total.or(timeouts.total)),
        };
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.requests += 1;
            worker.claims.clone_from(&ask.claims);
        }
        self.set_state(id, now, State::Busy(running));
    }

    /// The caller of a request has its worker, and is about to send. `false`:
    /// the worker is gone, and the request has to ask once more.
    pub(crate) fn begin(&mut self, id: WorkerId) -> bool {
        let Some(running) = self.running_mut(id) else {
            return false;
        };
        running.begun = true;
        let queue_wait = running.queue_wait;
        self.record.begun(queue_wait);
        self.event(|| EventKind::RequestStarted {
            worker: id,
            queue_wait,
        });
        true
    }

    /// Counts the end of the request of a worker, however it came; every
    /// request that began passes here once, before its worker is anything but
    /// busy.
    pub(super) fn end(&mut self, now: Instant, id: WorkerId, outcome: Outcome) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let (since, born) = (worker.since, worker.born);
        let State::Busy(running) = &mut worker.state else {
            return;
        };
        if !std::mem::replace(&mut running.begun, false) {
            self.adrift += 1;
            return;
        }
        let outcome = if running.left {
            Outcome::Abandoned
        } else {
            outcome
        };
        let duration = now.saturating_duration_since(since);
        let (error, app_status) = match outcome {
            Outcome::Finished { app_status } => {
                self.record.finished(duration);
                self.failures.succeeded(born);
                (None, Some(app_status))
            }
            Outcome::Failed(kind) => {
                self.record.totals.failed += 1;
                (Some(kind), None)
            }
            Outcome::Abandoned => {
                self.record.totals.abandoned += 1;
                self.event(|| EventKind::RequestAbandoned {
                    worker: id,
                    duration,
                });
                return;
            }
        };
        self.event(|| EventKind::RequestFinished {
            worker: id,
            duration,
            error,
            app_status,
        });
    }

    /// Gives idle workers to requests that wait.
    pub(super) fn serve_queue(&mut self, now: Instant) {
        while let Some(&worker) = self.idle.last() {
            let Some((ticket, waiting)) = self.queue.pop(now) else {
                return;
            };
            let queue_wait = now.saturating_duration_since(waiting.since);
            self.run(now, worker, &waiting.ask, queue_wait);
            self.out.push(Action::Grant {
                ticket,
                worker,
                queue_wait,
            });
        }
    }

    /// The first byte of the answer came.
    pub(crate) fn first_byte(&mut self, now: Instant, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let after = now.saturating_duration_since(worker.since);
        if let State::Busy(running) = &mut worker.state {
            running.first_byte = Some(after);
            self.record.first_byte(after);
            self.event(|| EventKind::FirstByte { worker: id, after });
        }
    }

    /// The worker is done with its request, whether or not its answer was of
    /// use.
    pub(crate) fn finish(&mut self, now: Instant, id: WorkerId, how: Finish, outcome: Outcome) {
        if !self.is_busy(id) {
            return;
        }
        self.end(now, id, outcome);
        if let Some(worker) = self.workers.get_mut(&id) {
            // Without what we lack it has seen nothing of the request.
            worker.proven |= outcome != Outcome::Failed(ErrorKind::Exhausted);
        }
        match how {
            Finish::Reusable => self.vacate(now, id),
            Finish::Reconnect => self.recover(now, id, true),
        }
    }

    /// The request failed, and the worker has to go. `again`: it asks for
    /// another worker at once.
    pub(crate) fn broken(
        &mut self,
        now: Instant,
        id: WorkerId,
        breach: Breach,
        kind: ErrorKind,
        again: bool,
    ) {
        if again {
            self.adrift += 1;
            self.record.totals.replayed += 1;
        }
        if !self.is_busy(id) {
            return;
        }
        self.end(now, id, Outcome::Failed(kind));
        let (reason, firmness) = match breach {
            Breach::Closed => (StopReason::Protocol, Firmness::Dying),
            Breach::Garbage => (StopReason::Protocol, Firmness::Kill),
            Breach::Partial => (StopReason::PartialRequest, Firmness::Kill),
        };
        self.stop(now, id, reason, firmness);
        self.balance(now);
        self.after_change();
    }

    /// Nobody wants the rest of an answer that is of no use.
    pub(crate) fn forsake(&mut self, now: Instant, id: WorkerId, kind: ErrorKind) {
        if self.is_busy(id) {
            self.end(now, id, Outcome::Failed(kind));
            self.recover(now, id, false);
        }
    }

    /// Counts an error that a caller is told.
    pub(crate) fn told(&mut self, kind: ErrorKind) {
        self.record.error(kind);
    }

    /// The client of a running request left; `partial`: before all of the
    /// request was sent, so that the script must not run on with what it got.
    pub(crate) fn abandon(
        &mut self,
        now: Instant,
        id: WorkerId,
        policy: OnClientGone,
        partial: bool,
    ) {
        let Some(running) = self.running_mut(id) else {
            return;
        };
        running.left = true;
        if policy == OnClientGone::Finish && !partial {
            // The shell goes on reading, and finishes later.
            return;
        }
        self.end(now, id, Outcome::Abandoned);
        if partial || policy == OnClientGone::Kill {
            let reason = if partial {
                StopReason::PartialRequest
            } else {
                StopReason::ClientGone
            };
            self.stop(now, id, reason, Firmness::Kill);
            self.balance(now);
            self.after_change();
        } else {
            self.recover(now, id, false);
        }
    }

    fn recover(&mut self, now: Instant, id: WorkerId, over: bool) {
        let limit = self.settings.timeouts.recover;
        let until = limit.and_then(|limit| now.checked_add(limit));
        // Without a client, a script has no more time than it had with one.
        let total = match self.workers.get(&id).map(|worker| &worker.state) {
            Some(State::Busy(running)) => running.total_until,
            _ => None,
        };
        let until = earliest(until, total);
        self.set_state(id, now, State::Recovering { until });
        self.out.push(Action::Recover { worker: id, over });
        self.after_change();
    }

    /// The worker proved ready again after a new connection was made.
    pub(crate) fn recovered(&mut self, now: Instant, id: WorkerId) {
        if self.is_recovering(id) {
            self.vacate(now, id);
        }
    }

    /// The worker did not come back.
    pub(crate) fn lost(&mut self, now: Instant, id: WorkerId) {
        if self.is_recovering(id) {
            self.stop(now, id, StopReason::NotReady, Firmness::Dying);
            self.balance(now);
        }
    }

    /// Whether the worker has ended its old request cannot be known.
    pub(crate) fn unknowable(&mut self, now: Instant, id: WorkerId) {
        if self.is_recovering(id) {
            self.stop(now, id, StopReason::ClientGone, Firmness::Kill);
            self.balance(now);
        }
    }

    /// A worker is free: for the next request, or to go.
    pub(super) fn vacate(&mut self, now: Instant, id: WorkerId) {
        self.release_keys(now, id);
        if let Some(reason) = self.should_go(id) {
            self.stop(now, id, reason, Firmness::Idle);
        } else {
            self.set_state(id, now, State::Idle);
            self.idle.push(id);
        }
        self.serve_queue(now);
        self.balance(now);
        self.after_change();
    }

    pub(super) fn release_keys(&mut self, now: Instant, id: WorkerId) {
        let max_children = self.max_children();
        if let Some(worker) = self.workers.get_mut(&id) {
            let claims = worker.claims.take();
            self.queue.release(now, &claims, max_children);
        }
    }

    fn running_mut(&mut self, id: WorkerId) -> Option<&mut Running> {
        match &mut self.workers.get_mut(&id)?.state {
            State::Busy(running) => Some(running),
            _ => None,
        }
    }

    fn is_busy(&self, id: WorkerId) -> bool {
        let worker = self.workers.get(&id);
        worker.is_some_and(|worker| matches!(worker.state, State::Busy(_)))
    }

    fn is_recovering(&self, id: WorkerId) -> bool {
        let worker = self.workers.get(&id);
        worker.is_some_and(|worker| matches!(worker.state, State::Recovering { .. }))
    }

    /// The last request may be done.
    pub(super) fn after_change(&mut self) {
        if self.gate == Gate::Draining && self.is_drained() {
            self.out.push(Action::Drained);
        }
    }

    /// The caller of a queued request left after a worker was found for it
    /// and before a byte was sent.
    pub(crate) fn give_back(&mut self, now: Instant, id: WorkerId) {
        self.record.totals.abandoned_in_queue += 1;
        self.event(|| EventKind::RequestRefused { error: None });
        if self.is_busy(id) {
            self.vacate(now, id);
        } else {
            // The worker ended meanwhile.
            self.adrift = self.adrift.saturating_sub(1);
            self.after_change();
        }
    }

    /// What the state of a stop says about a worker's death.
    pub(super) const fn stop_of(state: &State) -> Option<&Stop> {
        match state {
            State::Stopping(stop) => Some(stop),
            _ => None,
        }
    }
}
