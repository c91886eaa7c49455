//! The task that accepts connections and keeps the store tidy.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::listener::Accepted;
use super::{Limits, Listener, memcached, prepend, resp};
use crate::{Error, ErrorKind, Store};

/// How PHP talks to an endpoint.
#[derive(Debug, Clone, Copy, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Protocol {
    /// Redis' protocol, for `session.save_handler=redis`.
    Resp,
    /// memcached's text and binary protocols, for
    /// `session.save_handler=memcached`.
    Memcached,
    /// The protocol of the PHP file that [`prepend_file`](super::prepend_file)
    /// makes.
    Prepend,
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "resp" => Ok(Self::Resp),
            "memcached" => Ok(Self::Memcached),
            "prepend" => Ok(Self::Prepend),
            _ => Err(
                Error::new(ErrorKind::Config, "endpoint", "speak that protocol")
                    .with_source("it is none of resp, memcached, prepend"),
            ),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resp => "resp",
            Self::Memcached => "memcached",
            Self::Prepend => "prepend",
        })
    }
}

/// Serves the sessions of a store to PHP. Clones share everything.
///
/// Locks are granted in the order of arrival and end with the connection
/// that holds them, so a PHP worker that dies blocks nobody.
///
/// # Examples
///
/// ```
/// use session_store::Store;
/// use session_store::backend::Memory;
/// use session_store::endpoint::{Endpoint, Listener, Protocol};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = Listener::bind("127.0.0.1:0").await?;
/// println!("session.save_path = tcp://{listener}");
/// let endpoint = Endpoint::new(Protocol::Resp, Store::new(Memory::default()));
/// let task = tokio::spawn(async move { endpoint.run(&listener).await });
/// # task.abort();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    protocol: Protocol,
    store: Store,
    limits: Limits,
    prefix: String,
}

impl Endpoint {
    /// An endpoint with the default limits and the prefix that PHP's handler
    /// has by default.
    #[must_use]
    pub fn new(protocol: Protocol, store: Store) -> Self {
        let prefix = match protocol {
            Protocol::Resp => "PHPREDIS_SESSION:",
            Protocol::Memcached => "memc.sess.key.",
            Protocol::Prepend => "",
        };
        Self(Arc::new(Inner {
            protocol,
            store,
            limits: Limits::default(),
            prefix: prefix.to_owned(),
        }))
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        Arc::make_mut(&mut self.0).limits = limits;
        self
    }

    /// The same for clients that put `prefix` in front of every key; the
    /// prefix is no part of what is stored.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).prefix = prefix.into();
        self
    }

    /// The store it serves.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(super) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Accepts and serves connections until the future is dropped, which
    /// ends them all, and removes expired sessions now and then.
    ///
    /// # Errors
    ///
    /// When the listener fails for good. Running out of file descriptors is
    /// waited out.
    pub async fn run(&self, listener: &Listener) -> io::Result<()> {
        let permits = Arc::new(Semaphore::new(self.0.limits.max_connections));
        let mut connections = JoinSet::new();
        let mut tidy = tokio::time::interval(TIDY);
        loop {
            let accepted = tokio::select! {
                accepted = accept(listener, &permits) => accepted,
                Some(_) = connections.join_next() => continue,
                _ = tidy.tick() => {
                    self.tidy().await;
                    continue;
                }
            };
            match accepted {
                Ok((stream, permit)) => {
                    let endpoint = self.clone();
                    connections.spawn(async move {
                        endpoint.serve_accepted(stream).await;
                        drop(permit);
                    });
                }
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "cannot accept a connection now");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Serves one connection that the host has accepted, until its end.
    ///
    /// # Errors
    ///
    /// When reading or writing fails; its locks are released all the same.
    pub async fn serve<S>(&self, stream: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.0.protocol {
            Protocol::Resp => resp::serve(stream, self).await,
            Protocol::Memcached => memcached::serve(stream, self).await,
            Protocol::Prepend => prepend::serve(stream, self).await,
        }
    }

    async fn serve_accepted(&self, stream: Accepted) {
        let result = match stream {
            Accepted::Tcp(stream) => self.serve(stream).await,
            Accepted::Unix(stream) => self.serve(stream).await,
        };
        if let Err(error) = result {
            tracing::debug!(%error, protocol = %self.0.protocol, "connection ended");
        }
    }

    async fn tidy(&self) {
        if self.store().caps().native_ttl {
            return;
        }
        if let Err(error) = self.store().gc(TIDY_BUDGET).await {
            tracing::warn!(%error, "expired sessions were not removed");
        }
    }
}

async fn accept(
    listener: &Listener,
    permits: &Arc<Semaphore>,
) -> io::Result<(Accepted, Option<tokio::sync::OwnedSemaphorePermit>)> {
    // It is never closed.
    let permit = permits.clone().acquire_owned().await.ok();
    Ok((listener.accept().await?, permit))
}

/// Whether accepting may work again in a moment.
fn is_passing(error: &io::Error) -> bool {
    let no_descriptors = [24, 23]; // EMFILE, ENFILE
    error
        .raw_os_error()
        .is_some_and(|code| no_descriptors.contains(&code))
        || matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
                | io::ErrorKind::OutOfMemory
        )
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const TIDY: Duration = Duration::from_secs(60);
const TIDY_BUDGET: usize = 10_000;
