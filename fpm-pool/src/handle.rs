//! What users of a pool hold.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Response;
use tower_service::Service;

use crate::shared::{Place, Shared};
use crate::{
    Error, ErrorKind, Events, PoolConfig, Request, ResponseBody, Sizing, Spawn, Status, call,
};

/// A pool in use; cheap to clone.
///
/// It may be used from anywhere: from other runtimes than the one that the
/// pool was started in, and from none. When that one ends, the workers are
/// killed and calls fail with [`ErrorKind::Runtime`].
///
/// The pool lives until [`shutdown`](Self::shutdown), or until the last
/// handle is dropped: then its workers are stopped at once.
#[derive(Debug)]
pub struct PoolHandle {
    pool: Arc<Owner>,
    /// A place that [`Service::poll_ready`] was given.
    place: Option<Place>,
}

/// Closes the pool when the last handle goes.
#[derive(Debug)]
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Clone for PoolHandle {
    fn clone(&self) -> Self {
        Self {
            pool: Arc::clone(&self.pool),
            place: None,
        }
    }
}

impl PoolHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            pool: Arc::new(Owner(shared)),
            place: None,
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
    pub async fn call(&self, request: Request) -> Result<Response<ResponseBody>, Error> {
        let answer = call::call(&self.pool.0, request, None).await;
        answer.map_err(|error| self.pool.0.or_lost(error))
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
        let ready = self.pool.0.ready().await;
        ready.map_err(|error| self.pool.0.or_lost(error))
    }

    /// The pool's state, exact at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        self.pool.0.status()
    }

    /// All events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Events {
        Events {
            receiver: self.pool.0.events.subscribe(),
            lost: 0,
        }
    }

    /// Changes the number of workers, without a restart of those that stay.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) when the numbers contradict each other;
    /// nothing has changed then.
    pub fn resize(&self, sizing: Sizing) -> Result<(), Error> {
        (sizing.check()).map_err(|reason| Error::new(ErrorKind::Config).caused_by(reason))?;
        self.pool.0.resize(sizing);
        Ok(())
    }

    /// Starts a new generation of workers with `config`, proves it ready,
    /// then gives it all requests; the old one finishes what it has within
    /// [`Timeouts::reload_grace`](crate::Timeouts::reload_grace). Returns
    /// the generation's number. No request is lost or refused by it, unless it
    /// outlives that grace.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) or [`Reload`](ErrorKind::Reload), whose
    /// source says what is wrong with the new generation; the old one goes
    /// on unchanged.
    pub async fn reload(&self, config: PoolConfig) -> Result<u64, Error> {
        let spawner = config.spawner()?;
        self.reload_with(config, spawner).await
    }

    /// Reloads with workers that `spawner` starts.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn reload_with(&self, config: PoolConfig, spawner: impl Spawn) -> Result<u64, Error> {
        config.check()?;
        let result = self.pool.0.reload(&config, Arc::new(spawner))?.await;
        let lost = || Err("the pool is gone".to_owned());
        (result.unwrap_or_else(|_| lost()))
            .map_err(|reason| Error::new(ErrorKind::Reload).caused_by(reason))
    }

    /// Refuses new requests and returns when those that were accepted are
    /// done, in the queue too. Workers stay.
    pub async fn drain(&self) {
        self.pool.0.drain().await;
    }

    /// Drains for at most `grace`, then stops all workers and returns when
    /// the last one is gone, with whatever it started
    /// ([`WorkerCommand`](crate::WorkerCommand#what-it-starts)). A worker that
    /// does not end within ten seconds after it was killed, as it is stuck in
    /// the kernel, is logged and waited for no longer.
    pub async fn shutdown(&self, grace: Duration) {
        self.pool.0.shut_down(grace).await;
    }
}

#[cfg(feature = "http")]
impl PoolHandle {
    /// Ready when a place is held for the next call.
    pub(crate) fn poll_held(&mut self, cx: &Context<'_>) -> Poll<()> {
        let place = self
            .place
            .get_or_insert_with(|| Place::ask(&self.pool.0, cx));
        place.poll(cx)
    }

    /// Runs a request with the place that is held, if one is.
    pub(crate) async fn call_held(
        &mut self,
        request: Request,
    ) -> Result<Response<ResponseBody>, Error> {
        let place = self.place.take().filter(Place::is_held);
        call::call(&self.pool.0, request, place).await
    }
}

/// A service for hosts: [`poll_ready`](Service::poll_ready) holds a slot or
/// a place in the queue for the next call.
impl Service<Request> for PoolHandle {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let place = self
            .place
            .get_or_insert_with(|| Place::ask(&self.pool.0, cx));
        place.poll(cx).map(Ok)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let place = self.place.take().filter(Place::is_held);
        let pool = Arc::clone(&self.pool);
        Box::pin(async move {
            let answer = call::call(&pool.0, request, place).await;
            answer.map_err(|error| pool.0.or_lost(error))
        })
    }
}
