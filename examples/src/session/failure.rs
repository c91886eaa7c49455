use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;

use session_store::{Committed, EncodeError, Error, ErrorKind, IdError, Undecodable};

/// Why the program ends with another exit code than 0.
#[derive(Debug)]
pub enum Failure {
    /// There is no such session.
    Missing,
    /// Nothing was written, because of what others did meanwhile.
    NotWritten(Committed),
    /// The arguments make no sense.
    Usage(String),
    /// The store failed.
    Store(Error),
    /// The endpoint cannot listen or go on.
    Listen(String),
    /// The data is not what the handler says.
    Data(String),
}

impl Failure {
    /// The program's exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Missing | Self::NotWritten(_) => 1,
            Self::Usage(_) => 2,
            Self::Store(error) if error.kind() == ErrorKind::Config => 2,
            Self::Store(_) | Self::Listen(_) => 3,
            Self::Data(_) => 4,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such session"),
            Self::NotWritten(Committed::Gone) => {
                f.write_str("not written: the session vanished meanwhile")
            }
            Self::NotWritten(_) => f.write_str("not written: another request changed the session"),
            Self::Usage(what) | Self::Data(what) | Self::Listen(what) => f.write_str(what),
            Self::Store(error) => {
                write!(f, "{error}")?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<IdError> for Failure {
    fn from(error: IdError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<Undecodable> for Failure {
    fn from(error: Undecodable) -> Self {
        Self::Data(format!("{error}; the session was left as it is"))
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::Data(format!("{error}; the session was left as it is"))
    }
}
