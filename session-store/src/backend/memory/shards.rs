//! The map: sessions by id, bounded and with their end of life.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::NAME;
use crate::backend::local::Wanted;
use crate::{Clock, Committed, Entry, Error, ErrorKind, Limits, Result, SessionId, Version};

const SHARDS: usize = 32;

pub(super) struct Shards {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    clock: Clock,
    limits: Limits,
    sessions: AtomicUsize,
    bytes: AtomicUsize,
    versions: AtomicU64,
}

type Shard = HashMap<SessionId, Record>;

struct Record {
    bytes: Bytes,
    version: u64,
    expires: SystemTime,
}

impl Shards {
    pub(super) fn new(limits: Limits, clock: Clock) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            clock,
            limits,
            sessions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            versions: AtomicU64::new(1),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<Entry> {
        let now = self.clock.now();
        let mut shard = self.shard(id);
        self.forget_expired(&mut shard, id, now);
        let record = shard.get(id)?;
        let entry = Entry::new(record.bytes.clone(), Version::counter(record.version));
        Some(entry.with_remaining(record.expires.duration_since(now).unwrap_or_default()))
    }

    pub(super) fn put(
        &self,
        id: &SessionId,
        wanted: &Wanted,
        bytes: &Bytes,
        ttl: Duration,
    ) -> Result<Committed> {
        let now = self.clock.now();
        if !self.fits(bytes.len()) {
            self.purge(usize::MAX);
        }
        let mut shard = self.shard(id);
        self.forget_expired(&mut shard, id, now);
        let old = shard.get(id);
        if let Some(refused) = wanted.refuse(old.map(|record| record.version)) {
            return Ok(refused);
        }
        self.reserve(old.map(|record| record.bytes.len()), bytes.len())?;
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        let expires = now + ttl;
        shard.insert(
            id.clone(),
            Record {
                // A part of a connection's buffer would keep all of that.
                bytes: Bytes::copy_from_slice(bytes),
                version,
                expires,
            },
        );
        Ok(Committed::Stored(Version::counter(version)))
    }

    pub(super) fn touch(&self, id: &SessionId, wanted: &Wanted, ttl: Duration) -> Committed {
        let now = self.clock.now();
        let mut shard = self.shard(id);
        self.forget_expired(&mut shard, id, now);
        let record = shard.get_mut(id);
        if let Some(refused) = wanted.refuse(record.as_deref().map(|record| record.version)) {
            return refused;
        }
        match record {
            Some(record) => {
                record.expires = now + ttl;
                Committed::Stored(Version::counter(record.version))
            }
            None => Committed::Gone,
        }
    }

    pub(super) fn delete(&self, id: &SessionId, wanted: &Wanted) -> Committed {
        let mut shard = self.shard(id);
        let stored = shard.get(id).map(|record| record.version);
        if let Some(refused) = wanted.refuse_delete(stored) {
            return refused;
        }
        if let Some(record) = shard.remove(id) {
            self.forget(&record);
        }
        Committed::Deleted
    }

    /// Removes up to `budget` expired sessions.
    pub(super) fn purge(&self, budget: usize) -> u64 {
        let now = self.clock.now();
        let mut removed = 0;
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, record| {
                let keep = removed >= budget || record.expires > now;
                if !keep {
                    removed += 1;
                    self.forget(record);
                }
                keep
            });
            if removed >= budget {
                break;
            }
        }
        removed as u64
    }

    pub(super) fn names(&self, limit: usize) -> Vec<String> {
        let now = self.clock.now();
        let mut names = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let alive = shard.iter().filter(|(_, record)| record.expires > now);
            let left = limit - names.len();
            names.extend(alive.take(left).map(|(id, _)| id.as_str().to_owned()));
        }
        names
    }

    fn shard(&self, id: &SessionId) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(id.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "below SHARDS")]
        let index = (hash % SHARDS as u64) as usize;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_expired(&self, shard: &mut Shard, id: &SessionId, now: SystemTime) {
        if shard.get(id).is_some_and(|record| record.expires <= now)
            && let Some(record) = shard.remove(id)
        {
            self.forget(&record);
        }
    }

    fn forget(&self, record: &Record) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(record.bytes.len(), Ordering::Relaxed);
    }

    fn fits(&self, more: usize) -> bool {
        let bytes = self.bytes.load(Ordering::Relaxed).saturating_add(more);
        self.len() < self.limits.max_sessions && bytes <= self.limits.max_total_bytes
    }

    /// Counts a session of `new` bytes in place of one of `old` bytes.
    fn reserve(&self, old: Option<usize>, new: usize) -> Result<()> {
        let full = || Error::new(ErrorKind::Full, NAME, "write session");
        let freed = old.unwrap_or(0);
        let counted = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
                let after = (bytes - freed).checked_add(new)?;
                (after <= self.limits.max_total_bytes || new <= freed).then_some(after)
            });
        counted.map_err(|_| full())?;
        if old.is_some() {
            return Ok(());
        }
        let counted = self
            .sessions
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < self.limits.max_sessions).then_some(count + 1)
            });
        if counted.is_err() {
            self.bytes.fetch_sub(new, Ordering::Relaxed);
            return Err(full());
        }
        Ok(())
    }
}
