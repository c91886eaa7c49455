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
        if ask.again {
            self.adrift = self.adrift.saturating_sub(1);
        }
        match self.admit(now, ask) {
            Err(refusal) => {
                self.refused(Some(refusal.kind));
                self.after_change();
                Decision::Refuse(refusal)
            }
            Ok(decision) => decision,
        }
    }

    fn admit(&mut self, now: Instant, ask: Ask) -> Result<Decision, Refusal> {
        let accepted = ask.again && self.gate == Gate::Draining;
        if self.gate != Gate::Open && !accepted {
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
        let max_children = self.max_children();
        if !self.queue.are_free(&ask.claims, max_children) {
            self.check_blocked(&ask)?;
            return Ok(Decision::Wait(self.enqueue(now, ask)));
        }
        if self.places() == 0 {
            return Err(self.full());
        }
        if let Some(&worker) = self.idle.last() {
            self.queue.hold(&ask.claims);
            self.run(now, worker, &ask, Duration::ZERO);
            self.balance(now);
            return Ok(Decision::Run(worker));
        }
        Ok(Decision::Wait(self.enqueue(now, ask)))
    }

    /// Those that wait for a key have bounds of their own.
    fn check_blocked(&self, ask: &Ask) -> Result<(), Refusal> {
        let bounds = &self.settings.queue;
        let full = self.queue.blocked() >= bounds.max_blocked
            || self.queue.waiting_for(&ask.claims) >= bounds.max_blocked_per_key;
        if full { Err(self.full()) } else { Ok(()) }
    }

    fn full(&self) -> Refusal {
        Refusal {
            kind: ErrorKind::QueueFull,
            retry_after: Some(self.retry_after()),
        }
    }

    fn enqueue(&mut self, now: Instant, ask: Ask) -> Ticket {
        // A wait that ends beyond the end of time never ends.
        let patience = now.checked_add(self.settings.queue.max_wait);
        let (expires, expiry) = match ask.deadline {
            Some(deadline) if patience.is_none_or(|patience| deadline < patience) => {
                (Some(deadline), ErrorKind::Deadline)
            }
            _ => (patience, ErrorKind::QueueTimeout),
        };
        self.arm(expires);
        let waiting = Waiting {
            ask,
            since: now,
            runnable_since: now,
            expires,
            expiry,
        };
        let ticket = self.queue.push(waiting, self.max_children());
        let queue_len = self.queue.len();
        self.record.queued(queue_len);
        self.event(|| EventKind::RequestQueued { queue_len });
        self.balance(now);
        ticket
    }

    /// Requests that would be taken now: by workers that are idle or may be
    /// started, and by the queue.
    fn places(&self) -> usize {
        let working = self.census.busy + self.census.recovering;
        let workers = self.max_children().saturating_sub(working);
        workers
            .saturating_add(self.settings.queue.max_len)
            .saturating_sub(self.queue.runnable())
            .saturating_sub(self.reserved)
    }

    /// Whether a caller need not wait for a place: there is one, or it will
    /// be refused for another reason.
    pub(crate) fn has_place(&self) -> bool {
        self.gate != Gate::Open || self.is_hopeless() || self.places() > 0
    }

    /// Promises a place to a caller; the request that comes says so, or
    /// [`unreserve`](Self::unreserve) gives it back.
    pub(crate) fn reserve(&mut self) -> bool {
        let free = self.has_place();
        self.reserved += usize::from(free);
        free
    }

    pub(crate) const fn unreserve(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// When a place is likely to be free.
    pub(super) fn retry_after(&self) -> Duration {
        let ahead = u32::try_from(self.queue.len() + 1).unwrap_or(u32::MAX);
        let workers = u32::try_from(self.max_children()).unwrap_or(u32::MAX);
        let each = self.record.usual_duration();
        each.saturating_mul(ahead) / workers.max(1)
    }

    /// The client of a queued request left.
    pub(crate) fn cancel(&mut self, now: Instant, ticket: Ticket) {
        self.queue.give_up(now, ticket);
        let max_children = self.max_children();
        if self.queue.remove(now, ticket, max_children).is_some() {
            self.record.totals.abandoned_in_queue += 1;
            self.event(|| EventKind::RequestRefused { error: None });
            self.serve_queue(now);
            self.after_change();
        }
    }

    /// Takes a request out of the queue without running it.
    pub(super) fn refuse(&mut self, now: Instant, ticket: Ticket, refusal: Refusal) {
        let max_children = self.max_children();
        if self.queue.remove(now, ticket, max_children).is_some() {
            self.refused(Some(refusal.kind));
            self.out.push(Action::Refuse { ticket, refusal });
        }
    }

    fn refused(&mut self, error: Option<ErrorKind>) {
        if let Some(kind) = error {
            self.record.error(kind);
        }
        self.event(|| EventKind::RequestRefused { error });
    }
}
