//! How long a process waits between two attempts at a lock that another
//! process holds.

use std::time::Duration;

use crate::Token;

/// Short pauses at first, then longer ones; random, so that no process always
/// comes second.
#[derive(Debug)]
pub(super) struct Pause {
    upper: Duration,
    seed: u64,
}

impl Pause {
    /// The token is random already.
    pub(super) fn new(token: &Token) -> Self {
        let seed = token.as_str().bytes().fold(0_u64, |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(byte.into())
        });
        Self {
            upper: SHORTEST,
            seed,
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        // Knuth's linear congruential generator; only spread matters here.
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let upper = self.upper;
        self.upper = (upper * 3 / 2).min(LONGEST);
        let [high, ..] = self.seed.to_be_bytes();
        upper / 2 + upper.mul_f64(f64::from(high) / 512.0)
    }
}

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let mut pause = Pause::new(&Token::random());
        let pauses: Vec<_> = (0..100).map(|_| pause.next()).collect();
        assert!(pauses.iter().all(|&pause| pause <= LONGEST));
        assert!(pauses[0] <= SHORTEST);
        assert!(pauses[20..].windows(2).any(|two| two[0] != two[1]));
    }
}
