//! Reading and changing the row of a session, inside a transaction of the
//! caller's.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sqlx::Error as DbError;

use super::conn::{Cell, Conn, Shape, Value};
use super::dialect::Dialect;
use super::schema::{Extra, Schema, millis};
use crate::{Change, Committed, Entry, Version};

/// The statements of one schema in one dialect.
#[derive(Debug)]
pub(super) struct Rows {
    schema: Schema,
    pub(super) dialect: Dialect,
    lifetime: Duration,
    select: String,
    select_for_update: String,
    insert: String,
    update: String,
    touch: String,
    delete: String,
    over: String,
    lock_if_over: String,
    names: String,
}

/// What must be stored for a change to happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected<'a> {
    Anything,
    Nothing,
    Version(&'a Version),
}

/// A row as it was read.
pub(super) struct Found {
    /// `None` if the session is over.
    pub(super) entry: Option<Entry>,
}

/// Why a row could not be used.
#[derive(Debug)]
pub(super) enum RowError {
    Database(DbError),
    /// The stored text is not base64.
    NotBase64,
}

impl From<DbError> for RowError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

type Result<T> = std::result::Result<T, RowError>;

impl Rows {
    pub(super) fn new(schema: Schema, dialect: Dialect, lifetime: Duration) -> Self {
        let Schema {
            table,
            id,
            data,
            end,
            ..
        } = &schema;
        let version = schema
            .version
            .map_or_else(|| "0".to_owned(), |version| format!("\"{version}\""));
        let select = format!(
            "SELECT \"{data}\", {}, {} FROM \"{table}\" WHERE \"{id}\" = ?",
            dialect.int(&format!("\"{end}\"")),
            dialect.int(&version),
        );
        let next = schema
            .version
            .map_or_else(String::new, |version| format!(", \"{version}\" = ?"));
        let now: String = schema
            .extra
            .iter()
            .filter(|(_, extra)| matches!(extra, Extra::Now))
            .map(|(column, _)| format!(", \"{column}\" = ?"))
            .collect();
        let adapt = |sql: String| dialect.adapt(&sql);
        Self {
            select_for_update: adapt(format!("{select}{}", dialect.for_update())),
            select: adapt(select),
            insert: adapt(insert(&schema, dialect)),
            update: adapt(format!(
                "UPDATE \"{table}\" SET \"{data}\" = ?, \"{end}\" = ?{now}{next} WHERE \"{id}\" = ?"
            )),
            touch: adapt(format!(
                "UPDATE \"{table}\" SET \"{end}\" = ?{now} WHERE \"{id}\" = ?"
            )),
            delete: adapt(format!("DELETE FROM \"{table}\" WHERE \"{id}\" = ?")),
            over: adapt(format!(
                "SELECT \"{id}\" FROM \"{table}\" WHERE \"{end}\" <= ? ORDER BY \"{end}\" LIMIT ?"
            )),
            lock_if_over: adapt(format!(
                "SELECT \"{id}\" FROM \"{table}\" WHERE \"{id}\" = ? AND \"{end}\" <= ?{}",
                dialect.for_update_or_skip()
            )),
            names: adapt(format!(
                "SELECT \"{id}\" FROM \"{table}\" WHERE \"{end}\" > ? LIMIT ?"
            )),
            schema,
            dialect,
            lifetime,
        }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Reads a session, with its row locked if it is to be changed.
    pub(super) async fn find(
        &self,
        conn: &mut Conn,
        name: &str,
        for_update: bool,
        now: SystemTime,
    ) -> Result<Option<Found>> {
        let sql = if for_update {
            &self.select_for_update
        } else {
            &self.select
        };
        let shapes = [Shape::Bytes, Shape::Int, Shape::Int];
        let rows = conn.query(sql, &[Value::Text(name)], &shapes).await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let end = row.get(1).map_or(0, Cell::as_int);
        let counter = row.get(2).map_or(0, Cell::as_int);
        let stored = row.into_iter().next().map(Cell::into_bytes);
        let Some(remaining) = self.schema.remaining(end, now, self.lifetime) else {
            return Ok(Some(Found { entry: None }));
        };
        let bytes = self.schema.decode(stored.unwrap_or_default());
        let bytes = bytes.ok_or(RowError::NotBase64)?;
        let version = self.version(counter, &bytes);
        let entry = Entry::new(bytes, version).with_remaining(remaining);
        Ok(Some(Found { entry: Some(entry) }))
    }

    /// Changes a session if what is stored is what is expected.
    pub(super) async fn change(
        &self,
        conn: &mut Conn,
        name: &str,
        expected: Expected<'_>,
        change: &Change,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<Committed> {
        let found = self.find(conn, name, true, now).await?;
        let row_exists = found.is_some();
        let stored = found.and_then(|found| found.entry);
        if let Some(refused) = refuse(expected, stored.as_ref(), change) {
            return Ok(refused);
        }
        match change {
            Change::Put(bytes) if row_exists => self.update(conn, name, bytes, ttl, now).await,
            Change::Put(bytes) => {
                let put = self.insert(conn, name, bytes, ttl, now).await?;
                Ok(put.map_or(Committed::Conflict, Committed::Stored))
            }
            Change::Touch => match stored {
                Some(entry) => {
                    self.touch(conn, name, ttl, now).await?;
                    Ok(Committed::Stored(entry.version))
                }
                None => Ok(Committed::Gone),
            },
            Change::Delete => {
                conn.execute(&self.delete, &[Value::Text(name)]).await?;
                Ok(Committed::Deleted)
            }
        }
    }

    /// Makes a row; `None` if another transaction was faster.
    pub(super) async fn insert(
        &self,
        conn: &mut Conn,
        name: &str,
        bytes: &Bytes,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<Option<Version>> {
        let text = self.schema.encode(bytes);
        let version = fresh_version();
        let mut values = vec![
            Value::Text(name),
            text.as_deref().map_or(Value::Bytes(bytes), Value::Text),
            Value::Int(self.schema.end(now, ttl, self.lifetime)),
        ];
        if self.schema.version.is_some() {
            values.push(Value::Int(version));
        }
        for (_, extra) in self.schema.extra {
            values.push(match extra {
                Extra::Zero => Value::Int(0),
                Extra::Empty => Value::Text(""),
                Extra::Now => Value::Int(millis(now) / 1000),
            });
        }
        let inserted = conn.execute(&self.insert, &values).await?;
        Ok((inserted > 0).then(|| self.version(version, bytes)))
    }

    async fn update(
        &self,
        conn: &mut Conn,
        name: &str,
        bytes: &Bytes,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<Committed> {
        let text = self.schema.encode(bytes);
        let version = fresh_version();
        let mut values = vec![text.as_deref().map_or(Value::Bytes(bytes), Value::Text)];
        values.extend(self.times(ttl, now));
        if self.schema.version.is_some() {
            values.push(Value::Int(version));
        }
        values.push(Value::Text(name));
        conn.execute(&self.update, &values).await?;
        Ok(Committed::Stored(self.version(version, bytes)))
    }

    async fn touch(
        &self,
        conn: &mut Conn,
        name: &str,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<()> {
        let mut values = self.times(ttl, now);
        values.push(Value::Text(name));
        conn.execute(&self.touch, &values).await?;
        Ok(())
    }

    /// The version column's value, or the content where there is none.
    fn version(&self, column: i64, bytes: &Bytes) -> Version {
        match self.schema.version {
            Some(_) => Version::counter(column.unsigned_abs()),
            None => Version::content(bytes.clone()),
        }
    }

    /// The end of life, and the time of the write where there is a column.
    fn times(&self, ttl: Duration, now: SystemTime) -> Vec<Value<'static>> {
        let mut values = vec![Value::Int(self.schema.end(now, ttl, self.lifetime))];
        for (_, extra) in self.schema.extra {
            if matches!(extra, Extra::Now) {
                values.push(Value::Int(millis(now) / 1000));
            }
        }
        values
    }

    /// Names of up to `limit` sessions that are over, the oldest first.
    pub(super) async fn over(
        &self,
        conn: &mut Conn,
        limit: usize,
        now: SystemTime,
    ) -> Result<Vec<String>> {
        self.list(conn, &self.over, limit, now).await
    }

    /// Deletes a session that is over unless its row is locked.
    pub(super) async fn delete_if_over(
        &self,
        conn: &mut Conn,
        name: &str,
        now: SystemTime,
    ) -> Result<bool> {
        let over = Value::Int(self.schema.over(now, self.lifetime));
        let values = [Value::Text(name), over];
        let locked = conn.query(&self.lock_if_over, &values, &[Shape::Bytes]);
        if locked.await?.is_empty() {
            return Ok(false);
        }
        Ok(conn.execute(&self.delete, &[Value::Text(name)]).await? > 0)
    }

    /// Names of up to `limit` sessions that live.
    pub(super) async fn names(
        &self,
        conn: &mut Conn,
        limit: usize,
        now: SystemTime,
    ) -> Result<Vec<String>> {
        self.list(conn, &self.names, limit, now).await
    }

    async fn list(
        &self,
        conn: &mut Conn,
        sql: &str,
        limit: usize,
        now: SystemTime,
    ) -> Result<Vec<String>> {
        let values = [
            Value::Int(self.schema.over(now, self.lifetime)),
            Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)),
        ];
        let rows = conn.query(sql, &values, &[Shape::Bytes]).await?;
        let names = rows.into_iter().filter_map(|row| row.into_iter().next());
        Ok(names
            .map(|name| String::from_utf8_lossy(&name.into_bytes()).into_owned())
            .collect())
    }
}

fn insert(schema: &Schema, dialect: Dialect) -> String {
    let mut columns = vec![schema.id, schema.data, schema.end];
    columns.extend(schema.version);
    columns.extend(schema.extra.iter().map(|(column, _)| *column));
    let marks = vec!["?"; columns.len()].join(", ");
    let columns = columns.join("\", \"");
    let (insert, end) = dialect.insert_if_missing();
    let table = &schema.table;
    format!("{insert} INTO \"{table}\" (\"{columns}\") VALUES ({marks}){end}")
}

fn refuse(expected: Expected<'_>, stored: Option<&Entry>, change: &Change) -> Option<Committed> {
    match (expected, stored) {
        (Expected::Anything, _) | (Expected::Nothing, None) => None,
        (Expected::Nothing, Some(_)) => Some(Committed::Conflict),
        (Expected::Version(_), None) if *change == Change::Delete => None,
        (Expected::Version(_), None) => Some(Committed::Gone),
        (Expected::Version(version), Some(stored)) => {
            (stored.version != *version).then_some(Committed::Conflict)
        }
    }
}

/// A version that no row of this name had before, destroyed ones included.
fn fresh_version() -> i64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    i64::from_be_bytes(bytes) & i64::MAX
}
