use std::time::Instant;

use bytes::Bytes;

use super::lock;
use super::merge::Merge;
use crate::{Change, Committed, Created, Entry, ErrorKind, ReadOptions, Result, SessionId, Store};

/// A session read without a lock, to be written if nobody else changed the
/// same variables meanwhile.
#[derive(Clone, Debug)]
pub struct Optimistic {
    store: Store,
    id: SessionId,
    entry: Option<Entry>,
}

impl Optimistic {
    pub(super) fn new(store: Store, id: SessionId, entry: Option<Entry>) -> Self {
        Self { store, id, entry }
    }

    /// The session's id, after aliases.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The data as it was read, `None` if there was no session.
    pub fn data(&self) -> Option<&Bytes> {
        self.entry.as_ref().map(|entry| &entry.bytes)
    }

    /// The store it came from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stores the data. If others wrote since it was read, `merge` combines
    /// both, up to [`StoreOptions::merge_retries`](crate::StoreOptions::merge_retries)
    /// times.
    ///
    /// Where PHP locks the same sessions, the lock is taken for the moment
    /// of writing: a holder in PHP would overwrite what is written beside it.
    ///
    /// `Conflict`: both changed the same variable. `Gone`: the session was
    /// destroyed, nothing brings it back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] if the stored data cannot be decoded for the
    /// merge; else as the backend fails. Nothing is written.
    pub async fn commit(self, bytes: impl Into<Bytes>, merge: &dyn Merge) -> Result<Committed> {
        let ours = bytes.into();
        self.store.check_size(&ours)?;
        let caps = self.store.caps();
        let under_lock = caps.lock.is_some() && (caps.php_layout || !caps.cas);
        let outcome = if under_lock {
            self.commit_under_lock(ours, merge).await
        } else {
            self.commit_by_version(ours, merge).await
        };
        if let Ok(outcome) = &outcome {
            self.store.count_outcome(outcome);
        }
        outcome
    }

    async fn commit_by_version(&self, ours: Bytes, merge: &dyn Merge) -> Result<Committed> {
        let mut base = self.entry.clone();
        let mut ours = ours;
        for _ in 0..=self.store.options().merge_retries {
            let outcome = self.write_over(base.as_ref(), ours.clone()).await?;
            if outcome != Committed::Conflict {
                return Ok(outcome);
            }
            let loaded = self.store.backend().load(&self.id, ReadOptions::default());
            let Some(theirs) = self.store.within("read session", loaded).await? else {
                return Ok(Committed::Gone);
            };
            match self.merge(base.as_ref(), &ours, &theirs, merge)? {
                Some(merged) => ours = merged,
                None => return Ok(Committed::Conflict),
            }
            base = Some(theirs);
        }
        Ok(Committed::Conflict)
    }

    async fn write_over(&self, base: Option<&Entry>, ours: Bytes) -> Result<Committed> {
        let ttl = self.store.options().ttl;
        let Some(base) = base else {
            let create = self.store.backend().create(&self.id, ours, ttl);
            return Ok(match self.store.within("write session", create).await? {
                Created::Stored(version) => Committed::Stored(version),
                Created::Exists => Committed::Conflict,
            });
        };
        let change = self.change(base, ours);
        self.store
            .put_if(&self.id, &base.version, change, ttl)
            .await
    }

    async fn commit_under_lock(&self, ours: Bytes, merge: &dyn Merge) -> Result<Committed> {
        let options = self.store.options().lock_options(Instant::now());
        let turn = lock::enter(&self.store, &self.id, &options).await?;
        let (mut held, theirs) = lock::hold(&self.store, &self.id, options, turn).await?;
        let change = match (&self.entry, &theirs) {
            (None, None) => Ok(Some(Change::Put(ours))),
            (Some(_), None) => {
                held.release(&self.store).await?;
                return Ok(Committed::Gone);
            }
            (Some(base), Some(theirs)) if base.bytes == theirs.bytes => {
                Ok(Some(self.change(theirs, ours)))
            }
            (base, Some(theirs)) => self
                .merge(base.as_ref(), &ours, theirs, merge)
                .map(|merged| merged.map(|merged| self.change(theirs, merged))),
        };
        match change {
            Ok(Some(change)) => {
                let outcome = held.commit(&self.store, &self.id, change, false).await;
                if outcome.is_err() {
                    held.release_in_background(self.store.clone());
                }
                outcome
            }
            Ok(None) => {
                held.release(&self.store).await?;
                Ok(Committed::Conflict)
            }
            Err(error) => {
                held.release(&self.store).await?;
                Err(error)
            }
        }
    }

    /// Unchanged data only extends the session's life.
    fn change(&self, stored: &Entry, ours: Bytes) -> Change {
        if self.store.caps().touch && stored.bytes == ours {
            Change::Touch
        } else {
            Change::Put(ours)
        }
    }

    fn merge(
        &self,
        base: Option<&Entry>,
        ours: &Bytes,
        theirs: &Entry,
        merge: &dyn Merge,
    ) -> Result<Option<Bytes>> {
        let base = base.map_or(&[][..], |base| &base.bytes);
        let merged = merge.merge(base, ours, &theirs.bytes).map_err(|source| {
            self.store.count_corrupt();
            let error = self.store.error(ErrorKind::Corrupt, "merge sessions");
            error.with_source(source)
        })?;
        if merged.is_some() {
            self.store.counters().merged.add_one();
        }
        Ok(merged)
    }
}
