//! Why an exchange, or a connection, failed.

use std::boxed::Box;
use std::fmt;
use std::io;

use super::BoxError;
use crate::ProtocolError;

/// Why an exchange, or a connection, failed. The connection is to be dropped.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    source: Option<BoxError>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Reading or writing failed.
    Io,
    /// The peer broke the protocol, or speaks another.
    Protocol,
    /// The peer closed the connection before the end of the request.
    Closed,
    /// The source of the request's body failed.
    Body,
    /// The request's body is longer or shorter than declared.
    BodyLength,
    /// The request is not active on this connection.
    Inactive,
}

impl Error {
    /// What went wrong, to decide by.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What caused it, to be told as something else.
    #[must_use]
    pub fn into_source(self) -> Option<BoxError> {
        self.source
    }

    pub(super) fn new(kind: ErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    pub(super) const fn bare(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ErrorKind::Io => "connection failed",
            ErrorKind::Protocol => "peer broke the protocol",
            ErrorKind::Closed => "peer closed the connection before the end of the request",
            ErrorKind::Body => "request body could not be read",
            ErrorKind::BodyLength => "request body does not have its declared length",
            ErrorKind::Inactive => "request is not active",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(ErrorKind::Io, error)
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        let kind = match error {
            ProtocolError::UnexpectedEof { .. } => ErrorKind::Closed,
            _ => ErrorKind::Protocol,
        };
        Self {
            kind,
            source: Some(Box::new(error)),
        }
    }
}
