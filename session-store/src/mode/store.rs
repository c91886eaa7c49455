use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::alias;
use super::bounded::bounded;
use super::metrics::Counters;
use super::queue::Queue;
use super::renewal::Renewals;
use crate::{
    Backend, Caps, Change, CommitOptions, Committed, Created, Entry, Error, ErrorKind, Locked,
    Metrics, Optimistic, ReadOptions, Result, SessionId, StoreOptions, Version,
};

/// How many aliases a request follows: regenerating ids faster than that
/// within [`StoreOptions::alias`] leads to an empty session.
const MAX_HOPS: usize = 4;

/// Sessions in a backend, for requests that read, lock or merge.
///
/// Clones share the queue, the metrics and the backend. One process should
/// have one store per backend: the order of arrival is kept within a store.
///
/// # Examples
///
/// ```
/// use session_store::backend::Memory;
/// use session_store::{Committed, SessionId, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::new(Memory::default());
/// let id = SessionId::generate()?;
///
/// let locked = store.lock(&id).await?;
/// assert!(locked.data().is_none());
/// assert!(locked.commit("user|i:7;").await?.is_done());
/// assert_eq!(store.read(&id).await?.unwrap().bytes, "user|i:7;");
///
/// // Whoever loaded the session before the logout cannot bring it back.
/// let late = store.optimistic(&id).await?;
/// assert_eq!(store.destroy(&id).await?, Committed::Deleted);
/// let outcome = late.commit("user|i:8;", &session_store::NoMerge).await?;
/// assert_eq!(outcome, Committed::Gone);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    backend: Arc<dyn Backend>,
    options: StoreOptions,
    queue: Queue,
    renewals: Renewals,
    counters: Counters,
}

impl Store {
    /// A store with the default [`StoreOptions`].
    pub fn new(backend: impl Backend) -> Self {
        Self::with_options(Arc::new(backend), StoreOptions::default())
    }

    /// A store on a shared backend.
    pub fn with_options(backend: Arc<dyn Backend>, options: StoreOptions) -> Self {
        Self(Arc::new(Shared {
            backend,
            options,
            queue: Queue::new(),
            renewals: Renewals::default(),
            counters: Counters::default(),
        }))
    }

