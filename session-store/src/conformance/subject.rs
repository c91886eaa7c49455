use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{
    Backend, Clock, CommitOptions, Entry, Lease, LockOptions, ReadOptions, SessionId, Store,
    StoreOptions,
};

/// A backend under test.
pub struct Subject {
    backend: Arc<dyn Backend>,
    peer: Arc<dyn Backend>,
    clock: Option<Clock>,
    _kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Subject {
    /// A backend that uses its own or the system's clock, so that rules about
    /// expiry wait for real.
    pub fn new(backend: impl Backend) -> Self {
        let backend: Arc<dyn Backend> = Arc::new(backend);
        Self {
            peer: backend.clone(),
            backend,
            clock: None,
            _kept: Vec::new(),
        }
    }

    /// The manual clock that the backend uses.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// A second way to the same sessions, as another process has it: locks
    /// must hold between both.
    #[must_use]
    pub fn with_peer(mut self, peer: impl Backend) -> Self {
        self.peer = Arc::new(peer);
        self
    }

    /// Keeps something alive as long as the subject: a server, a folder.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self._kept.push(Box::new(kept));
        self
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(super) fn peer(&self) -> &dyn Backend {
        &*self.peer
    }

    /// A store on each way to the sessions.
    pub(super) fn stores(&self, options: StoreOptions) -> [Store; 2] {
        [&self.backend, &self.peer].map(|backend| Store::with_options(backend.clone(), options))
    }

    pub(super) fn store(&self) -> Store {
        Store::with_options(self.backend.clone(), StoreOptions::default())
    }

    /// Lets time pass for the backend.
    pub(super) async fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            // The clock is the server's: nothing but waiting moves it.
            None => tokio::time::sleep(time).await,
        }
    }

    /// Whether rules about the life of a session can be checked.
    pub(super) fn expires(&self) -> bool {
        self.backend.caps().ttl_per_session || self.clock.is_some()
    }

    pub(super) async fn load(&self, id: &SessionId) -> Option<Entry> {
        let loaded = self.backend.load(id, ReadOptions::default()).await;
        loaded.expect("loads")
    }

    pub(super) async fn bytes(&self, id: &SessionId) -> Option<Vec<u8>> {
        self.load(id).await.map(|entry| entry.bytes.to_vec())
    }

    /// Locks with a lease of 20 seconds, waiting at most 10.
    pub(super) async fn lock(&self, id: &SessionId) -> (Lease, Option<Entry>) {
        let locked = self.backend.lock_and_load(id, lock_within(10)).await;
        locked.expect("locks")
    }

    /// Stores a session, replacing what is there.
    pub(super) async fn store_bytes(&self, id: &SessionId, bytes: &'static str) {
        let locked = self.store().lock(id).await.expect("locks");
        assert!(locked.commit(bytes).await.expect("commits").is_done());
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// Runs a rule on a runtime of its own.
pub fn run(rule: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(rule);
}

pub(super) fn fresh_id() -> SessionId {
    SessionId::generate().expect("the system gives random numbers")
}

pub(super) fn lock_within(secs: u64) -> LockOptions {
    let mut options = LockOptions::until(Instant::now() + Duration::from_secs(secs));
    options.lease = Duration::from_secs(20);
    options
}

/// Asks for the lock once, more or less.
pub(super) fn lock_soon() -> LockOptions {
    let mut options = lock_within(0);
    options.deadline += Duration::from_millis(100);
    options
}

pub(super) fn hour() -> CommitOptions {
    CommitOptions::new(HOUR)
}

pub(super) const HOUR: Duration = Duration::from_secs(3600);
