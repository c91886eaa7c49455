//! Requests before they run: admitted, queued, refused, given up.

use std::time::{Duration, Instant};

use super::action::{Action, Ask, Decision, Refusal, Ticket};
use super::queue::Waiting;
use super::{Gate, Machine};
use crate::{ErrorKind, EventKind};

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

    /// Tells those that wait for a place, if there is one.
    pub(super) fn announce_room(&mut self) {
        if self.room_wanted && (self.gate != Gate::Open || self.is_hopeless() || self.places() > 0)
        {
            self.room_wanted = false;
            self.out.push(Action::Room);
        }
    }
}
