use std::time::{Duration, Instant};

use bytes::Bytes;

use super::held::Held;
use crate::{Change, Committed, Entry, Error, ErrorKind, Result, SessionId, Store};

/// A session that this request alone may write: PHP's semantics between
/// `session_start()` and `session_write_close()`.
///
/// The lease is renewed while this lives. Finish with
/// [`commit`](Self::commit), [`destroy`](Self::destroy) or
/// [`release`](Self::release); a drop releases without writing, in the
/// background, and is logged and counted, because it mostly is a mistake.
#[derive(Debug)]
#[must_use = "dropping it releases the session without writing"]
pub struct Locked {
    store: Store,
    id: SessionId,
    entry: Option<Entry>,
    held: Option<Held>,
    since: Instant,
}

impl Locked {
    pub(super) fn new(
        store: Store,
        id: SessionId,
        held: Held,
        entry: Option<Entry>,
        since: Instant,
    ) -> Self {
        Self {
            store,
            id,
            entry,
            held: Some(held),
            since,
        }
    }

    /// The session's id: not the one asked for if that led elsewhere. Send
    /// it as a cookie then.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The stored data, `None` if there is no session yet.
    pub fn data(&self) -> Option<&Bytes> {
        self.entry.as_ref().map(|entry| &entry.bytes)
    }

    /// The store it came from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the lease is known to be lost: the commit will be a
    /// [`Committed::Conflict`], so stop early.
    pub fn is_lost(&self) -> bool {
        self.held.as_ref().is_some_and(Held::is_lost)
    }

    /// Makes the session live for `ttl` from its next write, instead of for
    /// [`StoreOptions::ttl`](crate::StoreOptions::ttl): for hosts whose
    /// applications have their own `session.gc_maxlifetime`.
    pub fn set_ttl(&mut self, ttl: Duration) {
        if let Some(held) = &mut self.held {
            held.set_ttl(ttl);
        }
    }

    /// Stores the data and releases the session. Unchanged data only
    /// extends the session's life, as PHP's `session.lazy_write`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] before anything is written; else as the
    /// backend fails. The old data stays and the lease is given back.
    pub async fn commit(self, bytes: impl Into<Bytes>) -> Result<Committed> {
        let bytes = bytes.into();
        let change = if self.store.caps().touch && self.data() == Some(&bytes) {
            Change::Touch
        } else {
            Change::Put(bytes)
        };
        self.commit_change(change).await
    }

    /// Carries out any change and releases the session.
    ///
    /// # Errors
    ///
    /// As for [`commit`](Self::commit).
    pub async fn commit_change(mut self, change: Change) -> Result<Committed> {
        let outcome = self.write_held(change, false).await;
        let answers = |error: &Error| {
            let kind = error.kind();
            !matches!(kind, ErrorKind::Timeout | ErrorKind::Unavailable)
        };
        if outcome.as_ref().is_err_and(answers) {
            // The next request must not wait for the lease's end, even if
            // this process ends now.
            if let Err(error) = self.release().await {
                tracing::warn!(%error, "lease not released, it ends by itself");
            }
            return outcome;
        }
        self.finish(outcome.is_err());
        outcome
    }

    /// Stores the data and keeps the session locked.
    ///
    /// After [`Committed::Gone`] or [`Committed::Conflict`] the lock is lost.
    ///
    /// # Errors
    ///
    /// As for [`commit`](Self::commit), but the lock stays.
    pub async fn write(&mut self, bytes: impl Into<Bytes>) -> Result<Committed> {
        let bytes = bytes.into();
        let outcome = self.write_held(Change::Put(bytes.clone()), true).await?;
        if let Some(version) = outcome.stored() {
            self.entry = Some(Entry::new(bytes, version.clone()));
        }
        Ok(outcome)
    }

    /// Destroys the session, then releases it: nobody who waits can load
    /// the old data, or bring it back.
    ///
    /// # Errors
    ///
    /// As the backend fails; the session then still exists.
    pub async fn destroy(self) -> Result<Committed> {
        self.commit_change(Change::Delete).await
    }

