use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::{
    Caps, Change, CommitOptions, Committed, Created, Entry, Error, ErrorKind, Lease, LockOptions,
    ReadOptions, Result, SessionId, Version,
};

/// A future as trait objects return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place that keeps sessions: bytes by id, with locks and versions.
///
/// Object safe: programs hold an `Arc<dyn Backend>`. Applications use the
/// modes of [`Store`](crate::Store) instead, which add the queue inside the
/// process, the renewal of leases and aliases. A backend proves itself with
/// [`conformance_suite!`](crate::conformance_suite).
///
/// # What every backend keeps
///
/// - A write under a lease happens only while the lease is held. Where
///   [`Caps::lock`] is `FencedLease` or `OwnedByConnection`, check and write
///   are one step.
/// - A write never creates a session that existed at loading and has
///   vanished since: that is [`Committed::Gone`].
/// - Deleting happens before releasing.
/// - A failed write leaves the old bytes.
/// - An expired session is not loaded, except where the layout keeps no
///   expiry ([`Caps::ttl_per_session`] is false).
/// - Every command to a server ends within the backend's own timeout.
///
/// # Cancel safety
///
/// Dropping a future may leave the operation done or not done. A lock that
/// was granted to a dropped future ends with its lease or its connection.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// What this is and where, for people: `files at /var/lib/php/sessions`.
    /// Without passwords.
    fn name(&self) -> &str;

    /// What it can do.
    fn caps(&self) -> Caps;

    /// Reads a session without a lock; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As the backend fails: see [`ErrorKind`].
    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>>;

    /// Takes the lock of a session, existing or not, and reads it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LockTimeout`] at the deadline, [`ErrorKind::Unsupported`]
    /// if [`Caps::lock`] is `None`; else as the backend fails.
    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>>;

    /// Writes under a lease, and releases it unless told to keep it.
    ///
    /// `Put` creates the session if [`Lease::base`] is `None`. The lease is
    /// released after `Gone` and `Conflict` too. With `keep_lease` the
    /// lease's base is what is stored now.
    ///
    /// # Errors
    ///
    /// As the backend fails; the session is as it was and the lease is still
    /// the caller's to release.
    fn commit<'a>(
        &'a self,
        lease: &'a mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> BoxFuture<'a, Result<Committed>>;

    /// Writes without a lock if the session still has the expected version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if [`Caps::cas`] is false; else as the
    /// backend fails.
    fn put_if<'a>(
        &'a self,
        id: &'a SessionId,
        expected: &'a Version,
        change: Change,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Committed>>;

    /// Stores a session under an id that has none. With empty bytes this
    /// makes the id exist for PHP's strict mode.
    ///
    /// # Errors
    ///
    /// As the backend fails.
    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>>;

    /// Extends a lease by its time to live, counted from now. `false` if it
    /// was lost; the holder's commit will then be a `Conflict`.
    ///
    /// # Errors
    ///
    /// As the backend fails; the lease may live on until its end.
    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>>;

    /// Gives a lease back without writing. A lease that was lost already is
    /// left to its new holder.
    ///
    /// # Errors
    ///
    /// As the backend fails; the lock then ends with its lease or connection.
    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>>;

    /// Removes up to `budget` expired sessions that nobody uses, and says
    /// how many. Nothing to do where [`Caps::native_ttl`] is set.
    ///
    /// # Errors
    ///
    /// As the backend fails; a part may be removed.
    fn purge_expired(&self, budget: usize) -> BoxFuture<'_, Result<u64>>;

    /// Names of up to `limit` stored sessions, in no order: ids, or what the
    /// layout stores instead of them (such as hashes).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if [`Caps::list`] is false; else as the
    /// backend fails.
    fn list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        let _ = limit;
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Unsupported,
                self.name().to_owned(),
                "list sessions",
            ))
        })
    }
}
