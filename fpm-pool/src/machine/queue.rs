//! Requests that wait: for a worker, or for others with the same key.

use std::collections::BTreeMap;
use std::time::Instant;

use super::action::{Ask, Ticket};
use super::keys::{Claims, Keys};
use super::standing::Standing;
use crate::{ErrorKind, QueueOrder};

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) ask: Ask,
    pub(super) since: Instant,
    /// Since when it waits for a worker alone.
    pub(super) runnable_since: Instant,
    /// When it has waited long enough, and what to call that.
    pub(super) expires: Option<Instant>,
    pub(super) expiry: ErrorKind,
}

/// The queue, in order of priority and arrival.
///
/// Requests whose keys have all the workers that they may have wait apart
/// (blocked), so that whatever is at the head of the others can always run.
#[derive(Debug)]
pub(super) struct Queue {
    order: QueueOrder,
    runnable: BTreeMap<Ticket, Waiting>,
    blocked: BTreeMap<Ticket, Waiting>,
    keys: Keys,
    serial: u64,
    /// By urgency.
    standing: [Standing; Ticket::URGENCIES],
}

impl Queue {
    pub(super) fn new(order: QueueOrder) -> Self {
        Self {
            order,
            runnable: BTreeMap::new(),
            blocked: BTreeMap::new(),
            keys: Keys::default(),
            serial: 0,
            standing: Default::default(),
        }
    }

    pub(super) const fn set_order(&mut self, order: QueueOrder) {
        self.order = order;
    }

    /// All that wait.
    pub(super) fn len(&self) -> usize {
        self.runnable.len() + self.blocked.len()
    }

    /// How many could run at once if there were workers.
    pub(super) fn runnable(&self) -> usize {
        self.runnable.len()
    }

    /// How many wait for others with the same key.
    pub(super) fn blocked(&self) -> usize {
        self.blocked.len()
    }

    /// Whether a request with these claims may run now.
    pub(super) fn are_free(&self, claims: &Claims, max_children: usize) -> bool {
        self.keys.are_free(claims, max_children)
    }

    /// The most requests that wait for one of these keys.
    pub(super) fn waiting_for(&self, claims: &Claims) -> usize {
        self.keys.waiting(claims)
    }

    /// Takes keys for a request that runs without having waited.
    pub(super) fn hold(&mut self, claims: &Claims) {
        self.keys.hold(claims);
    }

    pub(super) fn push(&mut self, waiting: Waiting, max_children: usize) -> Ticket {
        self.serial += 1;
        let ticket = Ticket::new(waiting.ask.priority, self.serial);
        self.place(ticket, waiting, max_children);
        ticket
    }

    fn place(&mut self, ticket: Ticket, waiting: Waiting, max_children: usize) {
        let claims = &waiting.ask.claims;
        if self.keys.are_free(claims, max_children) {
            self.keys.hold(claims);
            self.runnable.insert(ticket, waiting);
        } else {
            self.keys.wait(claims, ticket);
            self.blocked.insert(ticket, waiting);
        }
    }

