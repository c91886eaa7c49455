//! Locks as rows with an end: Laravel's `cache_locks`, Drupal's `semaphore`
//! and, elsewhere, a table of our own.

use std::time::{Duration, SystemTime};

use sqlx::Error as DbError;

use crate::backend::sql::conn::{Conn, Value};
use crate::backend::sql::dialect::Dialect;
use crate::backend::sql::fault;
use crate::backend::sql::schema::{millis, secs_up};
use crate::{Preset, StoreUrl, Token};

/// The statements of one table of locks.
#[derive(Debug)]
pub(in crate::backend::sql) struct LeaseTable {
    table: &'static str,
    prefix: String,
    counts: Counts,
    held: String,
    insert: String,
    take_over: String,
    renew: String,
    delete: String,
    create: String,
}

/// What the column of the end counts, since 1970.
#[derive(Clone, Copy, Debug)]
enum Counts {
    Millis,
    Secs,
    FractionalSecs,
}

struct Names {
    table: &'static str,
    key: &'static str,
    owner: &'static str,
    end: &'static str,
    counts: Counts,
    prefix: String,
}

impl LeaseTable {
    pub(in crate::backend::sql) fn new(url: &StoreUrl, dialect: Dialect) -> Self {
        let names = names(url);
        let Names {
            table,
            key,
            owner,
            end,
            ..
        } = names;
        let (insert, tail) = dialect.insert_if_missing();
        let kind = match names.counts {
            Counts::Millis => "BIGINT",
            Counts::Secs => "INTEGER",
            Counts::FractionalSecs => "DOUBLE PRECISION",
        };
        let id = dialect.id(320);
        let adapt = |sql: String| dialect.adapt(&sql);
        Self {
            held: adapt(format!(
                "SELECT 1 FROM \"{table}\" WHERE \"{key}\" = ? AND \"{end}\" > ?"
            )),
            insert: adapt(format!(
                "{insert} INTO \"{table}\" (\"{key}\", \"{owner}\", \"{end}\") VALUES (?, ?, ?){tail}"
            )),
            take_over: adapt(format!(
                "UPDATE \"{table}\" SET \"{owner}\" = ?, \"{end}\" = ? \
                 WHERE \"{key}\" = ? AND \"{end}\" <= ?"
            )),
            renew: adapt(format!(
                "UPDATE \"{table}\" SET \"{end}\" = ? WHERE \"{key}\" = ? AND \"{owner}\" = ?"
            )),
            delete: adapt(format!(
                "DELETE FROM \"{table}\" WHERE \"{key}\" = ? AND \"{owner}\" = ?"
            )),
            create: adapt(format!(
                "CREATE TABLE IF NOT EXISTS \"{table}\" (\"{key}\" {id} NOT NULL PRIMARY KEY, \
                 \"{owner}\" VARCHAR(255) NOT NULL, \"{end}\" {kind} NOT NULL)"
            )),
            table,
            prefix: names.prefix,
            counts: names.counts,
        }
    }

    /// The table's name.
    pub(in crate::backend::sql) fn name(&self) -> &'static str {
        self.table
    }

    /// The statement that makes the table.
    pub(in crate::backend::sql) fn create(&self) -> &str {
        &self.create
    }

    /// Whether somebody holds the lock, without a write that would keep the
    /// holder waiting.
    pub(in crate::backend::sql) async fn is_held(
        &self,
        conn: &mut Conn,
        name: &str,
        now: SystemTime,
    ) -> Result<bool, DbError> {
        let key = self.key(name);
        let values = [Value::Text(&key), self.time(now, false)];
        match conn.query(&self.held, &values, &[]).await {
            Err(error) if fault::is_in_the_way(&error) => Ok(true),
            found => Ok(!found?.is_empty()),
        }
    }

    /// Takes the lock if it is free or its lease is over. Who meets
    /// others in a deadlock does not get it this time.
    pub(in crate::backend::sql) async fn try_take(
        &self,
        conn: &mut Conn,
        name: &str,
        token: &Token,
        lease: Duration,
        now: SystemTime,
    ) -> Result<bool, DbError> {
        let key = self.key(name);
        let owner = Value::Text(token.as_str());
        let end = self.time(now + lease, true);
        let insert = [Value::Text(&key), owner, end];
        let take_over = [owner, end, Value::Text(&key), self.time(now, false)];
        let taking = async {
            Ok(conn.execute(&self.insert, &insert).await? > 0
                || conn.execute(&self.take_over, &take_over).await? > 0)
        };
        match taking.await {
            Err(error) if fault::is_in_the_way(&error) => Ok(false),
            taken => taken,
        }
    }

    /// Extends a lease that is still held. Inside a transaction this also
    /// keeps others from taking it until the end.
    pub(in crate::backend::sql) async fn renew(
        &self,
        conn: &mut Conn,
        name: &str,
        token: &Token,
        lease: Duration,
        now: SystemTime,
    ) -> Result<bool, DbError> {
        let key = self.key(name);
        let values = [
            self.time(now + lease, true),
            Value::Text(&key),
            Value::Text(token.as_str()),
        ];
        Ok(conn.execute(&self.renew, &values).await? > 0)
    }

    /// Gives a lease back; `false` if it was another's by now.
    pub(in crate::backend::sql) async fn give_back(
        &self,
        conn: &mut Conn,
        name: &str,
        token: &Token,
    ) -> Result<bool, DbError> {
        let key = self.key(name);
        let values = [Value::Text(&key), Value::Text(token.as_str())];
        Ok(conn.execute(&self.delete, &values).await? > 0)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A time as the column has it; an end is rounded up.
    fn time(&self, time: SystemTime, is_end: bool) -> Value<'static> {
        match self.counts {
            Counts::Millis => Value::Int(millis(time)),
            Counts::Secs if is_end => Value::Int(secs_up(time)),
            Counts::Secs => Value::Int(millis(time) / 1000),
            Counts::FractionalSecs => {
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                Value::Float(since.unwrap_or_default().as_secs_f64())
            }
        }
    }
}

fn names(url: &StoreUrl) -> Names {
    let prefix = |default: &str| url.param("lock_prefix").unwrap_or(default).to_owned();
    match url.preset() {
        // `Cache::lock('session:'.$id)` with the prefix of the cache store.
        Some(Preset::Laravel) => Names {
            table: "cache_locks",
            key: "key",
            owner: "owner",
            end: "expiration",
            counts: Counts::Secs,
            prefix: format!("{}session:", prefix("laravel-cache-")),
        },
        Some(Preset::Drupal) => Names {
            table: "semaphore",
            key: "name",
            owner: "value",
            end: "expire",
            counts: Counts::FractionalSecs,
            prefix: prefix("session:"),
        },
        Some(Preset::Symfony | Preset::Php) | None => Names {
            table: "php_session_locks",
            key: "id",
            owner: "token",
            end: "expires",
            counts: Counts::Millis,
            prefix: prefix(""),
        },
    }
}
