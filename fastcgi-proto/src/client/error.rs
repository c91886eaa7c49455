//! What a caller of a web server connection can do wrong.

use thiserror::Error;

use super::{BodyLen, CloseReason, Unfinished};
use crate::ParamError;

/// Why a request was not begun. Nothing of it was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BeginError {
    /// As many requests as the mode allows are active; use another
    /// connection, or wait for an end.
    #[error("the connection is busy")]
    Busy,
    /// The connection takes no more requests; open another.
    #[error("the connection is to be closed: {0}")]
    Closing(CloseReason),
    /// A param cannot be sent.
    #[error("params cannot be encoded")]
    Param(#[from] ParamError),
    /// The head that was encoded before has no end.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// `CONTENT_LENGTH` and the body's length differ. An application would
    /// wait for bytes that never come, or perhaps read the surplus as its
    /// next request.
    #[error("content length {declared:?} declared for a body of length {body:?}")]
    ContentLength {
        /// What `CONTENT_LENGTH` says, `None` if it is absent, empty or not a
        /// number.
        declared: Option<u64>,
        /// The length given to the connection.
        body: BodyLen,
    },
    /// [`BodyLen::Unknown`], which the configuration does not allow: read the
    /// body first, then send it with its length.
    #[error("a body of unknown length is not allowed on this connection")]
    UnknownLength,
    /// A body for the Authorizer role, which has none.
    #[error("a body for the Authorizer role")]
    AuthorizerBody,
}

/// Why content was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// More than was declared. Nothing of it is queued, and nothing must be
    /// sent in its place: abort the request if the body is wrong.
    #[error("{by} bytes more than the declared length")]
    TooLong {
        /// Bytes above the declared length.
        by: u64,
    },
    /// The stream was finished, or the role has no such stream.
    #[error("the stream is finished")]
    Ended,
    /// `DATA` of a Filter before its `STDIN` is finished.
    #[error("DATA before the end of STDIN")]
    StdinOpen,
    /// The request has ended or was aborted; stop sending.
    #[error("the request is no longer active")]
    Inactive,
}

/// Why a stream was not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Short {
    /// Fewer bytes than declared were sent. No terminator is queued, for
    /// php-fpm waits for the rest regardless; only an abort remains.
    #[error("{missing} bytes less than the declared length")]
    Missing {
        /// Bytes that were declared and not sent.
        missing: u64,
    },
    /// `DATA` of a Filter before its `STDIN` is finished.
    #[error("DATA before the end of STDIN")]
    StdinOpen,
    /// The request has ended or was aborted; there is nothing to finish.
    #[error("the request is no longer active")]
    Inactive,
}
