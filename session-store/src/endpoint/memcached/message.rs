//! Requests and answers, the same for both protocols.

use bytes::Bytes;

/// What a client asks for.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) enum Command {
    /// The values of some keys.
    Get { keys: Vec<Bytes>, with_cas: bool },
    /// The value of one key, whose time to live is set anew.
    GetAndTouch { key: Bytes, expiry: i64 },
    /// A new value.
    Store(Store),
    /// A new time to live.
    Touch { key: Bytes, expiry: i64 },
    /// The end of a key.
    Delete { key: Bytes },
    /// A sign of life.
    Noop,
    /// The server's version.
    Version,
    /// The end of the connection.
    Quit,
    /// A command that has no meaning for sessions, or bad arguments.
    Refused(Refusal),
}

/// The parts of a command that stores a value.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) struct Store {
    pub(crate) condition: Condition,
    pub(crate) key: Bytes,
    pub(crate) flags: u32,
    pub(crate) expiry: i64,
    pub(crate) value: Bytes,
}

/// When a value is stored.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub(crate) enum Condition {
    Always,
    Absent,
    Present,
    Unchanged(u64),
}

/// Why a command is not carried out; the connection stays in step.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub(crate) enum Refusal {
    UnknownCommand,
    BadArguments,
    BadDataChunk,
}

/// How an answer has to be framed.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub(crate) enum Form {
    Text { silent: bool },
    Binary { opcode: u8, opaque: u32 },
}

/// A command and the form of its answer.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) struct Request {
    pub(crate) command: Command,
    pub(crate) form: Form,
}

/// What a client is told.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) enum Answer {
    Values { found: Vec<Value>, with_cas: bool },
    Stored,
    NotStored,
    Exists,
    NotFound,
    Touched,
    Deleted,
    Nothing,
    Version,
    Refused(Refusal),
    Failed(String),
}

/// A key that was found.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) struct Value {
    pub(crate) key: Bytes,
    pub(crate) bytes: Bytes,
    pub(crate) cas: u64,
}

impl Answer {
    /// Appends the answer's bytes in the form that the request asked for.
    pub(crate) fn encode(&self, form: Form, out: &mut bytes::BytesMut) {
        match form {
            Form::Text { silent: true } => {}
            Form::Text { silent: false } => super::text::encode(self, out),
            Form::Binary { opcode, opaque } => super::binary::encode(self, opcode, opaque, out),
        }
    }
}

/// What `version` answers.
pub(crate) const VERSION: &str = concat!("session-store-", env!("CARGO_PKG_VERSION"));
