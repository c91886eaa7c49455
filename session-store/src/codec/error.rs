//! Why session data cannot be read, or a session not be written.

use bytes::Bytes;

use super::SerializeHandler;
use crate::Key;

/// What is wrong with encoded data, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct DecodeError {
    kind: DecodeErrorKind,
    offset: usize,
}

impl DecodeError {
    pub(crate) const fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &DecodeErrorKind {
        &self.kind
    }

    /// Offset of the first byte that cannot be read.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

/// What is wrong with encoded data.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The data ends inside a value.
    #[error("session data ends too early")]
    UnexpectedEnd,
    /// A byte that the format does not allow here.
    #[error("unexpected byte {got:#04x} in session data")]
    UnexpectedByte {
        /// The byte.
        got: u8,
    },
    /// Bytes after the last value.
    #[error("session data goes on after its last value")]
    TrailingBytes,
    /// A number that is malformed or out of range.
    #[error("malformed number in session data")]
    Number,
    /// A class name PHP would not accept.
    #[error("malformed class name in session data")]
    ClassName,
    /// A back-reference to nothing, or to something that cannot be shared.
    #[error("back-reference {to} in session data leads nowhere")]
    BackReference {
        /// The number in the data.
        to: u64,
    },
    /// The data is a value, but not an array of session variables.
    #[error("session data is no array of variables")]
    NotVariables,
    /// The header of the binary format is another version's, or none.
    #[error("session data has no header this format knows")]
    Header,
    /// Nesting above [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("session data is nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More values than [`Limits::max_nodes`](crate::Limits::max_nodes).
    #[error("session data holds more than {limit} values")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// More bytes than [`Limits::max_session_bytes`](crate::Limits::max_session_bytes).
    #[error("session data is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
}

/// Session data that cannot be decoded, kept as it is.
///
/// PHP destroys such a session. Here nothing is lost: write the bytes back,
/// show them to an operator, or try another handler.
#[derive(Clone, Eq, PartialEq, thiserror::Error)]
#[error("cannot decode session data with the {handler} handler: {source}")]
pub struct Undecodable {
    handler: SerializeHandler,
    bytes: Bytes,
    source: DecodeError,
}

impl Undecodable {
    pub(crate) const fn new(handler: SerializeHandler, bytes: Bytes, source: DecodeError) -> Self {
        Self {
            handler,
            bytes,
            source,
        }
    }

    /// The handler that was tried.
    #[must_use]
    pub const fn handler(&self) -> SerializeHandler {
        self.handler
    }

    /// The data, untouched.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The data, untouched.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// What is wrong, and where.
    #[must_use]
    pub const fn error(&self) -> &DecodeError {
        &self.source
    }
}

impl std::fmt::Debug for Undecodable {
    /// Leaves the data out: it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Undecodable")
            .field("handler", &self.handler)
            .field("len", &self.bytes.len())
            .field("error", &self.source)
            .finish()
    }
}

/// Why a session cannot be written in the format asked for.
///
/// Found before any store is touched, so the stored session stays as it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The `php` format ends a name at `|`; PHP would store an empty session.
    #[error("the php format cannot hold a variable with `|` in its name: {name}")]
    PipeInName {
        /// Name of the variable.
        name: Key,
    },
    /// The format holds no variables with integer names; PHP would drop it.
    #[error("the {handler} format cannot hold the integer name {name}")]
    IntegerName {
        /// The format.
        handler: SerializeHandler,
        /// The name.
        name: i64,
    },
    /// The session has this name as a string and as an integer, and the
    /// `php_serialize` format holds only one of the two.
    #[error("the php_serialize format cannot hold {name} both as a string and as an integer")]
    AmbiguousName {
        /// The name.
        name: Key,
    },
    /// `php_binary` holds names up to 127 bytes; PHP would drop the variable.
    #[error("the php_binary format cannot hold a name above 127 bytes: {name}")]
    LongName {
        /// Name of the variable.
        name: Key,
    },
    /// A class or case name that no PHP could read back.
    #[error("not a class name: {name}")]
    ClassName {
        /// The name.
        name: Key,
    },
    /// msgpack as PHP writes it has no form for an enum case that PHP could
    /// read back. Keep the case's name in the session, or use igbinary.
    #[error("the msgpack format cannot hold an enum case of {class}, PHP could not read it back")]
    EnumCase {
        /// Class name of the enum.
        class: Key,
    },
    /// Nesting above [`Limits::max_depth`](crate::Limits::max_depth); PHP
    /// could not read it back.
    #[error("the session is nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More values than [`Limits::max_nodes`](crate::Limits::max_nodes).
    #[error("the session holds more than {limit} values")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// More bytes than [`Limits::max_session_bytes`](crate::Limits::max_session_bytes), or a
    /// length the format cannot express.
    #[error("the encoded session is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
}