    /// The request that runs next; its keys stay held.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Ticket, Waiting)> {
        let (&oldest, _) = self.runnable.first_key_value()?;
        let ticket = if self.is_overloaded(now, oldest) {
            let newest = self.runnable.range(..=oldest.last_of_urgency()).next_back();
            newest.map_or(oldest, |(&newest, _)| newest)
        } else {
            oldest
        };
        let waiting = self.runnable.remove(&ticket)?;
        self.observe(now, ticket);
        Some((ticket, waiting))
    }

    /// Takes a request out of the queue; others may be runnable in its place.
    pub(super) fn remove(
        &mut self,
        now: Instant,
        ticket: Ticket,
        max_children: usize,
    ) -> Option<Waiting> {
        if let Some(waiting) = self.runnable.remove(&ticket) {
            self.observe(now, ticket);
            self.release(now, &waiting.ask.claims, max_children);
            return Some(waiting);
        }
        let waiting = self.blocked.remove(&ticket)?;
        self.keys.leave(&waiting.ask.claims, ticket);
        Some(waiting)
    }

    /// Gives keys up, to those that wait for them.
    pub(super) fn release(&mut self, now: Instant, claims: &Claims, max_children: usize) {
        if claims.is_some() {
            let waiting = self.keys.release(claims);
            self.unblock(now, waiting, max_children);
        }
    }

    /// Decides anew who is blocked, after the number of workers changed.
    pub(super) fn review(&mut self, now: Instant, max_children: usize) {
        let with_keys = |_: &Ticket, waiting: &mut Waiting| waiting.ask.claims.is_some();
        let mut all: BTreeMap<_, _> = self.runnable.extract_if(.., with_keys).collect();
        for waiting in all.values() {
            self.keys.release(&waiting.ask.claims);
        }
        for (ticket, mut waiting) in std::mem::take(&mut self.blocked) {
            self.keys.leave(&waiting.ask.claims, ticket);
            waiting.runnable_since = now;
            all.insert(ticket, waiting);
        }
        for (ticket, waiting) in all {
            self.place(ticket, waiting, max_children);
        }
    }

    fn unblock(&mut self, now: Instant, candidates: Vec<Ticket>, max_children: usize) {
        for ticket in candidates {
            let Some(waiting) = self.blocked.get(&ticket) else {
                continue;
            };
            let claims = waiting.ask.claims.clone();
            if !self.keys.are_free(&claims, max_children) {
                continue;
            }
            self.keys.leave(&claims, ticket);
            self.keys.hold(&claims);
            if let Some(mut waiting) = self.blocked.remove(&ticket) {
                waiting.runnable_since = now;
                self.runnable.insert(ticket, waiting);
            }
        }
    }

    /// Notes that a client is about to leave, or that its time is over.
    /// Those that wait for a key say nothing about the workers.
    pub(super) fn give_up(&mut self, now: Instant, ticket: Ticket) {
        if self.runnable.contains_key(&ticket) {
            self.observe(now, ticket);
            self.standing[ticket.urgency()].give_up();
        }
    }

    /// Looks at the oldest of a request's urgency.
    fn observe(&mut self, now: Instant, ticket: Ticket) {
        let QueueOrder::Adaptive { target, .. } = self.order else {
            return;
        };
        let range = ticket.first_of_urgency()..=ticket.last_of_urgency();
        let oldest = self.runnable.range(range).next();
        let since = oldest.map(|(_, waiting)| waiting.runnable_since);
        self.standing[ticket.urgency()].observe(now, since, target);
    }

    fn is_overloaded(&mut self, now: Instant, oldest: Ticket) -> bool {
        let QueueOrder::Adaptive { interval, .. } = self.order else {
            return false;
        };
        self.observe(now, oldest);
        self.standing[oldest.urgency()].is_overload(now, interval)
    }

    /// Those whose time is over by `now`, with what to call that.
    pub(super) fn expired(&self, now: Instant) -> Vec<(Ticket, ErrorKind)> {
        self.all()
            .filter(|(_, waiting)| waiting.expires.is_some_and(|at| at <= now))
            .map(|(&ticket, waiting)| (ticket, waiting.expiry))
            .collect()
    }

    pub(super) fn tickets(&self) -> Vec<Ticket> {
        self.all().map(|(&ticket, _)| ticket).collect()
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.all().filter_map(|(_, waiting)| waiting.expires).min()
    }

    fn all(&self) -> impl Iterator<Item = (&Ticket, &Waiting)> {
        self.runnable.iter().chain(&self.blocked)
    }

    /// Whether each that is blocked has to be.
    #[cfg(test)]
    pub(super) fn all_blocked_are(&self, max_children: usize) -> bool {
        let free = |waiting: &Waiting| self.keys.are_free(&waiting.ask.claims, max_children);
        !self.blocked.values().any(free)
    }

    /// Whether no key is held or waited for.
    #[cfg(test)]
    pub(super) fn has_no_keys(&self) -> bool {
        self.keys.is_empty()
    }
}
