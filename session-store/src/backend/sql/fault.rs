//! What a failure of the database means for a session.

use sqlx::Error as DbError;

use crate::ErrorKind;

/// Whether the connection, and likely its neighbours, are lost.
pub(super) fn is_connection_lost(error: &DbError) -> bool {
    matches!(kind(error), ErrorKind::Unavailable)
}

/// Whether another transaction was in the way, so that the same one may
/// succeed next time: a deadlock, or a writer of a busy SQLite database.
pub(super) fn is_in_the_way(error: &DbError) -> bool {
    code(error).is_some_and(|code| code == "40P01" || code == "40001") || is_busy(error)
}

/// Whether there is no such table.
pub(super) fn is_missing_table(error: &DbError) -> bool {
    let missing = ["42P01", "42S02"];
    code(error).is_some_and(|code| missing.contains(&code.as_str()))
        || matches!(error, DbError::Database(error) if error.message().starts_with("no such table"))
}

/// What sort of failure it is.
pub(super) fn kind(error: &DbError) -> ErrorKind {
    match error {
        DbError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => ErrorKind::Timeout,
        DbError::Io(_) | DbError::Protocol(_) | DbError::WorkerCrashed => ErrorKind::Unavailable,
        DbError::Configuration(_) => ErrorKind::Config,
        DbError::Database(database) => number(&**database)
            .or_else(|| database.code().and_then(|code| sqlstate(&code)))
            .unwrap_or(ErrorKind::Backend),
        _ => ErrorKind::Backend,
    }
}

#[cfg(feature = "sqlite")]
fn is_busy(error: &DbError) -> bool {
    let sqlite = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::sqlite::SqliteError>());
    // The low byte is the kind: SQLITE_BUSY.
    sqlite.is_some()
        && code(error).is_some_and(|code| code.parse().is_ok_and(|code: u32| code & 0xff == 5))
}

#[cfg(not(feature = "sqlite"))]
fn is_busy(_: &DbError) -> bool {
    false
}

fn code(error: &DbError) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// MySQL's and SQLite's own numbers say more than their SQLSTATE.
fn number(error: &dyn sqlx::error::DatabaseError) -> Option<ErrorKind> {
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return match error.number() {
            1021 | 1114 => Some(ErrorKind::Full),
            1036 | 1290 | 1792 | 1836 => Some(ErrorKind::ReadOnly),
            1044 | 1045 | 1142 | 1143 | 1227 | 1698 => Some(ErrorKind::Denied),
            1040 | 1053 | 1077 | 1203 | 1927 | 2006 | 2013 => Some(ErrorKind::Unavailable),
            1153 | 1406 => Some(ErrorKind::TooLarge),
            1049 => Some(ErrorKind::Config),
            1205 => Some(ErrorKind::LockTimeout),
            _ => None,
        };
    }
    #[cfg(feature = "sqlite")]
    if error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        // The low byte is the kind, the rest its detail.
        return match error.code()?.parse::<u32>().ok()? & 0xff {
            3 | 23 => Some(ErrorKind::Denied),
            5 | 6 => Some(ErrorKind::Timeout),
            8 => Some(ErrorKind::ReadOnly),
            10 | 14 => Some(ErrorKind::Unavailable),
            11 | 26 => Some(ErrorKind::Corrupt),
            13 => Some(ErrorKind::Full),
            18 => Some(ErrorKind::TooLarge),
            _ => None,
        };
    }
    let _ = error;
    None
}

fn sqlstate(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "53100" | "53200" => ErrorKind::Full,
        "25006" => ErrorKind::ReadOnly,
        "42501" => ErrorKind::Denied,
        "55P03" => ErrorKind::LockTimeout,
        "57014" => ErrorKind::Timeout,
        "22001" | "54000" => ErrorKind::TooLarge,
        "3D000" => ErrorKind::Config,
        code if code.starts_with("28") => ErrorKind::Denied,
        code if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => {
            ErrorKind::Unavailable
        }
        _ => return None,
    })
}
