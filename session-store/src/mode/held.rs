//! What a locked session holds: its turn in the process and its lease.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Turn;
use super::renewal::{Kept, Renewal};
use crate::{
    Change, CommitOptions, Committed, Created, Error, ErrorKind, Lease, Result, SessionId, Store,
    Version,
};

#[derive(Debug)]
pub(super) struct Held {
    hold: Hold,
    /// How long the session lives from the next write, if not as all do.
    ttl: Option<Duration>,
    /// Dropped last: the next request enters once the lease is gone.
    turn: Turn,
}

#[derive(Debug)]
enum Hold {
    Leased {
        kept: Arc<Kept>,
        renewal: Option<Renewal>,
    },
    /// Where the backend has no locks, the version finds lost updates.
    Versioned(Option<Version>),
}

impl Held {
    pub(super) fn leased(store: &Store, lease: Lease, turn: Turn) -> Self {
        let life = lease.ttl();
        let kept = Kept::new(lease);
        let renews = store.caps().lock.expires();
        let renewal = renews.then(|| store.renewals().start(store, kept.clone(), life));
        let hold = Hold::Leased { kept, renewal };
        Self {
            hold,
            ttl: None,
            turn,
        }
    }

    pub(super) fn versioned(version: Option<Version>, turn: Turn) -> Self {
        let hold = Hold::Versioned(version);
        Self {
            hold,
            ttl: None,
            turn,
        }
    }

    pub(super) fn set_ttl(&mut self, ttl: Duration) {
        self.ttl = Some(ttl);
    }

    /// Whether the lease is known to be lost.
    pub(super) fn is_lost(&self) -> bool {
        match &self.hold {
            Hold::Leased { kept, .. } => kept.is_lost(),
            Hold::Versioned(_) => false,
        }
    }

    /// Writes; the lease is gone afterwards unless it is kept or this failed.
    pub(super) async fn commit(
        &mut self,
        store: &Store,
        id: &SessionId,
        change: Change,
        keep: bool,
    ) -> Result<Committed> {
        let ttl = self.ttl.unwrap_or_else(|| store.options().ttl);
        match &mut self.hold {
            Hold::Leased { kept, renewal } => {
                if !keep {
                    *renewal = None;
                }
                commit_leased(store, kept, change, ttl, keep).await
            }
            Hold::Versioned(version) => {
                let outcome = commit_versioned(store, id, version.as_ref(), change, ttl).await?;
                *version = match &outcome {
                    Committed::Stored(new) => Some(new.clone()),
                    _ => None,
                };
                Ok(outcome)
            }
        }
    }

    /// Gives everything back without writing.
    pub(super) async fn release(self, store: &Store) -> Result<()> {
        let Self { hold, turn, .. } = self;
        let released = match hold {
            Hold::Leased { kept, renewal } => {
                drop(renewal);
                release_lease(store, &kept).await
            }
            Hold::Versioned(_) => Ok(()),
        };
        drop(turn);
        released
    }

    /// The same for callers who cannot wait.
    pub(super) fn release_in_background(self, store: Store) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::warn!("no runtime is left to release a lease, it ends by itself");
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = self.release(&store).await {
                tracing::warn!(%error, "lease not released, it ends by itself");
            }
        });
    }
}

async fn commit_leased(
    store: &Store,
    kept: &Kept,
    change: Change,
    ttl: Duration,
    keep: bool,
) -> Result<Committed> {
    let mut guard = kept.lease.lock().await;
    let held = guard.as_mut().ok_or_else(|| lost(store))?;
    let mut options = CommitOptions::new(ttl);
    options.keep_lease = keep;
    let commit = store.backend().commit(held, change, options);
    let outcome = store.within("write session", commit).await?;
    if !keep || !outcome.is_done() {
        *guard = None;
    }
    Ok(outcome)
}

async fn commit_versioned(
    store: &Store,
    id: &SessionId,
    version: Option<&Version>,
    change: Change,
    ttl: Duration,
) -> Result<Committed> {
    let Some(version) = version else {
        return match change {
            Change::Put(bytes) => {
                let create = store.backend().create(id, bytes, ttl);
                Ok(match store.within("write session", create).await? {
                    Created::Stored(version) => Committed::Stored(version),
                    Created::Exists => Committed::Conflict,
                })
            }
            Change::Touch => Ok(Committed::Gone),
            Change::Delete => Ok(Committed::Deleted),
        };
    };
    store.put_if(id, version, change, ttl).await
}

async fn release_lease(store: &Store, kept: &Kept) -> Result<()> {
    let Some(lease) = kept.lease.lock().await.take() else {
        return Ok(());
    };
    let release = store.backend().release(lease);
    store.within("release session", release).await
}

fn lost(store: &Store) -> Error {
    store.error(ErrorKind::Backend, "write session without its lease")
}
