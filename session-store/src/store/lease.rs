use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::{SessionId, Version};

/// The right to write one session, held by one request.
///
/// A backend makes it in [`Backend::lock_and_load`](crate::Backend::lock_and_load).
/// Dropping a lease releases nothing in a backend whose locks expire, and
/// everything where the lock is owned by the guard kept inside.
pub struct Lease {
    id: SessionId,
    token: Token,
    ttl: Duration,
    base: Option<Version>,
    guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Lease {
    /// A lease on `id` that lives for `ttl` unless renewed; `base` is the
    /// version loaded under it, `None` if there was no session.
    pub fn new(id: SessionId, token: Token, ttl: Duration, base: Option<Version>) -> Self {
        Self {
            id,
            token,
            ttl,
            base,
            guard: None,
        }
    }

    /// The same lease with what owns the lock: a file, a connection.
    #[must_use]
    pub fn with_guard(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }

    /// The session it is for.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// What tells this holder from every other.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// How long it lives after it was granted or renewed.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The version of the session as this holder knows it; `None` if there
    /// is no session yet.
    pub fn base(&self) -> Option<&Version> {
        self.base.as_ref()
    }

    /// Notes what is stored after a write that keeps the lease.
    pub fn set_base(&mut self, base: Option<Version>) {
        self.base = base;
    }

    /// The owner of the lock, if it is a `T`.
    pub fn guard<T: Any>(&self) -> Option<&T> {
        self.guard.as_deref()?.downcast_ref()
    }

    /// The owner of the lock, if it is a `T`.
    pub fn guard_mut<T: Any>(&mut self) -> Option<&mut T> {
        self.guard.as_deref_mut()?.downcast_mut()
    }

    /// Takes the owner of the lock out, if it is a `T`.
    pub fn take_guard<T: Any>(&mut self) -> Option<Box<T>> {
        if !self.guard.as_deref()?.is::<T>() {
            return None;
        }
        self.guard.take()?.downcast().ok()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id)
            .field("token", &self.token)
            .field("ttl", &self.ttl)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// 128 random bits that name one holder of one lock.
///
/// Never a host name or a process id: threads share those, containers repeat
/// them, and both let one holder free another's lock.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Token([u8; 2 * TOKEN_BYTES]);

impl Token {
    /// A fresh token from the system's random numbers, which are asked for
    /// a page at a time.
    ///
    /// # Panics
    ///
    /// If the system has none to give, which on Linux happens only before
    /// the kernel's generator is ready.
    pub fn random() -> Self {
        let bits = RANDOM.with_borrow_mut(Pool::take);
        let mut digits = [0; 2 * TOKEN_BYTES];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bits) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        Self(digits)
    }

    /// The token as 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

/// Whoever knows the token can free the lock, so only its start is shown.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}…)", &self.as_str()[..4])
    }
}

const TOKEN_BYTES: usize = 16;
const HEX: &[u8; 16] = b"0123456789abcdef";

thread_local! {
    static RANDOM: RefCell<Pool> = const { RefCell::new(Pool::new()) };
}

/// Random bytes fetched ahead: one system call for many tokens.
struct Pool {
    bytes: [u8; 64 * TOKEN_BYTES],
    used: usize,
}

impl Pool {
    const fn new() -> Self {
        let bytes = [0; 64 * TOKEN_BYTES];
        let used = bytes.len();
        Self { bytes, used }
    }

    /// The next bytes; the pool forgets them.
    fn take(&mut self) -> [u8; TOKEN_BYTES] {
        if self.used == self.bytes.len() {
            getrandom::fill(&mut self.bytes).expect("the system gives random numbers");
            self.used = 0;
        }
        let next = &mut self.bytes[self.used..][..TOKEN_BYTES];
        let mut taken = [0; TOKEN_BYTES];
        taken.swap_with_slice(next);
        self.used += TOKEN_BYTES;
        taken
    }
}

/// How long to wait for a lock and to hold it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LockOptions {
    /// When to give up waiting with
    /// [`ErrorKind::LockTimeout`](crate::ErrorKind::LockTimeout).
    pub deadline: Instant,
    /// How long the lock lives unless renewed, where locks expire.
    pub lease: Duration,
    /// Requests of this process that may wait for one session; a further one
    /// fails with [`ErrorKind::TooManyWaiters`](crate::ErrorKind::TooManyWaiters).
    pub max_waiters: usize,
}

impl LockOptions {
    /// Waits until `deadline`, holds for 30 seconds unless renewed, with at
    /// most 32 waiters.
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            lease: Duration::from_secs(30),
            max_waiters: 32,
        }
    }

    /// The time left until the deadline.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_differ_and_are_32_digits() {
        let tokens: HashSet<Token> = (0..1000).map(|_| Token::random()).collect();
        assert_eq!(tokens.len(), 1000);
        let digits = |token: &Token| token.as_str().bytes().all(|digit| HEX.contains(&digit));
        assert!(tokens.iter().all(digits));
        assert!(tokens.iter().all(|token| token.as_str().len() == 32));
    }

    #[test]
    fn what_was_taken_is_forgotten() {
        let mut pool = Pool::new();
        assert_ne!(pool.take(), [0; TOKEN_BYTES]);
        assert_eq!(pool.bytes[..TOKEN_BYTES], [0; TOKEN_BYTES]);
        assert_ne!(pool.bytes[TOKEN_BYTES..], [0; 63 * TOKEN_BYTES]);
    }
}
