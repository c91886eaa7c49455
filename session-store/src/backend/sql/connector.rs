//! How to reach a database.

use std::time::Duration;

use sqlx::Connection;

use super::conn::Conn;
use super::dialect::Dialect;
use crate::{ErrorKind, Result, StoreUrl};

/// Where a connection leads.
#[derive(Debug)]
pub(super) enum Connector {
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgConnectOptions>),
    #[cfg(feature = "mysql")]
    MySql(Box<sqlx::mysql::MySqlConnectOptions>),
    #[cfg(feature = "sqlite")]
    Sqlite(Box<sqlx::sqlite::SqliteConnectOptions>),
}

/// Parameters that are this backend's own, not the database's.
pub(super) const OWN: [&str; 4] = ["table", "lock", "lock_prefix", "pool"];

impl Connector {
    pub(super) fn new(url: &StoreUrl, timeout: Duration) -> Result<Self> {
        let _ = timeout;
        match url.scheme() {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let options = address(url).parse();
                options
                    .map(|options| Self::Postgres(Box::new(options)))
                    .map_err(|error: sqlx::Error| url.config(error.to_string()))
            }
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                let options = address(url).parse();
                options
                    .map(|options| Self::MySql(Box::new(options)))
                    .map_err(|error: sqlx::Error| url.config(error.to_string()))
            }
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                url.allow(&OWN)?;
                let options = sqlx::sqlite::SqliteConnectOptions::new()
                    .filename(url.path()?)
                    .create_if_missing(true)
                    // Who gave up asks again within the timeout.
                    .busy_timeout(timeout / 2);
                Ok(Self::Sqlite(Box::new(options)))
            }
            _ => Err(url.config("the scheme is none of postgres, mysql, sqlite")),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Where it leads, without a password.
    pub(super) fn place(&self) -> String {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(options) => {
                let host = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => format!("{}:{}", options.get_host(), options.get_port()),
                };
                let database = options.get_database().unwrap_or_default();
                format!("PostgreSQL at {host}/{database}")
            }
            #[cfg(feature = "mysql")]
            Self::MySql(options) => {
                let host = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => format!("{}:{}", options.get_host(), options.get_port()),
                };
                let database = options.get_database().unwrap_or_default();
                format!("MySQL at {host}/{database}")
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => format!("SQLite at {}", options.get_filename().display()),
        }
    }

    /// What keeps the database's file from being written, where it is one
    /// of this machine.
    pub(super) fn obstacle(&self) -> Option<ErrorKind> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => super::disk::obstacle(options.get_filename()),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            _ => None,
        }
    }

    pub(super) async fn connect(&self) -> std::result::Result<Conn, sqlx::Error> {
        Ok(match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(options) => {
                Conn::Postgres(Box::new(sqlx::PgConnection::connect_with(options).await?))
            }
            #[cfg(feature = "mysql")]
            Self::MySql(options) => Conn::MySql(Box::new(
                sqlx::MySqlConnection::connect_with(options).await?,
            )),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => Conn::Sqlite(Box::new(
                sqlx::SqliteConnection::connect_with(options).await?,
            )),
        })
    }
}

/// The URL as the database's own tools know it.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn address(url: &StoreUrl) -> String {
    use std::fmt::Write;

    let scheme = match url.scheme() {
        "mariadb" => "mysql",
        scheme => scheme,
    };
    let mut address = format!("{scheme}:{}", url.rest());
    let mut mark = '?';
    for (name, value) in url.params().filter(|(name, _)| !OWN.contains(name)) {
        let encode = |text: &str| -> String {
            text.bytes().fold(String::new(), |mut out, byte| {
                if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    let _ = write!(out, "%{byte:02X}");
                }
                out
            })
        };
        let _ = write!(address, "{mark}{}={}", encode(name), encode(value));
        mark = '&';
    }
    address
}
