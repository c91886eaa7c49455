//! Sessions in this process.

mod shards;

use std::fmt;
use std::time::Duration;

use self::shards::Shards;
use super::local::{Records, Wanted, local_backend};
use crate::mode::Queue;
use crate::{Caps, Change, Clock, Committed, Entry, Limits, LockKind, Result, SessionId};

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

impl Records for Memory {
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

    fn locks(&self) -> &Queue {
        &self.locks
    }

    fn get(&self, id: &SessionId) -> Result<Option<Entry>> {
        Ok(self.shards.get(id))
    }

    async fn apply(
        &self,
        id: &SessionId,
        wanted: Wanted,
        change: Change,
        ttl: Duration,
    ) -> Result<Committed> {
        match change {
            Change::Put(bytes) => self.shards.put(id, &wanted, &bytes, ttl),
            Change::Touch => Ok(self.shards.touch(id, &wanted, ttl)),
            Change::Delete => Ok(self.shards.delete(id, &wanted)),
        }
    }

    async fn purge(&self, budget: usize) -> Result<u64> {
        Ok(self.shards.purge(budget))
    }

    fn names(&self, limit: usize) -> Result<Vec<String>> {
        Ok(self.shards.names(limit))
    }
}

local_backend!(Memory);
