//! Requests that wait, and the keys that keep some of them apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::action::{Ask, Ticket};
use crate::ErrorKind;

pub(super) type Key = Arc<[u8]>;

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) ask: Ask,
    pub(super) since: Instant,
    /// When it has waited long enough, and what to call that.
    pub(super) expires: Instant,
    pub(super) expiry: ErrorKind,
}

/// The queue, in order of priority and arrival.
///
/// A key is held from the moment that a request with it may run until the
/// worker is done with that request; others with the key wait apart, so that
/// the head of the queue can always run.
#[derive(Debug, Default)]
pub(super) struct Queue {
    runnable: BTreeMap<Ticket, Waiting>,
    blocked: BTreeMap<Ticket, Waiting>,
    /// Every held key, with those that wait for it.
    keys: HashMap<Key, BTreeSet<Ticket>>,
    serial: u64,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.runnable.len() + self.blocked.len()
    }

    /// How many could run at once if there were workers.
    pub(super) fn runnable(&self) -> usize {
        self.runnable.len()
    }

    pub(super) fn is_held(&self, key: &Key) -> bool {
        self.keys.contains_key(key)
    }

    /// Takes a key that nobody holds.
    pub(super) fn hold(&mut self, key: Key) {
        self.keys.insert(key, BTreeSet::new());
    }

    pub(super) fn push(&mut self, waiting: Waiting) -> Ticket {
        self.serial += 1;
        let ticket = Ticket::new(waiting.ask.priority, self.serial);
        match &waiting.ask.key {
            Some(key) => match self.keys.get_mut(key) {
                Some(others) => {
                    others.insert(ticket);
                    self.blocked.insert(ticket, waiting);
                }
                None => {
                    self.hold(Arc::clone(key));
                    self.runnable.insert(ticket, waiting);
                }
            },
            None => {
                self.runnable.insert(ticket, waiting);
            }
        }
        ticket
    }

    /// The request that runs next; its key stays held.
    pub(super) fn pop(&mut self) -> Option<(Ticket, Waiting)> {
        self.runnable.pop_first()
    }

    /// Takes a request out of the queue.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        if let Some(waiting) = self.runnable.remove(&ticket) {
            if let Some(key) = &waiting.ask.key {
                self.release(key);
            }
            return Some(waiting);
        }
        let waiting = self.blocked.remove(&ticket)?;
        if let Some(others) = waiting
            .ask
            .key
            .as_ref()
            .and_then(|key| self.keys.get_mut(key))
        {
            others.remove(&ticket);
        }
        Some(waiting)
    }

    /// Gives a key up, or to the next that waits for it: `true` if that one
    /// can run now.
    pub(super) fn release(&mut self, key: &Key) -> bool {
        let Some(others) = self.keys.get_mut(key) else {
            return false;
        };
        let Some(next) = others.pop_first() else {
            self.keys.remove(key);
            return false;
        };
        if let Some(waiting) = self.blocked.remove(&next) {
            self.runnable.insert(next, waiting);
        }
        true
    }

    /// Those whose time is over by `now`.
    pub(super) fn expired(&self, now: Instant) -> Vec<Ticket> {
        self.all()
            .filter(|(_, waiting)| waiting.expires <= now)
            .map(|(&ticket, _)| ticket)
            .collect()
    }

    /// What to call the end of a request's wait.
    pub(super) fn expiry(&self, ticket: Ticket) -> Option<ErrorKind> {
        let waiting = self
            .runnable
            .get(&ticket)
            .or_else(|| self.blocked.get(&ticket));
        waiting.map(|waiting| waiting.expiry)
    }

    pub(super) fn tickets(&self) -> Vec<Ticket> {
        self.all().map(|(&ticket, _)| ticket).collect()
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.all().map(|(_, waiting)| waiting.expires).min()
    }

    fn all(&self) -> impl Iterator<Item = (&Ticket, &Waiting)> {
        self.runnable.iter().chain(&self.blocked)
    }
}
