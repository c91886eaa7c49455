//! What backends share whose sessions only this process can reach: locks are
//! turns in a queue, and records carry a version and an end of life.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::mode::{Queue, Refused, Turn};
use crate::{
    Caps, Change, CommitOptions, Committed, Entry, Error, ErrorKind, Lease, LockOptions, Result,
    SessionId, Token, Version,
};

/// The records underneath; each change is one atomic step.
pub(super) trait Records: fmt::Debug + Send + Sync + 'static {
    fn name(&self) -> &str;

    fn caps(&self) -> Caps;

    fn locks(&self) -> &Queue;

    fn get(&self, id: &SessionId) -> Result<Option<Entry>>;

    fn apply(
        &self,
        id: &SessionId,
        wanted: Wanted,
        change: Change,
        ttl: Duration,
    ) -> impl Future<Output = Result<Committed>> + Send;

    fn purge(&self, budget: usize) -> impl Future<Output = Result<u64>> + Send;

    fn names(&self, limit: usize) -> Result<Vec<String>>;
}

/// What must be there for a write to happen.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Any,
    Missing,
    Existing,
    Version(Version),
}

impl Wanted {
    /// The outcome if what is stored, `None` or a version, is not wanted.
    pub(super) fn refuse(&self, stored: Option<u64>) -> Option<Committed> {
        match (self, stored) {
            (Self::Any, _) | (Self::Missing, None) | (Self::Existing, Some(_)) => None,
            (Self::Missing, Some(_)) => Some(Committed::Conflict),
            (Self::Existing | Self::Version(_), None) => Some(Committed::Gone),
            (Self::Version(version), Some(stored)) => {
                (version.as_counter() != Some(stored)).then_some(Committed::Conflict)
            }
        }
    }

    /// The same for a delete, which is content with nothing to delete.
    pub(super) fn refuse_delete(&self, stored: Option<u64>) -> Option<Committed> {
        self.refuse(stored)
            .filter(|refused| *refused != Committed::Gone)
    }
}

pub(super) async fn lock_and_load(
    records: &impl Records,
    id: &SessionId,
    options: LockOptions,
) -> Result<(Lease, Option<Entry>)> {
    let entered = records
        .locks()
        .enter(id, options.deadline, options.max_waiters)
        .await;
    let turn = entered.map_err(|refused| {
        let kind = match refused {
            Refused::Full => ErrorKind::TooManyWaiters,
            Refused::Deadline => ErrorKind::LockTimeout,
        };
        Error::new(kind, records.name().to_owned(), "lock session")
    })?;
    let entry = records.get(id)?;
    let base = entry.as_ref().map(|entry| entry.version.clone());
    let lease = Lease::new(id.clone(), Token::random(), options.lease, base);
    Ok((lease.with_guard(turn), entry))
}

pub(super) async fn commit(
    records: &impl Records,
    lease: &mut Lease,
    change: Change,
    options: CommitOptions,
) -> Result<Committed> {
    if lease.guard::<Turn>().is_none() {
        return Ok(Committed::Conflict);
    }
    let wanted = match lease.base() {
        Some(_) => Wanted::Existing,
        None => Wanted::Any,
    };
    let outcome = records
        .apply(lease.id(), wanted, change, options.ttl)
        .await?;
    lease.set_base(outcome.stored().cloned());
    if !options.keep_lease || !outcome.is_done() {
        lease.take_guard::<Turn>();
    }
    Ok(outcome)
}

/// Makes a type that implements [`Records`] a backend.
macro_rules! local_backend {
    ($backend:ty) => {
        impl $crate::Backend for $backend {
            fn name(&self) -> &str {
                Records::name(self)
            }

            fn caps(&self) -> $crate::Caps {
                Records::caps(self)
            }

            fn load<'a>(
                &'a self,
                id: &'a $crate::SessionId,
                options: $crate::ReadOptions,
            ) -> $crate::BoxFuture<'a, $crate::Result<Option<$crate::Entry>>> {
                Box::pin(async move {
                    if let Some(ttl) = options.touch {
                        let touch = $crate::Change::Touch;
                        let _ = self.apply(id, Wanted::Existing, touch, ttl).await?;
                    }
                    self.get(id)
                })
            }

            fn lock_and_load<'a>(
                &'a self,
                id: &'a $crate::SessionId,
                options: $crate::LockOptions,
            ) -> $crate::BoxFuture<'a, $crate::Result<($crate::Lease, Option<$crate::Entry>)>> {
                Box::pin($crate::backend::local::lock_and_load(self, id, options))
            }

            fn commit<'a>(
                &'a self,
                lease: &'a mut $crate::Lease,
                change: $crate::Change,
                options: $crate::CommitOptions,
            ) -> $crate::BoxFuture<'a, $crate::Result<$crate::Committed>> {
                Box::pin($crate::backend::local::commit(self, lease, change, options))
            }

            fn put_if<'a>(
                &'a self,
                id: &'a $crate::SessionId,
                expected: &'a $crate::Version,
                change: $crate::Change,
                ttl: std::time::Duration,
            ) -> $crate::BoxFuture<'a, $crate::Result<$crate::Committed>> {
                let wanted = Wanted::Version(expected.clone());
                Box::pin(self.apply(id, wanted, change, ttl))
            }

            fn create<'a>(
                &'a self,
                id: &'a $crate::SessionId,
                bytes: bytes::Bytes,
                ttl: std::time::Duration,
            ) -> $crate::BoxFuture<'a, $crate::Result<$crate::Created>> {
                Box::pin(async move {
                    let put = $crate::Change::Put(bytes);
                    Ok(match self.apply(id, Wanted::Missing, put, ttl).await? {
                        $crate::Committed::Stored(version) => $crate::Created::Stored(version),
                        _ => $crate::Created::Exists,
                    })
                })
            }

            fn renew<'a>(
                &'a self,
                lease: &'a $crate::Lease,
            ) -> $crate::BoxFuture<'a, $crate::Result<bool>> {
                let held = lease.guard::<$crate::mode::Turn>().is_some();
                Box::pin(async move { Ok(held) })
            }

            fn release(&self, lease: $crate::Lease) -> $crate::BoxFuture<'_, $crate::Result<()>> {
                drop(lease);
                Box::pin(async { Ok(()) })
            }

            fn purge_expired(&self, budget: usize) -> $crate::BoxFuture<'_, $crate::Result<u64>> {
                Box::pin(self.purge(budget))
            }

            fn list(&self, limit: usize) -> $crate::BoxFuture<'_, $crate::Result<Vec<String>>> {
                let names = self.names(limit);
                Box::pin(async move { names })
            }
        }
    };
}

pub(super) use local_backend;
