//! Sessions in this process.

mod shards;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use self::shards::{Shards, Wanted};
use crate::mode::{Queue, Refused, Turn};
use crate::{
    Backend, BoxFuture, Caps, Change, Clock, CommitOptions, Committed, Created, Entry, Error,
    ErrorKind, Lease, Limits, LockKind, LockOptions, ReadOptions, Result, SessionId, Token,
    Version,
};

/// Sessions in the memory of this process: the default for a single node.
///
/// Locks are granted in the order of arrival and die with their holder.
/// Everything is lost when the process ends. PHP reaches it through the
/// endpoints.
///
/// # Examples
///
/// ```
/// use session_store::backend::Memory;
/// use session_store::{Clock, Limits};
///
/// let mut limits = Limits::default();
/// limits.max_sessions = 10_000;
/// let memory = Memory::new(limits, Clock::system());
/// assert!(memory.is_empty());
/// ```
pub struct Memory {
    shards: Shards,
    locks: Queue,
}

const NAME: &str = "memory";

impl Memory {
    /// A store bounded by `limits` (`max_sessions`, `max_total_bytes`).
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self {
            shards: Shards::new(limits, clock),
            locks: Queue::new(),
        }
    }

    /// How many sessions it holds, expired ones included.
    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn lock(&self, id: &SessionId, options: LockOptions) -> Result<Turn> {
        let entered = self
            .locks
            .enter(id, options.deadline, options.max_waiters)
            .await;
        entered.map_err(|refused| {
            let kind = match refused {
                Refused::Full => ErrorKind::TooManyWaiters,
                Refused::Deadline => ErrorKind::LockTimeout,
            };
            Error::new(kind, NAME, "lock session")
        })
    }

    fn write(
        &self,
        id: &SessionId,
        wanted: Wanted<'_>,
        change: Change,
        ttl: Duration,
    ) -> Result<Committed> {
        match change {
            Change::Put(bytes) => self.shards.put(id, wanted, bytes, ttl),
            Change::Touch => Ok(self.shards.touch(id, wanted, ttl)),
            Change::Delete => Ok(self.shards.delete(id, wanted)),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Limits::default(), Clock::system())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("sessions", &self.len())
            .finish_non_exhaustive()
    }
}

impl Backend for Memory {
    fn name(&self) -> &str {
        NAME
    }

    fn caps(&self) -> Caps {
        let mut caps = Caps::new(LockKind::OwnedByConnection);
        caps.cas = true;
        caps.touch = true;
        caps.list = true;
        caps
    }

    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move {
            if let Some(ttl) = options.touch {
                let _ = self.shards.touch(id, Wanted::Any, ttl);
            }
            Ok(self.shards.get(id))
        })
    }

    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>> {
        Box::pin(async move {
            let turn = self.lock(id, options).await?;
            let entry = self.shards.get(id);
            let base = entry.as_ref().map(|entry| entry.version.clone());
            let lease = Lease::new(id.clone(), Token::random(), options.lease, base);
            Ok((lease.with_guard(turn), entry))
        })
    }

    fn commit<'a>(
        &'a self,
        lease: &'a mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move {
            if lease.guard::<Turn>().is_none() {
                return Ok(Committed::Conflict);
            }
            let wanted = match lease.base() {
                Some(_) => Wanted::Existing,
                None => Wanted::Any,
            };
            let outcome = self.write(lease.id(), wanted, change, options.ttl)?;
            match &outcome {
                Committed::Stored(version) => lease.set_base(Some(version.clone())),
                _ => lease.set_base(None),
            }
            if !options.keep_lease || !outcome.is_done() {
                lease.take_guard::<Turn>();
            }
            Ok(outcome)
        })
    }

    fn put_if<'a>(
        &'a self,
        id: &'a SessionId,
        expected: &'a Version,
        change: Change,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move { self.write(id, Wanted::Version(expected), change, ttl) })
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>> {
        Box::pin(async move {
            Ok(match self.shards.put(id, Wanted::Missing, bytes, ttl)? {
                Committed::Stored(version) => Created::Stored(version),
                _ => Created::Exists,
            })
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(lease.guard::<Turn>().is_some()) })
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>> {
        drop(lease);
        Box::pin(async { Ok(()) })
    }

    fn purge_expired(&self, budget: usize) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { Ok(self.shards.purge(budget)) })
    }

    fn list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async move { Ok(self.shards.names(limit)) })
    }
}
