//! Who waits for a lease, in the order of arrival, between processes.
//!
//! A row per waiter: its ticket is the time at which it came. A waiter asks
//! how many are ahead of it and takes the lock when nobody is. It renews its
//! row while it waits, so that one who died is passed over soon.

use std::time::{Duration, SystemTime};

use sqlx::Error as DbError;

use crate::Token;
use crate::backend::sql::conn::{Conn, Shape, Value};
use crate::backend::sql::dialect::Dialect;
use crate::backend::sql::schema::millis;

/// How long a waiter that shows no sign of life keeps its place.
const PATIENCE: Duration = Duration::from_secs(2);

const TABLE: &str = "php_session_waiters";

/// The statements of the table of waiters.
#[derive(Debug)]
pub(in crate::backend::sql) struct Line {
    ahead: String,
    join: String,
    stay: String,
    leave: String,
    sweep: String,
    create: String,
}

/// A place in the line of one session.
#[derive(Debug)]
pub(in crate::backend::sql) struct Place {
    /// Microseconds since 1970; equal ones go by their tokens.
    ticket: i64,
    /// When the row must be renewed; `None` before there is one.
    renew_at: Option<SystemTime>,
}

impl Place {
    pub(in crate::backend::sql) fn new(now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let micros = since.unwrap_or_default().as_micros();
        Self {
            ticket: i64::try_from(micros).unwrap_or(i64::MAX),
            renew_at: None,
        }
    }

    /// Whether others know of it.
    pub(in crate::backend::sql) fn is_taken(&self) -> bool {
        self.renew_at.is_some()
    }
}

impl Line {
    /// The line for the locks in a table with these columns.
    pub(super) fn new(dialect: Dialect, locks: &str, key: &str, end: &str) -> Self {
        let adapt = |sql: String| dialect.adapt(&sql);
        let count = dialect.int("COUNT(*)");
        let id = dialect.id(320);
        Self {
            ahead: adapt(format!(
                "SELECT (SELECT {count} FROM \"{locks}\" WHERE \"{key}\" = ? AND \"{end}\" > ?) \
                 + (SELECT {count} FROM \"{TABLE}\" WHERE \"id\" = ? AND \"expires\" > ? \
                 AND (\"ticket\" < ? OR (\"ticket\" = ? AND \"token\" < ?)))"
            )),
            join: adapt(format!(
                "INSERT INTO \"{TABLE}\" (\"id\", \"ticket\", \"token\", \"expires\") \
                 VALUES (?, ?, ?, ?)"
            )),
            stay: adapt(format!(
                "UPDATE \"{TABLE}\" SET \"expires\" = ? \
                 WHERE \"id\" = ? AND \"ticket\" = ? AND \"token\" = ?"
            )),
            leave: adapt(format!(
                "DELETE FROM \"{TABLE}\" WHERE \"id\" = ? AND (\"token\" = ? OR \"expires\" <= ?)"
            )),
            sweep: adapt(format!("DELETE FROM \"{TABLE}\" WHERE \"expires\" <= ?")),
            create: adapt(format!(
                "CREATE TABLE IF NOT EXISTS \"{TABLE}\" (\"id\" {id} NOT NULL, \
                 \"ticket\" BIGINT NOT NULL, \"token\" {token} NOT NULL, \
                 \"expires\" BIGINT NOT NULL, PRIMARY KEY (\"id\", \"ticket\", \"token\"))",
                token = dialect.id(32),
            )),
        }
    }

    /// The table's name and the statement that makes it.
    pub(in crate::backend::sql) fn table(&self) -> (&'static str, &str) {
        (TABLE, &self.create)
    }

    /// How many are ahead: the holder, and who waits longer.
    pub(super) async fn ahead(
        &self,
        conn: &mut Conn,
        key: &str,
        token: &Token,
        place: &Place,
        now: SystemTime,
    ) -> Result<i64, DbError> {
        let now = Value::Int(millis(now));
        let ticket = Value::Int(place.ticket);
        let key = Value::Text(key);
        let token = Value::Text(token.as_str());
        let values = [key, now, key, now, ticket, ticket, token];
        let rows = conn.query(&self.ahead, &values, &[Shape::Int]).await?;
        Ok(rows.iter().flatten().map(|cell| cell.as_int()).sum())
    }

    /// Makes the place known, and known to be alive.
    pub(super) async fn keep(
        &self,
        conn: &mut Conn,
        key: &str,
        token: &Token,
        place: &mut Place,
        now: SystemTime,
    ) -> Result<(), DbError> {
        if place.renew_at.is_some_and(|renew_at| now < renew_at) {
            return Ok(());
        }
        let (id, ticket) = (Value::Text(key), Value::Int(place.ticket));
        let (token, end) = (
            Value::Text(token.as_str()),
            Value::Int(millis(now + PATIENCE)),
        );
        // Somebody may have removed a row that looked dead.
        let is_there =
            place.is_taken() && conn.execute(&self.stay, &[end, id, ticket, token]).await? > 0;
        if !is_there {
            conn.execute(&self.join, &[id, ticket, token, end]).await?;
        }
        place.renew_at = Some(now + PATIENCE / 2);
        Ok(())
    }

    /// Gives the place up, and those of the dead.
    pub(in crate::backend::sql) async fn leave(
        &self,
        conn: &mut Conn,
        key: &str,
        token: &Token,
        now: SystemTime,
    ) -> Result<(), DbError> {
        let now = Value::Int(millis(now));
        let values = [Value::Text(key), Value::Text(token.as_str()), now];
        conn.execute(&self.leave, &values).await?;
        Ok(())
    }

    /// Removes the dead of every session.
    pub(super) async fn sweep(&self, conn: &mut Conn, now: SystemTime) -> Result<(), DbError> {
        let now = [Value::Int(millis(now))];
        conn.execute(&self.sweep, &now).await?;
        Ok(())
    }
}
