//! Why a request and its session do not get on.

use http::StatusCode;

use crate::{EncodeError, Error, ErrorKind, Undecodable, ValueError};

/// Why a session could not be read, changed or stored. The stored session is
/// as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
    /// The stored data cannot be decoded; it was left alone.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The format cannot hold a variable.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A variable and a Rust type do not fit.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Another request changed the same variable, or took the lock over.
    #[error("another request changed the same session in between")]
    Conflict,
    /// The session was destroyed, or expired, since it was read.
    #[error("the session was destroyed in between")]
    Gone,
    /// A change in [`Mode::ReadOnly`](super::Mode::ReadOnly).
    #[error("the session is open for reading only")]
    ReadOnly,
    /// The answer has gone out; use the session before.
    #[error("the session is closed, its request is answered")]
    Closed,
}

impl SessionError {
    /// The status that tells the visitor: 503 where trying again may help,
    /// 409 for a conflict, 500 else.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) if error.is_transient() || error.kind() == ErrorKind::Full => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Conflict | Self::Gone => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
