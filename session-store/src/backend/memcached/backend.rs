//! The contract of backends on memcached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::keys::{Item, Keys, MAX_KEY};
use super::lock::{self, Hold, delete_version, expiry, found, get_value};
use super::options::MemcachedOptions;
use super::pool::Pool;
use super::wire::{Command, Reply, Value};
use crate::backend::Backoff;
use crate::backend::abandoned::Abandoned;
use crate::{
    Backend, BoxFuture, Caps, Change, CommitOptions, Committed, Created, Entry, Error, ErrorKind,
    Lease, LockKind, LockOptions, ReadOptions, Result, SessionId, Token, Version,
};

/// Sessions in memcached (1.4.8 or later), as php-memcached keeps them.
///
/// Nothing is connected before the first operation. Clones share the
/// connections.
///
/// # Examples
///
/// ```no_run
/// use session_store::StoreUrl;
/// use session_store::backend::memcached::{MemcachedBackend, MemcachedOptions};
///
/// let url = StoreUrl::parse("memcached://10.0.0.1,10.0.0.2")?;
/// let backend = MemcachedBackend::new(MemcachedOptions::from_url(&url)?)?;
/// # Ok::<(), session_store::Error>(())
/// ```
#[derive(Clone)]
pub struct MemcachedBackend(Arc<Inner>);

struct Inner {
    name: String,
    options: MemcachedOptions,
    keys: Keys,
    pools: Vec<Pool>,
}

impl MemcachedBackend {
    /// A backend for the servers of `options`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if an option is out of its range.
    pub fn new(options: MemcachedOptions) -> Result<Self> {
        options.check()?;
        let pool = |server| Pool::new(server, &options);
        Ok(Self(Arc::new(Inner {
            name: options.name(),
            keys: Keys::new(&options),
            pools: options.servers.iter().map(pool).collect(),
            options,
        })))
    }

    pub(super) fn pool(&self, item: &Item) -> &Pool {
        &self.0.pools[item.server]
    }

    pub(super) fn lock_item(&self, id: &SessionId) -> Result<Item> {
        self.0.keys.lock(id).ok_or_else(|| self.key_too_long())
    }

    fn session_item(&self, id: &SessionId) -> Result<Item> {
        self.0.keys.session(id).ok_or_else(|| self.key_too_long())
    }

    fn key_too_long(&self) -> Error {
        let what = format!("memcached's keys have at most {MAX_KEY} bytes with prefix and lock");
        self.error(ErrorKind::Unsupported, "take so long an id")
            .with_source(what)
    }

    fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.0.name.clone(), action)
    }

    async fn wait_for_lock(
        &self,
        id: &SessionId,
        options: LockOptions,
    ) -> Result<(Lease, Option<Entry>)> {
        let (lock, session) = (self.lock_item(id)?, self.session_item(id)?);
        let token = Token::random();
        let mut backoff = Backoff::new();
        loop {
            let abandoned = Abandoned::new(self, id, &token);
            let attempt = lock::attempt(self, &lock, &session, &token, options.lease).await?;
            abandoned.disarm();
            if let Some((hold, value)) = attempt {
                let version = |value: &Value| Version::counter(value.cas);
                let base = value.as_ref().map(version);
                let lease = Lease::new(id.clone(), token, options.lease, base).with_guard(hold);
                return match value.map(|value| self.entry(value)).transpose() {
                    Ok(entry) => Ok((lease, entry)),
                    Err(error) => {
                        self.free(&lock, &lease).await?;
                        Err(error)
                    }
                };
            }
            if !backoff.sleep(options.deadline).await {
                return Err(self.error(ErrorKind::LockTimeout, "lock the session"));
            }
        }
    }

    /// Writes while the lock is held, and frees it in the same round trip if
    /// both items live on one server.
    async fn commit_held(
        &self,
        lease: &mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> Result<Committed> {
        let (lock, session) = (self.lock_item(lease.id())?, self.session_item(lease.id())?);
        if !lock::is_held(self.pool(&lock), &lock, lease).await? {
            return Ok(Committed::Conflict);
        }
        let mut commands = match (&change, cas_of(lease.base())) {
            (Change::Put(value), Some(cas)) => replace(&session, value, cas, options.ttl).to_vec(),
            (Change::Put(value), None) => add(&session, value, options.ttl).to_vec(),
            (Change::Touch, Some(_)) => vec![touch(&session, options.ttl)],
            (Change::Touch, None) => {
                self.free(&lock, lease).await?;
                return Ok(Committed::Gone);
            }
            (Change::Delete, _) => vec![delete(&session)],
        };
        let together = lock.server == session.server && !options.keep_lease;
        if together && let Some(free) = lock::free(&lock, lease) {
            commands.push(free);
        }
        let replies = self.pool(&session).exchange(WRITE, &commands).await;
        if replies.is_err()
            && let Some(hold) = lease.guard::<Hold>()
        {
            hold.doubt();
        }
        let committed = self.outcome(&change, &replies?, lease.base())?;
        let keep = options.keep_lease && committed.is_done();
        if !keep && !together {
            self.free(&lock, lease).await?;
        }
        if committed.is_done() {
            lease.set_base(committed.stored().cloned());
        }
        Ok(committed)
    }

    fn entry(&self, value: Value) -> Result<Entry> {
        let bytes = match value.flags {
            0 => value.bytes,
            flags => self.plain(flags, &value.bytes)?,
        };
        Ok(Entry::new(bytes, Version::counter(value.cas)))
    }

    /// What Symfony and Laravel store goes through the class `Memcached`,
    /// which compresses.
    #[cfg(feature = "compression")]
    fn plain(&self, flags: u32, stored: &[u8]) -> Result<Bytes> {
        let limit = self.0.options.max_value_bytes;
        crate::wrap::memcached::unwrap(flags, stored, limit)
            .map(|plain| plain.into_owned().into())
            .map_err(|error| self.error(ErrorKind::Corrupt, READ).with_source(error))
    }

    #[cfg(not(feature = "compression"))]
    fn plain(&self, flags: u32, _stored: &[u8]) -> Result<Bytes> {
        let what = format!("flags {flags}; the feature `compression` reads such items");
        Err(self.error(ErrorKind::Unsupported, READ).with_source(what))
    }

    async fn free(&self, lock: &Item, lease: &Lease) -> Result<()> {
        if let Some(free) = lock::free(lock, lease) {
            let _ = self
                .pool(lock)
                .exchange("release the lock", &[free])
                .await?;
        }
        Ok(())
    }

    /// What the answers to a change mean; `base` is what was to be changed.
    fn outcome(
        &self,
        change: &Change,
        replies: &[Reply],
        base: Option<&Version>,
    ) -> Result<Committed> {
        Ok(match (change, replies) {
            (Change::Put(_), [Reply::Stored, Reply::Value(Some(value)), ..]) => {
                Committed::Stored(Version::counter(value.cas))
            }
            // Deleted or evicted in the moment after the write.
            (Change::Put(_), [Reply::Stored, Reply::Value(None), ..]) => Committed::Gone,
            (Change::Put(_) | Change::Touch, [Reply::NotFound, ..]) => Committed::Gone,
            (Change::Touch, [Reply::Touched, ..]) => {
                base.map_or(Committed::Gone, |base| Committed::Stored(base.clone()))
            }
            (Change::Delete, [Reply::Deleted | Reply::Stored | Reply::NotFound, ..]) => {
                Committed::Deleted
            }
            (Change::Put(_) | Change::Delete, [Reply::Exists | Reply::NotStored, ..]) => {
                Committed::Conflict
            }
            (_, other) => {
                let what = format!("unexpected answers {other:?}");
                return Err(self.error(ErrorKind::Backend, WRITE).with_source(what));
            }
        })
    }

    async fn change_unlocked(
        &self,
        id: &SessionId,
        expected: &Version,
        change: Change,
        ttl: Duration,
    ) -> Result<Committed> {
        let session = self.session_item(id)?;
        let pool = self.pool(&session);
        let cas = cas_of(Some(expected)).unwrap_or_default();
        let commands = match &change {
            Change::Put(value) => replace(&session, value, cas, ttl).to_vec(),
            Change::Touch => match get_value(pool, &session.key).await? {
                None => return Ok(Committed::Gone),
                Some(value) if value.cas != cas => return Ok(Committed::Conflict),
                Some(_) => vec![touch(&session, ttl)],
            },
            Change::Delete => vec![delete_version(&session, cas)],
        };
        let replies = pool.exchange(WRITE, &commands).await?;
        self.outcome(&change, &replies, Some(expected))
    }
}

