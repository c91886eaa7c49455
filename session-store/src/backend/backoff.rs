//! Waiting between two attempts at a lock that another node holds.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

/// Delays that grow from one to 20 milliseconds, each shortened by up to a
/// half at random so that nodes do not ask in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    delay: Duration,
    longest: Duration,
    random: RandomState,
    round: u32,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self {
            delay: FIRST,
            longest: LONGEST,
            random: RandomState::new(),
            round: 0,
        }
    }

    /// The same, with pauses of at most so long.
    #[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
    pub(crate) fn up_to(longest: Duration) -> Self {
        Self {
            longest,
            ..Self::new()
        }
    }

    /// Sleeps once; `false` if the deadline has come instead.
    pub(crate) async fn sleep(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let delay = self.next();
        tokio::time::sleep(delay.min(left)).await;
        true
    }

    fn next(&mut self) -> Duration {
        self.round = self.round.wrapping_add(1);
        // The hasher's keys are random; that is all the randomness needed.
        let share = self.random.hash_one(self.round) % 512;
        let share = u32::try_from(share).unwrap_or(0);
        let delay = self.delay - self.delay / 1024 * share;
        self.delay = (self.delay * 2).min(self.longest);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_bound_and_differ() {
        let mut backoff = Backoff::new();
        let delays: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(delays[0] <= FIRST && delays[0] >= FIRST / 2);
        assert!(delays[8..].iter().all(|delay| *delay >= LONGEST / 2));
        assert!(delays.iter().all(|delay| *delay <= LONGEST));
        assert!(delays[8..].windows(2).any(|pair| pair[0] != pair[1]));
    }
}
