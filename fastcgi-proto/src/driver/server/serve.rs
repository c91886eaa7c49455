//! Accepting and serving connections.

use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Handler;
use super::connection::Driver;
use crate::driver::{Error, Listener, Stream, Transport};
use crate::server::Config;

/// How long to wait before accepting again after an error such as running out
/// of descriptors, which a connection's end may cure.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// An application: a handler, and how its connections behave.
///
/// ```no_run
/// use fastcgi_proto::driver::{Answer, Listener, Request, Server};
///
/// # async fn run() -> std::io::Result<()> {
/// let server = Server::new(async |request: Request| Answer::End(0)).max_connections(100);
/// server.serve(Listener::from_fd0()?, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server<H> {
    handler: Arc<H>,
    config: Config,
    max_connections: usize,
    drain_timeout: Duration,
    stop_timeout: Duration,
}

impl<H: Handler> Server<H> {
    /// An application with the default [`Config`].
    pub fn new(handler: H) -> Self {
        Self {
            handler: Arc::new(handler),
            config: Config::default(),
            max_connections: 1024,
            drain_timeout: Duration::from_secs(10),
            stop_timeout: Duration::from_secs(30),
        }
    }

    /// How each connection behaves.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Connections served at once; more wait to be accepted. Default 1024.
    /// While one may not read, for output or input that waits, it uses a
    /// second descriptor to see its peer leave.
    #[must_use]
    pub fn max_connections(mut self, count: usize) -> Self {
        self.max_connections = count.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long to read on after the last answer on a connection that is to
    /// close, until the peer closes too, and how long the peer may take
    /// nothing of that answer's rest. Default 10 s.
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How long active requests may go on after the stop. Then their
    /// connections are closed and their handlers dropped, so that none of
    /// them, and no peer that does not read, can keep the application from
    /// ending. Default 30 s; [`Duration::MAX`] waits for ever.
    #[must_use]
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Accepts and serves connections until `stop` is ready; then closes the
    /// listener, lets active requests end and returns.
    ///
    /// A connection that fails ends by itself and disturbs no other, and so
    /// does one with a handler that panics.
    pub async fn serve(self, listener: Listener, stop: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(self.max_connections));
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            // Whatever has ended is forgotten.
            while connections.try_join_next().is_some() {}
            let accepted = tokio::select! {
                accepted = accept(&listener, &permits) => accepted,
                () = &mut stop => break,
            };
            let Some((stream, permit)) = accepted else {
                break;
            };
            let handler = Arc::clone(&self.handler);
            let (config, drain_timeout) = (self.config, self.drain_timeout);
            let mut stopped = stopped.clone();
            connections.spawn(async move {
                let _permit = permit;
                let stop = async move {
                    let _ = stopped.wait_for(|stopping| *stopping).await;
                };
                let driver = Driver::new(stream, config, &*handler);
                // The peer's faults are the peer's; nobody is to be told.
                let _ = driver.run(drain_timeout, stop).await;
            });
        }
        // Nobody waits in the queue of a listener that accepts no more.
        drop(listener);
        stopping.send_replace(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        // What is left is aborted with the set.
        let _ = tokio::time::timeout(self.stop_timeout, ended).await;
    }

    /// Serves one connection that is open already, to its end, within a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`Error`] if the peer broke the protocol or the transport failed.
    /// Handlers have run to their end then, too.
    pub async fn serve_connection<S: Transport>(&self, stream: S) -> Result<(), Error> {
        Driver::new(stream, self.config, &*self.handler)
            .run(self.drain_timeout, std::future::pending())
            .await
    }
}

/// The next connection, once there is a place for it. `None` never happens:
/// nobody closes the semaphore.
async fn accept(
    listener: &Listener,
    places: &Arc<Semaphore>,
) -> Option<(Stream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok(stream) => return Some((stream, place)),
            // Only that one connection failed.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}