impl Backend for MemcachedBackend {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn caps(&self) -> Caps {
        let mut caps = Caps::new(LockKind::Lease);
        caps.cas = true;
        caps.touch = true;
        caps.native_ttl = true;
        caps.php_layout = true;
        caps
    }

    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move {
            let session = self.session_item(id)?;
            let get = Command::Gets { key: &session.key };
            let commands = match options.touch {
                Some(ttl) => vec![touch(&session, ttl), get],
                None => vec![get],
            };
            let mut replies = self.pool(&session).exchange(READ, &commands).await?;
            found(replies.pop())
                .map(|value| self.entry(value))
                .transpose()
        })
    }

    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>> {
        Box::pin(self.wait_for_lock(id, options))
    }

    fn commit<'a>(
        &'a self,
        lease: &'a mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(self.commit_held(lease, change, options))
    }

    fn put_if<'a>(
        &'a self,
        id: &'a SessionId,
        expected: &'a Version,
        change: Change,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(self.change_unlocked(id, expected, change, ttl))
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>> {
        Box::pin(async move {
            let session = self.session_item(id)?;
            let commands = add(&session, &bytes, ttl);
            let replies = self.pool(&session).exchange(WRITE, &commands).await?;
            match self.outcome(&Change::Put(bytes.clone()), &replies, None)? {
                Committed::Stored(version) => Ok(Created::Stored(version)),
                Committed::Deleted | Committed::Gone | Committed::Conflict => Ok(Created::Exists),
            }
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let lock = self.lock_item(lease.id())?;
            lock::renew(self.pool(&lock), &lock, lease).await
        })
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.free(&self.lock_item(lease.id())?, &lease).await })
    }

    fn purge_expired(&self, _budget: usize) -> BoxFuture<'_, Result<u64>> {
        // memcached does it.
        Box::pin(async { Ok(0) })
    }

    fn list(&self, _limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        let name = self.0.name.clone();
        Box::pin(async move {
            let why = "memcached has no command that lists all its keys";
            Err(Error::new(ErrorKind::Unsupported, name, "list sessions").with_source(why))
        })
    }
}

/// `gets` tells the version of what was just written.
fn replace<'a>(session: &'a Item, value: &'a [u8], cas: u64, ttl: Duration) -> [Command<'a>; 2] {
    let (key, expiry) = (session.key.as_str(), expiry(ttl));
    let write = Command::Cas {
        key,
        expiry,
        value,
        cas,
    };
    [write, Command::Gets { key }]
}

fn add<'a>(session: &'a Item, value: &'a [u8], ttl: Duration) -> [Command<'a>; 2] {
    let (key, expiry) = (session.key.as_str(), expiry(ttl));
    [Command::Add { key, expiry, value }, Command::Gets { key }]
}

fn touch(session: &Item, ttl: Duration) -> Command<'_> {
    Command::Touch {
        key: &session.key,
        expiry: expiry(ttl),
    }
}

fn delete(session: &Item) -> Command<'_> {
    Command::Delete { key: &session.key }
}

fn cas_of(version: Option<&Version>) -> Option<u64> {
    version.and_then(Version::as_counter)
}

impl fmt::Debug for MemcachedBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedBackend")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

const READ: &str = "read the session";
const WRITE: &str = "write the session";
