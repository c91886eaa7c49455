//! What users of a pool hold.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Response;
use tokio::sync::broadcast;
use tower_service::Service;

use crate::{Error, ErrorKind, Event, Events, PoolConfig, Request, ResponseBody, Sizing, Status};

/// A pool in use; cheap to clone.
///
/// The pool lives until [`shutdown`](Self::shutdown), or until the last
/// handle is dropped: then its workers are stopped at once.
#[derive(Clone, Debug)]
pub struct PoolHandle {
    name: std::sync::Arc<str>,
    events: broadcast::Sender<Event>,
}

impl PoolHandle {
    pub(crate) fn new(config: &PoolConfig) -> Self {
        Self {
            name: config.name.clone(),
            events: broadcast::Sender::new(config.limits.events),
        }
    }

    /// Runs a request on a worker and returns the head of its answer; the
    /// body follows.
    ///
    /// Dropping the future says that the client has left: a request that
    /// waits is never started, one that runs is treated as
    /// [`OnClientGone`](crate::OnClientGone) says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind`] names them all; [`ErrorKind::http_status`] says what an
    /// HTTP client should get. What a worker did wrong is logged here, with
    /// the script and the cause.
    pub async fn call(&self, _request: Request) -> Result<Response<ResponseBody>, Error> {
        Err(Error::new(ErrorKind::Closed))
    }

    /// Returns once a worker is ready, which an ondemand pool starts for the
    /// purpose.
    ///
    /// # Errors
    ///
    /// [`NoWorker`](ErrorKind::NoWorker) or
    /// [`NotFastCgi`](ErrorKind::NotFastCgi) when workers fail to start; the
    /// pool goes on trying.
    pub async fn ready(&self) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Closed))
    }

    /// The pool's state, exact at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            pool: self.name.clone(),
            sizing: Sizing::default(),
            uptime: Duration::ZERO,
            generation: 0,
            accepting: false,
            workers: Vec::new(),
            queue_len: 0,
            queue_max_len: 0,
            queue_peak: 0,
            active_peak: 0,
            failures_in_a_row: 0,
            totals: crate::Totals::default(),
            queue_wait: crate::Histogram::default(),
            first_byte: crate::Histogram::default(),
            duration: crate::Histogram::default(),
        }
    }

    /// All events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Events {
        Events {
            receiver: self.events.subscribe(),
            lost: 0,
        }
    }

    /// Changes the number of workers, without a restart of those that stay.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) when the numbers contradict each other;
    /// nothing has changed then.
    pub fn resize(&self, _sizing: Sizing) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Closed))
    }

    /// Starts a new generation of workers with `config`, proves it ready,
    /// then gives it all requests; the old one finishes what it has within
    /// [`Timeouts::reload_grace`](crate::Timeouts::reload_grace). Returns
    /// the generation's number. No request is lost or refused by it.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) or [`Reload`](ErrorKind::Reload), whose
    /// source says what is wrong with the new generation; the old one goes
    /// on unchanged.
    pub async fn reload(&self, _config: PoolConfig) -> Result<u64, Error> {
        Err(Error::new(ErrorKind::Closed))
    }

    /// Refuses new requests and returns when those that were accepted are
    /// done, in the queue too. Workers stay.
    pub async fn drain(&self) {}

    /// Drains for at most `grace`, then stops all workers and returns when
    /// the last one is gone.
    pub async fn shutdown(&self, _grace: Duration) {}
}

/// A service for hosts: [`poll_ready`](Service::poll_ready) holds a slot or
/// a place in the queue for the next call.
impl Service<Request> for PoolHandle {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let handle = self.clone();
        Box::pin(async move { Self::call(&handle, request).await })
    }
}
