//! One FastCGI server.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastcgi_proto::driver::{Address as Peer, Stream};
use http::Response;
use tokio::time::timeout;

use super::exchange::{Failed, Prepared, UpstreamError};
use crate::address::Address;
use crate::serve::php::ScriptBody;

/// How long a server that could not be reached is asked last.
pub(super) const REST: Duration = Duration::from_secs(2);
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// A server and how it is doing.
#[derive(Debug)]
pub(super) struct Server {
    address: Address,
    active: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    resting_until: Mutex<Option<Instant>>,
}

/// The state of a server at one moment.
#[derive(Debug)]
pub(crate) struct UpstreamStatus {
    pub(crate) address: String,
    pub(crate) active: u64,
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    pub(crate) available: bool,
}

/// A request that a server runs, until it is dropped.
#[derive(Debug)]
pub(super) struct Running(Arc<Server>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            active: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            resting_until: Mutex::new(None),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    pub(super) fn is_available(&self, now: Instant) -> bool {
        let resting = self
            .resting_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        resting.is_none_or(|until| until <= now)
    }

    pub(super) fn status(&self) -> UpstreamStatus {
        UpstreamStatus {
            address: self.address.to_string(),
            active: self.active(),
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            available: self.is_available(Instant::now()),
        }
    }

    /// Runs a request over a connection of its own: a kept one would pin a
    /// worker of php-fpm while it is idle.
    ///
    /// # Errors
    ///
    /// [`Failed`], with the request when it can go elsewhere.
    pub(super) async fn run(
        self: Arc<Self>,
        request: Prepared,
        limit: Option<Duration>,
    ) -> Result<Response<ScriptBody>, Failed> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        let running = Running(Arc::clone(&self));
        let result = self.exchange(request, limit, running).await;
        if let Err(failed) = &result {
            self.failures.fetch_add(1, Ordering::Relaxed);
            if matches!(failed.error, UpstreamError::Connect(_)) {
                let mut resting = self
                    .resting_until
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *resting = Some(Instant::now() + REST);
            }
        }
        result
    }

    async fn exchange(
        &self,
        request: Prepared,
        limit: Option<Duration>,
        running: Running,
    ) -> Result<Response<ScriptBody>, Failed> {
        let connected = timeout(CONNECT_TIME, Stream::connect(&Peer::from(&self.address))).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match connected {
            Ok(stream) => request.send(stream, limit, running).await,
            Err(error) => Err(Failed {
                error: UpstreamError::Connect(error),
                unsent: Some(Box::new(request)),
            }),
        }
    }
}
