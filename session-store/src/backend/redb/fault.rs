//! What a failure of the database means for a session.

use redb::Error as DbError;

use crate::{Error, ErrorKind};

/// The failure, under the name of the place.
pub(super) fn wrap(name: &str, action: &'static str, source: impl Into<DbError>) -> Error {
    let source = source.into();
    Error::new(kind(&source), name.to_owned(), action).with_source(source)
}

/// Whether the database must be opened again before it works.
pub(super) fn needs_reopening(error: &DbError) -> bool {
    matches!(
        error,
        DbError::Io(_) | DbError::PreviousIo | DbError::DatabaseClosed | DbError::LockPoisoned(_)
    )
}

/// What sort of failure it is.
pub(super) fn kind(error: &DbError) -> ErrorKind {
    match error {
        DbError::DatabaseAlreadyOpen => ErrorKind::LockTimeout,
        DbError::ValueTooLarge(_) => ErrorKind::TooLarge,
        DbError::Corrupted(_) | DbError::UpgradeRequired(_) | DbError::TableTypeMismatch { .. } => {
            ErrorKind::Corrupt
        }
        DbError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => ErrorKind::Corrupt,
        DbError::Io(error) => crate::backend::errno::kind(error),
        DbError::PreviousIo | DbError::DatabaseClosed => ErrorKind::Unavailable,
        _ => ErrorKind::Backend,
    }
}
