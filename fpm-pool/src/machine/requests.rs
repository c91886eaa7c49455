//! Requests: admitted, queued, started, finished.

use std::time::{Duration, Instant};

use super::action::{Action, Ask, Breach, Decision, Finish, Refusal, Ticket};
use super::queue::Waiting;
use super::worker::{Firmness, Running, State, Stop};
use super::{Gate, Machine};
use crate::{ErrorKind, EventKind, OnClientGone, StopReason, WorkerId};

impl Machine {
    /// A new request.
    pub(crate) fn request(&mut self, now: Instant, ask: Ask) -> Decision {
        if ask.reserved {
            self.reserved = self.reserved.saturating_sub(1);
        }
        match self.admit(now, ask) {
            Err(refusal) => {
                self.refused(Some(refusal.kind));
                Decision::Refuse(refusal)
            }
            Ok(decision) => decision,
        }
    }

    fn admit(&mut self, now: Instant, ask: Ask) -> Result<Decision, Refusal> {
        if self.gate != Gate::Open {
            return Err(ErrorKind::Closed.into());
        }
        if ask.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(ErrorKind::Deadline.into());
        }
        if self.is_hopeless() {
            let wait = self.failures.wait_until(now);
            return Err(Refusal {
                kind: ErrorKind::NoWorker,
                retry_after: wait.map(|at| at.saturating_duration_since(now)),
            });
        }
        if self.places() == 0 {
            return Err(Refusal {
                kind: ErrorKind::QueueFull,
                retry_after: Some(self.retry_after()),
            });
        }
        let held = ask.key.as_ref().is_some_and(|key| self.queue.is_held(key));
        if !held && let Some(&worker) = self.idle.last() {
            if let Some(key) = &ask.key {
                self.queue.hold(key.clone());
            }
            self.run(now, worker, &ask, Duration::ZERO);
            self.balance(now);
            return Ok(Decision::Run(worker));
        }
        Ok(Decision::Wait(self.enqueue(now, ask)))
    }

    fn enqueue(&mut self, now: Instant, ask: Ask) -> Ticket {
        let patience = now + self.settings.queue.max_wait;
        let (expires, expiry) = match ask.deadline {
            Some(deadline) if deadline < patience => (deadline, ErrorKind::Deadline),
            _ => (patience, ErrorKind::QueueTimeout),
        };
        self.arm(Some(expires));
        let ticket = self.queue.push(Waiting {
            ask,
            since: now,
            expires,
            expiry,
        });
        let queue_len = self.queue.len();
        self.record.queued(queue_len);
        self.event(|| EventKind::RequestQueued { queue_len });
        self.balance(now);
        ticket
    }

    /// Requests that would be taken now: by workers that are idle or may be
    /// started, and by the queue.
    pub(super) fn places(&self) -> usize {
        let working = self.census.busy + self.census.recovering;
        let workers = self.settings.sizing.max_children().saturating_sub(working);
        (workers + self.settings.queue.max_len)
            .saturating_sub(self.queue.len())
            .saturating_sub(self.reserved)
    }

    /// Promises a place to a caller; the request that comes says so, or
    /// [`unreserve`](Self::unreserve) gives it back.
    pub(crate) fn reserve(&mut self) -> bool {
        let free = self.gate != Gate::Open || self.is_hopeless() || self.places() > 0;
        // A closed pool refuses at once; nobody has to wait for that.
        if free {
            self.reserved += 1;
        } else {
            self.room_wanted = true;
        }
        free
    }

    pub(crate) fn unreserve(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
        self.after_change();
    }

    /// When a place is likely to be free.
    pub(super) fn retry_after(&self) -> Duration {
        let ahead = u32::try_from(self.queue.len() + 1).unwrap_or(u32::MAX);
        let workers = u32::try_from(self.settings.sizing.max_children()).unwrap_or(u32::MAX);
        let each = self.record.usual_duration();
        each.saturating_mul(ahead) / workers.max(1)
    }

    /// The client of a queued request left.
    pub(crate) fn cancel(&mut self, now: Instant, ticket: Ticket) {
        if self.queue.remove(ticket).is_some() {
            self.queue.gave_up(now);
            self.record.totals.abandoned_in_queue += 1;
            self.event(|| EventKind::RequestRefused { error: None });
            self.serve_queue(now);
            self.after_change();
        }
    }

    /// Takes a request out of the queue without running it.
    pub(super) fn refuse(&mut self, ticket: Ticket, refusal: Refusal) {
        if self.queue.remove(ticket).is_some() {
            self.refused(Some(refusal.kind));
            self.out.push(Action::Refuse { ticket, refusal });
            self.announce_room();
        }
    }

    fn refused(&mut self, error: Option<ErrorKind>) {
        if let Some(kind) = error {
            self.record.error(kind);
        }
        self.event(|| EventKind::RequestRefused { error });
    }

    /// Starts a request on an idle worker.
    fn run(&mut self, now: Instant, id: WorkerId, ask: &Ask, queue_wait: Duration) {
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

    /// Tells those that wait for a place, if there is one.
    fn announce_room(&mut self) {
        if self.room_wanted && (self.gate != Gate::Open || self.is_hopeless() || self.places() > 0)
        {
            self.room_wanted = false;
            self.out.push(Action::Room);
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
