//! Ids hashed at rest.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    Backend, BoxFuture, Caps, Change, CommitOptions, Committed, Created, Entry, Lease, LockOptions,
    ReadOptions, Result, SessionId, Version,
};

/// Stores sessions under the SHA-256 of their ids, so that whoever reads the
/// store, or a backup of it, learns no id that works as a cookie.
///
/// PHP's own handlers look for the ids themselves, so this is for sessions
/// that PHP reaches through an endpoint, or not at all. (Drupal hashes too,
/// in its own way: use its preset.)
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use session_store::backend::Memory;
/// use session_store::wrap::HashedIds;
/// use session_store::Store;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_store::Result<()> {
/// let store = Store::new(HashedIds::new(Arc::new(Memory::default())));
/// let id = store.create("user|i:7;").await?;
/// assert_eq!(store.read(&id).await?.unwrap().bytes, "user|i:7;");
/// assert_ne!(store.list(10).await?, [id.as_str()]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HashedIds {
    inner: Arc<dyn Backend>,
}

impl HashedIds {
    /// Hashes the ids of a backend.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self { inner }
    }
}

/// 64 hex digits.
fn hashed(id: &SessionId) -> SessionId {
    let mut name = String::with_capacity(64);
    for byte in Sha256::digest(id.as_bytes()) {
        write!(name, "{byte:02x}").expect("a String takes every write");
    }
    SessionId::parse(&name).expect("hex digits are legal in a session id")
}

impl Backend for HashedIds {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn caps(&self) -> Caps {
        let mut caps = self.inner.caps();
        caps.php_layout = false;
        caps
    }

    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move { self.inner.load(&hashed(id), options).await })
    }

    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>> {
        Box::pin(async move { self.inner.lock_and_load(&hashed(id), options).await })
    }

    fn commit<'a>(
        &'a self,
        lease: &'a mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> BoxFuture<'a, Result<Committed>> {
        // The lease is the inner backend's and knows the hashed id.
        self.inner.commit(lease, change, options)
    }

    fn put_if<'a>(
        &'a self,
        id: &'a SessionId,
        expected: &'a Version,
        change: Change,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move { self.inner.put_if(&hashed(id), expected, change, ttl).await })
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>> {
        Box::pin(async move { self.inner.create(&hashed(id), bytes, ttl).await })
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>> {
        self.inner.renew(lease)
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>> {
        self.inner.release(lease)
    }

    fn purge_expired(&self, budget: usize) -> BoxFuture<'_, Result<u64>> {
        self.inner.purge_expired(budget)
    }

    fn list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.list(limit)
    }
}
