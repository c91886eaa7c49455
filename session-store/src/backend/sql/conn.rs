//! One connection, whatever database it leads to.

use std::fmt;

use sqlx::{AssertSqlSafe, Connection, Row as _};

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Int(i64),
    Float(f64),
}

/// What a column is read as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Strings too, in whatever form the database has them.
    Bytes,
    Int,
}

/// A value that was read.
#[derive(Debug)]
pub(super) enum Cell {
    Bytes(Vec<u8>),
    Int(i64),
}

impl Cell {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Int(_) => Vec::new(),
        }
    }

    pub(super) fn as_int(&self) -> i64 {
        match self {
            Self::Int(value) => *value,
            Self::Bytes(_) => 0,
        }
    }
}

type Result<T> = std::result::Result<T, sqlx::Error>;

/// An open connection. Dropping it closes it, which ends its transaction
/// and frees its locks.
pub(super) enum Conn {
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::PgConnection>),
    #[cfg(feature = "mysql")]
    MySql(Box<sqlx::MySqlConnection>),
    #[cfg(feature = "sqlite")]
    Sqlite(Box<sqlx::SqliteConnection>),
}

/// Runs the same code on each kind of connection.
macro_rules! on_conn {
    ($conn:expr, $open:ident: $database:ident => $body:expr) => {
        match $conn {
            #[cfg(feature = "postgres")]
            Conn::Postgres($open) => {
                type $database = sqlx::Postgres;
                $body
            }
            #[cfg(feature = "mysql")]
            Conn::MySql($open) => {
                type $database = sqlx::MySql;
                $body
            }
            #[cfg(feature = "sqlite")]
            Conn::Sqlite($open) => {
                type $database = sqlx::Sqlite;
                $body
            }
        }
    };
}

/// A statement with its parameters. The text comes from this module's
/// schemas, never from a visitor.
macro_rules! statement {
    ($database:ident, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query::<$database>(AssertSqlSafe($sql.to_owned()));
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(*text),
                Value::Bytes(bytes) => query.bind(*bytes),
                Value::Int(number) => query.bind(*number),
                Value::Float(number) => query.bind(*number),
            };
        }
        query
    }};
}

impl Conn {
    /// Runs a command that takes no parameters, such as `BEGIN`.
    pub(super) async fn command(&mut self, sql: &str) -> Result<()> {
        let sql = AssertSqlSafe(sql.to_owned());
        on_conn!(self, open: Database => {
            sqlx::Executor::execute(&mut **open, sqlx::raw_sql(sql)).await.map(|_: <Database as sqlx::Database>::QueryResult| ())
        })
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        on_conn!(self, open: Database => {
            let done = statement!(Database, sql, values).execute(&mut **open).await?;
            Ok(done.rows_affected())
        })
    }

    /// Runs a query whose columns have these shapes. A null is empty or zero.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        shapes: &[Shape],
    ) -> Result<Vec<Vec<Cell>>> {
        on_conn!(self, open: Database => {
            let rows = statement!(Database, sql, values).fetch_all(&mut **open).await?;
            let mut cells = Vec::with_capacity(rows.len());
            for row in rows {
                let mut read = Vec::with_capacity(shapes.len());
                for (index, shape) in shapes.iter().enumerate() {
                    read.push(match shape {
                        Shape::Bytes => Cell::Bytes(
                            row.try_get_unchecked::<Option<Vec<u8>>, _>(index)?.unwrap_or_default(),
                        ),
                        Shape::Int => Cell::Int(
                            row.try_get_unchecked::<Option<i64>, _>(index)?.unwrap_or_default(),
                        ),
                    });
                }
                cells.push(read);
            }
            Ok(cells)
        })
    }

    /// Asks whether the other side still answers.
    pub(super) async fn ping(&mut self) -> Result<()> {
        on_conn!(self, open: Database => {
            let _: std::marker::PhantomData<Database> = std::marker::PhantomData;
            open.ping().await
        })
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").finish_non_exhaustive()
    }
}
