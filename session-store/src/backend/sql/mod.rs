//! Sessions in PostgreSQL, MySQL/MariaDB and SQLite.

mod backend;
mod conn;
mod connector;
mod dialect;
#[cfg(feature = "sqlite")]
mod disk;
mod fault;
mod held;
mod leased;
mod lock;
mod pool;
mod rows;
mod schema;
mod write;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Error as DbError;

use self::connector::Connector;
use self::lock::Locking;
use self::lock::orphans::Orphans;
use self::pool::{Pool, Pooled};
use self::rows::{RowError, Rows};
use self::schema::Schema;
use crate::{Clock, Error, ErrorKind, Result, StoreUrl};

/// Connections at a time, unless the URL says otherwise.
const POOL: usize = 16;

/// Sessions in a table of a database: Symfony's, Laravel's, Drupal's or one
/// of our own, chosen by [`Preset`](crate::Preset).
///
/// | preset | table | locked by |
/// |---|---|---|
/// | `symfony` | `sessions(sess_id, sess_data, sess_lifetime, sess_time)` | the row, in a transaction (`lock=row`), or a named lock (`lock=named`), as `PdoSessionHandler`; on SQLite a lease |
/// | `laravel` | `sessions(id, …, payload, last_activity)`, base64 | `cache_locks`, as `Cache::lock('session:'.$id)` |
/// | `drupal` | `sessions(uid, sid, hostname, session, timestamp)`, hashed ids | `semaphore`, as Drupal's lock service |
/// | none | `php_sessions(id, data, version, expires)` | `php_session_locks`, in the order of `php_session_waiters` |
///
/// Missing tables are made. Parameters of the URL: `table`, `lock`
/// (`lease`, `row`, `named`), `lock_prefix` (what Laravel's cache or Drupal
/// puts in front of a lock's name), `pool` (connections, default 16); all
/// others go to the database driver, such as `socket` and `host`.
///
/// A lock on a row or by name holds one connection; leases hold none.
/// Every write is one short transaction that checks the lock and compares
/// what is stored with what was read. Traffic is not encrypted: use a Unix
/// socket or a trusted network.
#[derive(Debug)]
pub struct Sql {
    name: String,
    pool: Arc<Pool>,
    rows: Rows,
    locking: Locking,
    orphans: Orphans,
    clock: Clock,
    timeout: Duration,
}

impl Sql {
    /// Connects to the database of a URL and makes missing tables.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a URL that makes no sense, else as the
    /// database fails.
    pub async fn open(url: &StoreUrl) -> Result<Self> {
        Self::open_with_clock(url, Clock::system()).await
    }

    /// The same with another clock, for tests.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub async fn open_with_clock(url: &StoreUrl, clock: Clock) -> Result<Self> {
        let options = url.options();
        let table = url.param("table");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if table.is_some_and(|table| table.is_empty() || !table.bytes().all(is_plain)) {
            return Err(url.config("table holds other characters than letters, digits and _"));
        }
        let connector = Connector::new(url, options.timeout)?;
        let dialect = connector.dialect();
        let name = connector.place();
        let size = url.parsed("pool")?.unwrap_or(POOL).max(1);
        let schema = Schema::new(url.preset(), table);
        let store = Self {
            pool: Arc::new(Pool::new(name.clone(), connector, size, options.timeout)),
            rows: Rows::new(schema, dialect, options.ttl),
            locking: Locking::new(url, dialect)?,
            orphans: Orphans::default(),
            name,
            clock,
            timeout: options.timeout,
        };
        store.make_tables().await?;
        Ok(store)
    }

    /// Makes the tables that are not there. A table that is needs no right
    /// to make one.
    async fn make_tables(&self) -> Result<()> {
        let mut pooled = self.pool.get().await?;
        let dialect = self.rows.dialect;
        let schema = self.rows.schema();
        let mut wanted = vec![(schema.table.as_str(), schema.create(dialect))];
        if let Locking::Lease(table) = &self.locking {
            let locks = table.tables();
            wanted.extend(locks.map(|(name, create)| (name, vec![create.to_owned()])));
        }
        for (table, statements) in wanted {
            let probe = dialect.adapt(&format!("SELECT 1 FROM \"{table}\" WHERE 1 = 0"));
            match pooled.conn().execute(&probe, &[]).await {
                Ok(_) => {}
                Err(error) if fault::is_missing_table(&error) => {
                    for statement in statements {
                        let made = pooled.conn().command(&dialect.adapt(&statement)).await;
                        self.ignore_made_meanwhile(&mut pooled, &probe, made)
                            .await?;
                    }
                }
                Err(error) => return Err(self.fail("look for its table", error)),
            }
        }
        pooled.put_back();
        Ok(())
    }

    /// Another process that opens the same new database may be faster.
    async fn ignore_made_meanwhile(
        &self,
        pooled: &mut Pooled,
        probe: &str,
        made: std::result::Result<(), DbError>,
    ) -> Result<()> {
        let Err(error) = made else { return Ok(()) };
        match pooled.conn().execute(probe, &[]).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.fail("make its table", error)),
        }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        action: &'static str,
        running: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match tokio::time::timeout(limit, running).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(ErrorKind::Timeout, self.name.clone(), action)),
        }
    }

    fn row_error(&self, action: &'static str, error: RowError) -> Error {
        match error {
            RowError::Database(error) => self.fail(action, error),
            RowError::NotBase64 => {
                let corrupt = Error::new(ErrorKind::Corrupt, self.name.clone(), action);
                corrupt.with_source("the stored text is not base64")
            }
        }
    }

    fn fail(&self, action: &'static str, error: DbError) -> Error {
        if fault::is_connection_lost(&error) {
            self.pool.clear();
        }
        self.pool.wrap(action, error)
    }
}
