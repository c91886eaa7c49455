//! Locks of a connection, as Symfony's `PdoSessionHandler` takes them.

use std::time::{Duration, Instant};

use sqlx::Error as DbError;

use crate::LockOptions;
use crate::backend::sql::conn::{Conn, Shape, Value};
use crate::backend::sql::dialect::Dialect;

/// Lets the server end a wait for a lock at the deadline, so that no
/// statement is ever abandoned half-way. MySQL counts whole seconds.
pub(in crate::backend::sql) async fn limit_wait(
    conn: &mut Conn,
    dialect: Dialect,
    options: &LockOptions,
) -> Result<(), DbError> {
    let left = options.remaining().max(Duration::from_millis(1));
    let command = match dialect {
        Dialect::Postgres => format!("SET lock_timeout = {}", left.as_millis().max(1)),
        Dialect::MySql => format!("SET innodb_lock_wait_timeout = {}", secs_up(left)),
        Dialect::Sqlite => return Ok(()),
    };
    conn.command(&command).await
}

/// Lifts the limit before the connection serves others.
pub(in crate::backend::sql) async fn lift_limit(
    conn: &mut Conn,
    dialect: Dialect,
) -> Result<(), DbError> {
    match dialect {
        Dialect::Postgres => conn.command("RESET lock_timeout").await,
        Dialect::MySql => conn.command("SET innodb_lock_wait_timeout = DEFAULT").await,
        Dialect::Sqlite => Ok(()),
    }
}

/// Takes Symfony's named lock of a session; `false` at the deadline.
pub(in crate::backend::sql) async fn take_named(
    conn: &mut Conn,
    dialect: Dialect,
    id: &str,
    options: &LockOptions,
) -> Result<bool, DbError> {
    match dialect {
        Dialect::Postgres => {
            limit_wait(conn, dialect, options).await?;
            let sql = "SELECT 1 FROM (SELECT pg_advisory_lock($1)) AS locked";
            conn.execute(sql, &[Value::Int(postgres_key(id))]).await?;
            Ok(true)
        }
        Dialect::MySql => {
            let key = mysql_key(id);
            let left = options.deadline.saturating_duration_since(Instant::now());
            let values = [Value::Text(&key), Value::Float(left.as_secs_f64())];
            let sql = "SELECT CAST(GET_LOCK(?, ?) AS SIGNED)";
            let rows = conn.query(sql, &values, &[Shape::Int]).await?;
            Ok(rows.iter().flatten().any(|cell| cell.as_int() == 1))
        }
        Dialect::Sqlite => Ok(false),
    }
}

/// Frees a named lock that this connection holds.
pub(in crate::backend::sql) async fn free_named(
    conn: &mut Conn,
    dialect: Dialect,
    id: &str,
) -> Result<(), DbError> {
    match dialect {
        Dialect::Postgres => {
            let sql = "SELECT pg_advisory_unlock($1)";
            conn.execute(sql, &[Value::Int(postgres_key(id))]).await?;
        }
        Dialect::MySql => {
            let key = mysql_key(id);
            let sql = "DO RELEASE_LOCK(?)";
            conn.execute(sql, &[Value::Text(&key)]).await?;
        }
        Dialect::Sqlite => {}
    }
    Ok(())
}

/// Symfony's number for an id: its first eight bytes, the lowest first.
fn postgres_key(id: &str) -> i64 {
    let mut bytes = [0; 8];
    for (byte, from) in bytes.iter_mut().zip(id.bytes()) {
        *byte = from;
    }
    i64::from_le_bytes(bytes)
}

/// MySQL takes no longer name than 64 characters, so Symfony cuts it.
fn mysql_key(id: &str) -> String {
    id.chars().take(64).collect()
}

fn secs_up(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_symfonys() {
        // php -r 'echo unpack("P", "abcdefgh")[1];'
        assert_eq!(postgres_key("abcdefghij"), 7_523_094_288_207_667_809);
        assert_eq!(postgres_key("ab"), 25185);
        assert_eq!(mysql_key(&"x".repeat(100)).len(), 64);
    }
}
