//! Requests that wait, and the keys that keep some of them apart.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// How far back giving up counts.
const IMPATIENCE: Duration = Duration::from_secs(10);

/// So often within that time must somebody have given up.
const GIVE_UPS: usize = 2;

/// Those who leave this close together count once: a browser that is closed,
/// or a test that ends, is no sign of a wait that is too long.
const MOMENT: Duration = Duration::from_millis(50);

/// The queue, in order of priority and arrival.
///
/// Once more comes than can be served, the oldest request is always the one
/// whose client is about to leave: run in order of arrival, nearly every
/// answer would come too late. So while clients keep leaving it, the newest
/// of the most urgent runs first, and those that can be served are served in
/// time. The clients themselves tell how long they wait; nothing is tuned.
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
    /// The last moments at which somebody gave up, the newest at the end.
    give_ups: VecDeque<Instant>,
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

    /// Notes that a client left, or a deadline passed, while waiting.
    pub(super) fn gave_up(&mut self, now: Instant) {
        let last = self.give_ups.back();
        if last.is_some_and(|&last| now.saturating_duration_since(last) < MOMENT) {
            return;
        }
        if self.give_ups.len() == GIVE_UPS {
            self.give_ups.pop_front();
        }
        self.give_ups.push_back(now);
    }

    /// Whether clients keep giving up, so that the newest request runs first.
    fn is_impatient(&self, now: Instant) -> bool {
        let first = self
            .give_ups
            .front()
            .filter(|_| self.give_ups.len() == GIVE_UPS);
        first.is_some_and(|&first| now.saturating_duration_since(first) < IMPATIENCE)
    }

    /// The request that runs next; its key stays held.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Ticket, Waiting)> {
        if !self.is_impatient(now) {
            return self.runnable.pop_first();
        }
        let (oldest, _) = self.runnable.first_key_value()?;
        let newest = Ticket {
            serial: u64::MAX,
            ..*oldest
        };
        let (&ticket, _) = self.runnable.range(..=newest).next_back()?;
        self.runnable.remove_entry(&ticket)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Priority;

    fn push(queue: &mut Queue, now: Instant, priority: Priority) -> Ticket {
        queue.push(Waiting {
            ask: Ask {
                priority,
                ..Ask::default()
            },
            since: now,
            expires: now + Duration::from_secs(30),
            expiry: ErrorKind::QueueTimeout,
        })
    }

    fn order(queue: &mut Queue, now: Instant) -> Vec<Ticket> {
        std::iter::from_fn(|| queue.pop(now).map(|(ticket, _)| ticket)).collect()
    }

    #[test]
    fn requests_leave_in_order_of_arrival_while_nobody_gives_up() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let first = push(&mut queue, now, Priority::Normal);
        let second = push(&mut queue, now, Priority::Normal);
        assert_eq!(order(&mut queue, now), [first, second]);
    }

    /// Clients leave the queue at separate moments up to the returned one.
    fn keep_giving_up(queue: &mut Queue, mut now: Instant) -> Instant {
        for _ in 0..GIVE_UPS {
            now += MOMENT;
            queue.gave_up(now);
        }
        now
    }

    #[test]
    fn newest_of_the_most_urgent_leaves_first_while_clients_give_up() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let old = push(&mut queue, now, Priority::Normal);
        let new = push(&mut queue, now, Priority::Normal);
        let low = push(&mut queue, now, Priority::Low);
        let now = keep_giving_up(&mut queue, now);
        assert_eq!(order(&mut queue, now), [new, old, low]);
    }

    #[test]
    fn a_crowd_that_leaves_at_once_changes_no_order() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for _ in 0..100 {
            queue.gave_up(now);
        }
        let first = push(&mut queue, now, Priority::Normal);
        let second = push(&mut queue, now, Priority::Normal);
        assert_eq!(order(&mut queue, now), [first, second]);
    }

    #[test]
    fn order_of_arrival_returns_when_clients_wait_again() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let now = keep_giving_up(&mut queue, now);
        let first = push(&mut queue, now, Priority::Normal);
        let second = push(&mut queue, now, Priority::Normal);
        assert_eq!(order(&mut queue, now + IMPATIENCE), [first, second]);
    }
}