    /// Releases the session without writing: PHP's `session_abort()`.
    ///
    /// # Errors
    ///
    /// As the backend fails; the lock then ends with its lease.
    pub async fn release(mut self) -> Result<()> {
        self.store.counters().hold.record(self.since.elapsed());
        match self.held.take() {
            Some(held) => held.release(&self.store).await,
            None => Ok(()),
        }
    }

    /// Moves the session to a new id, with this data, and goes on holding
    /// it: PHP's `session_regenerate_id(true)`.
    ///
    /// The new session is stored first, so that no failure loses it. The old
    /// id is destroyed and leads to the new one for
    /// [`StoreOptions::alias`](crate::StoreOptions::alias), so that requests
    /// sent at the same time follow instead of losing the login. After
    /// `Gone` or `Conflict` there is no new session.
    ///
    /// # Errors
    ///
    /// As the backend fails; the session then has its old id, and this still
    /// holds it unless its lease was lost.
    pub async fn regenerate(&mut self, bytes: impl Into<Bytes>) -> Result<Committed> {
        let bytes = bytes.into();
        self.store.check_size(&bytes)?;
        let mut new = self.start_new(bytes).await?;
        let moved = self.retire(&new.id).await;
        if !moved.as_ref().is_ok_and(Committed::is_done) {
            let undone = new.undo(&self.id).await;
            if let Err(error) = undone {
                tracing::warn!(%error, "a new session id stays unused until it expires");
            }
            return moved;
        }
        std::mem::swap(self, &mut new);
        // `new` is the old id now; its lease went with the delete.
        new.finish(false);
        let version = self.entry.as_ref().map(|entry| entry.version.clone());
        version.map(Committed::Stored).ok_or_else(|| {
            self.store
                .error(ErrorKind::Backend, "regenerate session id")
        })
    }

    /// A session under a fresh id, stored and locked.
    async fn start_new(&self, bytes: Bytes) -> Result<Self> {
        let id = SessionId::generate().map_err(|source| {
            let error = self.store.error(ErrorKind::Backend, "make an id");
            error.with_source(source)
        })?;
        let mut new = self.store.lock(&id).await?;
        if new.write(bytes).await?.is_done() {
            return Ok(new);
        }
        Err(self.store.error(ErrorKind::Backend, "store the new id"))
    }

    /// Lets the old id lead to the new one and destroys it.
    async fn retire(&mut self, new: &SessionId) -> Result<Committed> {
        self.store.leave_alias(&self.id, new).await?;
        self.write_held(Change::Delete, false).await
    }

    /// Takes back a new session and the alias that leads from `old` to it.
    async fn undo(self, old: &SessionId) -> Result<()> {
        let store = self.store.clone();
        let _ = self.destroy().await?;
        store.drop_alias(old).await
    }

    async fn write_held(&mut self, change: Change, keep: bool) -> Result<Committed> {
        if let Change::Put(bytes) = &change {
            self.store.check_size(bytes)?;
        }
        let Some(held) = &mut self.held else {
            return Err(self
                .store
                .error(ErrorKind::Backend, "write a released session"));
        };
        let outcome = held.commit(&self.store, &self.id, change, keep).await?;
        self.store.count_outcome(&outcome);
        Ok(outcome)
    }

    /// Ends the hold after a write; a failed one still has its lease.
    fn finish(&mut self, failed: bool) {
        self.store.counters().hold.record(self.since.elapsed());
        if let Some(held) = self.held.take()
            && failed
        {
            held.release_in_background(self.store.clone());
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.store.counters().dropped.add_one();
            self.store.counters().hold.record(self.since.elapsed());
            tracing::warn!(
                id = ?self.id,
                backend = self.store.backend().name(),
                "a locked session was dropped: released without writing"
            );
            held.release_in_background(self.store.clone());
        }
    }
}