    /// The backend underneath.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.0.backend
    }

    /// What the backend can do.
    pub fn caps(&self) -> Caps {
        self.0.backend.caps()
    }

    /// The options it was made with.
    pub fn options(&self) -> &StoreOptions {
        &self.0.options
    }

    /// What happened so far.
    pub fn metrics(&self) -> Metrics {
        self.0.counters.snapshot()
    }

    /// Notes in the metrics that a session's data could not be decoded.
    pub fn count_corrupt(&self) {
        self.0.counters.corrupt.add_one();
    }

    /// Reads a session without a lock, following an alias; `None` if there
    /// is none. Its life is not extended, as with PHP's `read_and_close`.
    ///
    /// # Errors
    ///
    /// As the backend fails; [`ErrorKind::TooLarge`] above the limit.
    pub async fn read(&self, id: &SessionId) -> Result<Option<Entry>> {
        Ok(self.find(id, ReadOptions::default()).await?.1)
    }

    /// Reads a session without a lock and makes it live for the full
    /// [`StoreOptions::ttl`] from now.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub async fn read_and_touch(&self, id: &SessionId) -> Result<Option<Entry>> {
        let options = ReadOptions::touching(self.options().ttl);
        Ok(self.find(id, options).await?.1)
    }

    /// Takes the lock of a session, existing or not, and reads it: PHP's
    /// `session_start()`. Follows an alias; [`Locked::id`] says where to.
    ///
    /// Requests of this process enter in the order of their arrival.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LockTimeout`] after [`StoreOptions::lock_wait`],
    /// [`ErrorKind::TooManyWaiters`] at once if the queue is full; else as
    /// the backend fails.
    pub async fn lock(&self, id: &SessionId) -> Result<Locked> {
        super::lock::lock(self, id).await
    }

    /// Reads a session to change it without holding a lock meanwhile: the
    /// commit merges what others wrote since. Follows an alias.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub async fn optimistic(&self, id: &SessionId) -> Result<Optimistic> {
        let (id, entry) = self.find(id, ReadOptions::default()).await?;
        Ok(Optimistic::new(self.clone(), id, entry))
    }

    /// Makes a new session that exists at once, as strict mode needs before
    /// the cookie is sent.
    ///
    /// # Errors
    ///
    /// As the backend fails.
    pub async fn create(&self, bytes: impl Into<Bytes>) -> Result<SessionId> {
        let bytes = bytes.into();
        self.check_size(&bytes)?;
        // A second collision of 128 random bits means broken random numbers.
        for _ in 0..3 {
            let id = SessionId::generate().map_err(|source| {
                self.error(ErrorKind::Backend, "make an id")
                    .with_source(source)
            })?;
            let ttl = self.options().ttl;
            let created = self.backend().create(&id, bytes.clone(), ttl);
            if let Created::Stored(_) = self.within("create session", created).await? {
                return Ok(id);
            }
        }
        Err(self.error(ErrorKind::Backend, "make an id that nobody has"))
    }

    /// Whether PHP's strict mode accepts the id: it exists, or it leads to
    /// one that does.
    ///
    /// # Errors
    ///
    /// As the backend fails.
    pub async fn exists(&self, id: &SessionId) -> Result<bool> {
        Ok(self.read(id).await?.is_some())
    }

    /// Destroys a session once the request that holds it has finished.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock).
    pub async fn destroy(&self, id: &SessionId) -> Result<Committed> {
        self.lock(id).await?.destroy().await
    }

    /// Removes up to `budget` expired sessions and says how many.
    ///
    /// # Errors
    ///
    /// As the backend fails.
    pub async fn gc(&self, budget: usize) -> Result<u64> {
        self.backend().purge_expired(budget).await
    }

    /// Names of up to `limit` stored sessions: ids, or hashes where the
    /// layout stores those.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the backend cannot enumerate.
    pub async fn list(&self, limit: usize) -> Result<Vec<String>> {
        let mut names = self.backend().list(limit).await?;
        names.retain(|name| !alias::is_name(name));
        Ok(names)
    }

    /// The session of `id`, under the id that its aliases lead to.
    async fn find(
        &self,
        id: &SessionId,
        options: ReadOptions,
    ) -> Result<(SessionId, Option<Entry>)> {
        let mut id = id.clone();
        for _ in 0..MAX_HOPS {
            let loaded = self.backend().load(&id, options);
            let entry = self.within("read session", loaded).await?;
            if let Some(entry) = &entry {
                self.check_size(&entry.bytes)?;
                return Ok((id, Some(entry.clone())));
            }
            match self.follow(&id).await? {
                Some(new) => id = new,
                None => return Ok((id, None)),
            }
        }
        Ok((id, None))
    }

    /// Where the alias of `id` leads, if it left one.
    pub(crate) async fn follow(&self, id: &SessionId) -> Result<Option<SessionId>> {
        if self.options().alias.is_zero() {
            return Ok(None);
        }
        let name = alias::name(id);
        let loaded = self.backend().load(&name, ReadOptions::default());
        let record = self.within("read alias", loaded).await?;
        let new = record.and_then(|record| alias::decode(&record.bytes, SystemTime::now()));
        if new.is_some() {
            self.counters().aliases_followed.add_one();
        }
        Ok(new)
    }

    /// Makes `from` lead to `to` for a while.
    pub(crate) async fn leave_alias(&self, from: &SessionId, to: &SessionId) -> Result<()> {
        let ttl = self.options().alias;
        if ttl.is_zero() {
            return Ok(());
        }
        let name = alias::name(from);
        let record = alias::encode(to, SystemTime::now(), ttl);
        for _ in 0..MAX_HOPS {
            let created = self.backend().create(&name, record.clone(), ttl);
            match self.within("write alias", created).await? {
                Created::Stored(_) => return Ok(()),
                Created::Exists => self.drop_alias(from).await?,
            }
        }
        Err(self.error(ErrorKind::Backend, "write alias"))
    }

    /// Takes an alias back.
    pub(crate) async fn drop_alias(&self, from: &SessionId) -> Result<()> {
        let _ = self.remove(&alias::name(from)).await?;
        Ok(())
    }

    /// Deletes what is stored under a name, without queueing.
    pub(crate) async fn remove(&self, name: &SessionId) -> Result<Committed> {
        let ttl = self.options().ttl;
        if self.caps().lock.is_some() {
            let options = self.options().lock_options(Instant::now());
            let locking = self.backend().lock_and_load(name, options);
            let (mut lease, _) = self.within("lock session", locking).await?;
            let options = CommitOptions::new(ttl);
            let done = self.backend().commit(&mut lease, Change::Delete, options);
            return self.within("delete session", done).await;
        }
        let loaded = self.backend().load(name, ReadOptions::default());
        let Some(entry) = self.within("read session", loaded).await? else {
            return Ok(Committed::Deleted);
        };
        self.put_if(name, &entry.version, Change::Delete, ttl).await
    }

    pub(crate) async fn put_if(
        &self,
        id: &SessionId,
        version: &Version,
        change: Change,
        ttl: Duration,
    ) -> Result<Committed> {
        let put = self.backend().put_if(id, version, change, ttl);
        self.within("write session", put).await
    }

    /// Bounds one operation of the backend in time.
    pub(crate) async fn within<T>(
        &self,
        action: &'static str,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let until = || tokio::time::Instant::now() + self.options().timeout;
        self.within_until(until, action, operation).await
    }

    /// The same for an operation that may wait.
    pub(crate) async fn within_until<T>(
        &self,
        until: impl FnOnce() -> tokio::time::Instant,
        action: &'static str,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        bounded(operation, until).await.unwrap_or_else(|| {
            self.counters().timeouts.add_one();
            Err(self.error(ErrorKind::Timeout, action))
        })
    }

    pub(crate) fn check_size(&self, bytes: &Bytes) -> Result<()> {
        let backend = self.caps().max_session_bytes.unwrap_or(usize::MAX);
        let limit = self.options().limits.max_session_bytes.min(backend);
        if bytes.len() > limit {
            let what = format!("{} bytes where {limit} are allowed", bytes.len());
            return Err(self
                .error(ErrorKind::TooLarge, "take session")
                .with_source(what));
        }
        Ok(())
    }

    pub(crate) fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.backend().name().to_owned(), action)
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(super) fn renewals(&self) -> &Renewals {
        &self.0.renewals
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Counts the outcomes that callers must see.
    pub(crate) fn count_outcome(&self, outcome: &Committed) {
        match outcome {
            Committed::Gone => self.counters().gone.add_one(),
            Committed::Conflict => self.counters().conflicts.add_one(),
            Committed::Stored(_) | Committed::Deleted => {}
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.backend().name())
            .field("options", self.options())
            .finish_non_exhaustive()
    }
}
