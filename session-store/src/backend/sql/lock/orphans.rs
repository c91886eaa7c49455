//! Leases that could not be given back, such as on a disk that is full: who
//! wants the lock next in this process tries again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Token;

/// More end with their leases.
const MAX: usize = 1024;

#[derive(Debug, Default)]
pub(in crate::backend::sql) struct Orphans(Mutex<Vec<Orphan>>);

#[derive(Debug)]
struct Orphan {
    name: String,
    token: Token,
    end: Instant,
}

impl Orphans {
    /// Notes a lease that ends by itself after `ttl`.
    pub(in crate::backend::sql) fn add(&self, name: &str, token: &Token, ttl: Duration) {
        let now = Instant::now();
        let mut orphans = self.orphans();
        orphans.retain(|orphan| orphan.end > now);
        if orphans.len() < MAX {
            orphans.push(Orphan {
                name: name.to_owned(),
                token: token.clone(),
                end: now + ttl,
            });
        }
    }

    /// Takes out a lease on a session.
    pub(in crate::backend::sql) fn take(&self, name: &str) -> Option<Token> {
        let mut orphans = self.orphans();
        let found = orphans.iter().position(|orphan| orphan.name == name)?;
        Some(orphans.swap_remove(found).token)
    }

    fn orphans(&self) -> MutexGuard<'_, Vec<Orphan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orphan_is_taken_once_and_forgotten_at_its_end() {
        let orphans = Orphans::default();
        let token = Token::random();
        orphans.add("a", &token, Duration::from_secs(60));
        orphans.add("b", &token, Duration::ZERO);
        assert_eq!(orphans.take("a"), Some(token.clone()));
        assert_eq!(orphans.take("a"), None);
        orphans.add("c", &token, Duration::from_secs(60));
        assert_eq!(orphans.take("b"), None);
    }
}
