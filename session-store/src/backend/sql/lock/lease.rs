//! Locks as rows with an end: Laravel's `cache_locks`, Drupal's `semaphore`
//! and, elsewhere, a table of our own.

use std::time::{Duration, SystemTime};

use sqlx::Error as DbError;

use crate::backend::sql::conn::{Conn, Value};
use crate::backend::sql::dialect::Dialect;
use crate::backend::sql::lock::line::{Line, Place};
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
    sweep: String,
    create: String,
    begin: &'static [&'static str],
    /// Who waits; only where PHP does not take these locks.
    line: Option<Line>,
}

/// What came of asking for a lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::backend::sql) enum Asked {
    Taken,
    /// So many are ahead.
    Behind(i64),
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
    is_ours: bool,
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
            sweep: adapt(format!("DELETE FROM \"{table}\" WHERE \"{end}\" <= ?")),
            begin: dialect.begin(),
            line: names.is_ours.then(|| Line::new(dialect, table, key, end)),
            create: adapt(format!(
                "CREATE TABLE IF NOT EXISTS \"{table}\" (\"{key}\" {id} NOT NULL PRIMARY KEY, \
                 \"{owner}\" VARCHAR(255) NOT NULL, \"{end}\" {kind} NOT NULL)"
            )),
            table,
            prefix: names.prefix,
            counts: names.counts,
        }
    }

    /// Names of its tables and the statements that make them.
    pub(in crate::backend::sql) fn tables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let own = [(self.table, self.create.as_str())];
        own.into_iter().chain(self.line.iter().map(Line::table))
    }

    /// Takes the lock if it is free and nobody came earlier; else joins the
    /// line, where there is one. None of the asking before that is a write,
    /// which would keep the holder waiting.
    pub(in crate::backend::sql) async fn ask(
        &self,
        conn: &mut Conn,
        name: &str,
        token: &Token,
        place: &mut Place,
        lease: Duration,
        now: SystemTime,
    ) -> Result<Asked, DbError> {
        let Some(line) = &self.line else {
            return self.ask_without_line(conn, name, token, lease, now).await;
        };
        let key = self.key(name);
        let ahead = line.ahead(conn, &key, token, place, now).await?;
        if ahead > 0 {
            line.keep(conn, &key, token, place, now).await?;
            return Ok(Asked::Behind(ahead));
        }
        if !place.is_taken() {
            let taken = self.try_take(conn, name, token, lease, now).await?;
            return Ok(if taken {
                Asked::Taken
            } else {
                Asked::Behind(1)
            });
        }
        for command in self.begin {
            conn.command(command).await?;
        }
        let taken = self.try_take(conn, name, token, lease, now).await?;
        if taken {
            line.leave(conn, &key, token, now).await?;
        }
        conn.command("COMMIT").await?;
        Ok(if taken {
            Asked::Taken
        } else {
            Asked::Behind(1)
        })
    }

    /// Where PHP takes the lock too, and knows no line: whoever asks first
    /// when it is free has it.
    async fn ask_without_line(
        &self,
        conn: &mut Conn,
        name: &str,
        token: &Token,
        lease: Duration,
        now: SystemTime,
    ) -> Result<Asked, DbError> {
        let key = self.key(name);
        let values = [Value::Text(&key), self.time(now, false)];
        let is_held = !conn.query(&self.held, &values, &[]).await?.is_empty();
        if !is_held && self.try_take(conn, name, token, lease, now).await? {
            return Ok(Asked::Taken);
        }
        Ok(Asked::Behind(1))
    }

    /// Takes the lock if it is free or its lease is over.
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
        Ok(conn.execute(&self.insert, &insert).await? > 0
            || conn.execute(&self.take_over, &take_over).await? > 0)
    }

    /// Gives up a place in the line.
    pub(in crate::backend::sql) async fn leave(
        &self,
        conn: &mut Conn,
        name: &str,
        token: &Token,
        now: SystemTime,
    ) -> Result<(), DbError> {
        match &self.line {
            Some(line) => line.leave(conn, &self.key(name), token, now).await,
            None => Ok(()),
        }
    }

    /// Removes locks and waiters that are over from tables that are ours.
    pub(in crate::backend::sql) async fn sweep(
        &self,
        conn: &mut Conn,
        now: SystemTime,
    ) -> Result<(), DbError> {
        let Some(line) = &self.line else {
            return Ok(());
        };
        conn.execute(&self.sweep, &[self.time(now, false)]).await?;
        line.sweep(conn, now).await
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
            is_ours: false,
        },
        Some(Preset::Drupal) => Names {
            table: "semaphore",
            key: "name",
            owner: "value",
            end: "expire",
            counts: Counts::FractionalSecs,
            prefix: prefix("session:"),
            is_ours: false,
        },
        Some(Preset::Symfony | Preset::Php) | None => Names {
            table: "php_session_locks",
            key: "id",
            owner: "token",
            end: "expires",
            counts: Counts::Millis,
            prefix: prefix(""),
            is_ours: true,
        },
    }
}
