//! Open connections that nobody uses, and how many there may be.
//!
//! Of its own rather than the library's: a connection whose user left in
//! mid-statement must be closed, not used again, and a server that refuses
//! must be an error at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Error as DbError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::conn::Conn;
use super::connector::Connector;
use super::fault;
use crate::{Error, ErrorKind, Result};

/// An idle connection older than this is asked whether it still works.
const TRUSTED: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Pool {
    name: String,
    connector: Connector,
    timeout: Duration,
    idle: Mutex<Vec<(Conn, Instant)>>,
    permits: Arc<Semaphore>,
}

/// A connection in use; closed on drop unless it is [put back](Self::put_back).
#[derive(Debug)]
pub(super) struct Pooled {
    conn: Conn,
    pool: Arc<Pool>,
    permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(name: String, connector: Connector, size: usize, timeout: Duration) -> Self {
        Self {
            name,
            connector,
            timeout,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(size)),
        }
    }

    /// A connection that answers, waiting for one if all are in use.
    pub(super) async fn get(self: &Arc<Self>) -> Result<Pooled> {
        let getting = async {
            let permit = self.permits.clone().acquire_owned().await;
            let permit = permit.map_err(|_| self.error(ErrorKind::Unavailable))?;
            let conn = match self.take_idle().await {
                Some(conn) => conn,
                None => self
                    .connector
                    .connect()
                    .await
                    .map_err(|error| self.wrap("connect", error))?,
            };
            Ok(Pooled {
                conn,
                pool: self.clone(),
                permit,
            })
        };
        match tokio::time::timeout(self.timeout, getting).await {
            Ok(got) => got,
            Err(_) => Err(self.error(ErrorKind::Timeout)),
        }
    }

    async fn take_idle(&self) -> Option<Conn> {
        loop {
            let (mut conn, since) = self.idle().pop()?;
            if since.elapsed() < TRUSTED || conn.ping().await.is_ok() {
                return Some(conn);
            }
        }
    }

    /// Forgets idle connections: where one broke, the others did too.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Conn, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A failure of the database, under its name.
    pub(super) fn wrap(&self, action: &'static str, error: DbError) -> Error {
        let kind = fault::kind(&error);
        let kind = match kind {
            ErrorKind::Unavailable => self.connector.obstacle().unwrap_or(kind),
            kind => kind,
        };
        Error::new(kind, self.name.clone(), action).with_source(error)
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.name.clone(), "connect")
    }
}

impl Pooled {
    pub(super) fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Keeps the connection for others. It must be between transactions.
    pub(super) fn put_back(self) {
        self.pool.idle().push((self.conn, Instant::now()));
        drop(self.permit);
    }
}
