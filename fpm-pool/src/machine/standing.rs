//! Whether a queue stands: an overload, told apart from a busy moment.

use std::time::{Duration, Instant};

/// How long the requests of one urgency have waited too long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Since when the oldest has always been older than the target.
    since: Option<Instant>,
    /// Whether a client has left, or run out of time, since then.
    given_up: bool,
}

impl Standing {
    /// Takes note of the oldest request's arrival after the queue changed;
    /// until the next change it only grows older.
    pub(super) fn observe(&mut self, now: Instant, oldest: Option<Instant>, target: Duration) {
        // A target beyond the end of time is never passed.
        let passed = oldest.and_then(|since| since.checked_add(target));
        match passed.filter(|&at| at < now) {
            Some(at) => self.since = self.since.or(Some(at)),
            None => *self = Self::default(),
        }
    }

    /// A client left the queue, or its time was over.
    pub(super) const fn give_up(&mut self) {
        self.given_up = self.since.is_some();
    }

    /// Whether the queue has stood for `interval`, and clients leave it.
    pub(super) fn is_overload(&self, now: Instant, interval: Duration) -> bool {
        let long = |since: Instant| now.saturating_duration_since(since) >= interval;
        self.given_up && self.since.is_some_and(long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(50);
    const INTERVAL: Duration = Duration::from_millis(500);

    #[test]
    fn a_queue_that_stands_while_clients_leave_is_an_overload() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut standing = Standing::default();
        standing.observe(at(100), Some(at(0)), TARGET);
        assert!(!standing.is_overload(at(600), INTERVAL), "nobody left");
        standing.give_up();
        assert!(!standing.is_overload(at(549), INTERVAL));
        assert!(standing.is_overload(at(550), INTERVAL));
    }

    #[test]
    fn a_queue_that_empties_is_none_whoever_leaves() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut standing = Standing::default();
        standing.observe(at(100), Some(at(0)), TARGET);
        standing.give_up();
        standing.observe(at(400), Some(at(380)), TARGET);
        standing.give_up();
        assert!(!standing.is_overload(at(5000), INTERVAL));
    }

    #[test]
    fn a_target_without_end_is_never_passed() {
        let now = Instant::now();
        let mut standing = Standing::default();
        standing.observe(now, Some(now), Duration::MAX);
        standing.give_up();
        assert!(!standing.is_overload(now + Duration::from_secs(9), Duration::ZERO));
    }
}
