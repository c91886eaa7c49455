//! Requests on workers: started, finished, given up.

use std::time::{Duration, Instant};

use super::action::{Action, Ask, Breach, Finish};
use super::worker::{Firmness, Running, State, Stop, earliest};
use super::{Gate, Machine};
use crate::{ErrorKind, EventKind, OnClientGone, StopReason, WorkerId};

impl Machine {
    /// Starts a request on an idle worker.
    pub(super) fn run(&mut self, now: Instant, id: WorkerId, ask: &Ask, queue_wait: Duration) {
        let timeouts = &self.settings.timeouts;
        let after = |limit: Option<Duration>| limit.map(|limit| now + limit);
        let running = Running {
            queue_wait,
            first_byte: None,
            first_byte_until: after(ask.first_byte.or(timeouts.first_byte)),
            total_until: after(ask.total.or(timeouts.total)),
        };
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.requests += 1;
            worker.key.clone_from(&ask.key);
        }
        self.set_state(id, now, State::Busy(running));
        self.record.started(queue_wait);
        self.event(|| EventKind::RequestStarted {
            worker: id,
            queue_wait,
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

    /// The worker is done with its request, and did well.
    pub(crate) fn finish(&mut self, now: Instant, id: WorkerId, how: Finish) {
        let Some((born, since)) = self.busy(id) else {
            return;
        };
        let duration = now.saturating_duration_since(since);
        self.record.finished(duration);
        self.failures.succeeded(born);
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.proven = true;
        }
        self.event(|| EventKind::RequestFinished {
            worker: id,
            duration,
            error: None,
        });
        match how {
            Finish::Reusable => self.vacate(now, id),
            Finish::Reconnect => self.recover(now, id),
        }
    }

    /// The request failed through the worker's fault, which has to go.
    pub(crate) fn broken(&mut self, now: Instant, id: WorkerId, breach: Breach) {
        if self.busy(id).is_none() {
            return;
        }
        let firmness = match breach {
            Breach::Closed => Firmness::Dying,
            Breach::Garbage => Firmness::Kill,
        };
        self.stop(now, id, StopReason::Protocol, firmness);
        self.balance(now);
        self.after_change();
    }

    /// The request's own body failed: nothing is the worker's fault, but its
    /// connection is of no more use.
    pub(crate) fn forsaken(&mut self, now: Instant, id: WorkerId) {
        if self.busy(id).is_some() {
            self.recover(now, id);
        }
    }

    /// Counts a request that was started and failed.
    pub(crate) fn failed(&mut self, id: WorkerId, kind: ErrorKind, duration: Duration) {
        self.record.error(kind);
        self.event(|| EventKind::RequestFinished {
            worker: id,
            duration,
            error: Some(kind),
        });
    }

    /// A request is about to run once more.
    pub(crate) const fn replayed(&mut self) {
        self.record.totals.replayed += 1;
    }

    /// The client of a running request left.
    pub(crate) fn abandon(&mut self, now: Instant, id: WorkerId, policy: OnClientGone) {
        if self.busy(id).is_none() {
            return;
        }
        self.record.totals.abandoned_running += 1;
        match policy {
            OnClientGone::Abort => self.recover(now, id),
            // The shell goes on reading, and finishes later.
            OnClientGone::Finish => {}
            OnClientGone::Kill => {
                self.stop(now, id, StopReason::ClientGone, Firmness::Kill);
                self.balance(now);
                self.after_change();
            }
        }
    }

    fn recover(&mut self, now: Instant, id: WorkerId) {
        let until = self.settings.timeouts.recover.map(|limit| now + limit);
        // Without a client, a script has no more time than it had with one.
        let total = match self.workers.get(&id).map(|worker| &worker.state) {
            Some(State::Busy(running)) => running.total_until,
            _ => None,
        };
        let until = earliest(until, total);
        self.set_state(id, now, State::Recovering { until });
        self.out.push(Action::Recover(id));
        self.after_change();
    }

    /// The worker proved ready again after a new connection was made.
    pub(crate) fn recovered(&mut self, now: Instant, id: WorkerId) {
        let recovering = |state: &State| matches!(state, State::Recovering { .. });
        if self
            .workers
            .get(&id)
            .is_some_and(|worker| recovering(&worker.state))
        {
            self.vacate(now, id);
        }
    }

    /// The worker did not come back.
    pub(crate) fn lost(&mut self, now: Instant, id: WorkerId) {
        if self
            .workers
            .get(&id)
            .is_some_and(|worker| matches!(worker.state, State::Recovering { .. }))
        {
            self.stop(now, id, StopReason::NotReady, Firmness::Dying);
            self.balance(now);
        }
    }

    /// A worker is free: for the next request, or to go.
    pub(super) fn vacate(&mut self, now: Instant, id: WorkerId) {
        self.release_key(id);
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

    pub(super) fn release_key(&mut self, id: WorkerId) {
        if let Some(key) = self
            .workers
            .get_mut(&id)
            .and_then(|worker| worker.key.take())
        {
            self.queue.release(&key);
        }
    }

    /// Birth and start of the request, if the worker is busy.
    fn busy(&self, id: WorkerId) -> Option<(Instant, Instant)> {
        let worker = self.workers.get(&id)?;
        matches!(worker.state, State::Busy(_)).then_some((worker.born, worker.since))
    }

    /// A place may be free, or the last request done.
    pub(super) fn after_change(&mut self) {
        self.announce_room();
        let running = |state: &State| matches!(state, State::Busy(_));
        if self.gate == Gate::Draining
            && self.queue.len() == 0
            && !self.workers.values().any(|worker| running(&worker.state))
        {
            self.out.push(Action::Drained);
        }
    }

    /// The caller of a queued request left after a worker was found for it
    /// and before a byte was sent.
    pub(crate) fn give_back(&mut self, now: Instant, id: WorkerId) {
        if self.busy(id).is_some() {
            self.record.totals.started -= 1;
            self.record.totals.abandoned_in_queue += 1;
            self.event(|| EventKind::RequestRefused { error: None });
            self.vacate(now, id);
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
