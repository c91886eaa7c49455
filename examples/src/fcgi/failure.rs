//! Why no whole answer came.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use fastcgi_proto::cgi::{EnvError, HeadError, Short};
use fastcgi_proto::client::BeginError;
use fastcgi_proto::driver;
use fastcgi_proto::{DecodeError, ParamError, ProtocolError, ProtocolStatus};
use thiserror::Error;

use crate::address::Address;

/// Why no whole answer came; displayed with its sources on one line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The script's path cannot be made absolute.
    #[error("cannot make the path of the script absolute")]
    Script(#[source] io::Error),
    /// The body cannot be read.
    #[error("cannot read the body {}", path.display())]
    Body {
        /// Which body.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// There is no connection.
    #[error("cannot connect to {address}")]
    Connect {
        /// To where.
        address: Address,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The params cannot be sent.
    #[error("cannot send the params")]
    Params(#[source] EnvError<ParamError>),
    /// `--param CONTENT_LENGTH=…` and the body disagree: PHP would wait for
    /// the rest, or take the surplus for its next request.
    #[error("the param CONTENT_LENGTH does not say the length of the body")]
    ContentLength,
    /// The request is none that can be sent.
    #[error("cannot send the request")]
    Begin(#[source] BeginError),
    /// What answers is no FastCGI server.
    #[error("the server does not speak FastCGI: its answer starts with byte {first:#04x}{}",
            if *first == b'H' { ", as HTTP does" } else { "" })]
    NotFastCgi {
        /// The first byte of a record, which should be 1.
        first: u8,
    },
    /// The exchange broke off.
    #[error("no whole answer")]
    Exchange(#[source] driver::Error),
    /// The application turned the request away.
    #[error("the application refused the request: {0}")]
    Refused(ProtocolStatus),
    /// The answer is no CGI response.
    #[error("the answer is not a CGI response")]
    Head(#[source] HeadError),
    /// The answer is shorter than it said.
    #[error("truncated answer")]
    Short(#[source] Short),
    /// The answer cannot be written.
    #[error("cannot write the answer to standard output")]
    Output(#[source] io::Error),
    /// `--timeout` has passed.
    #[error("no whole answer within {0:?}")]
    Timeout(Duration),
}

impl Failure {
    /// The failure and what caused it, on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            line.push_str(": ");
            line.push_str(&error.to_string());
            source = error.source();
        }
        line.replace(['\n', '\r'], " ")
    }
}

impl From<BeginError> for Failure {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::ContentLength { .. } => Self::ContentLength,
            error => Self::Begin(error),
        }
    }
}

impl From<driver::Error> for Failure {
    fn from(error: driver::Error) -> Self {
        let source = error.source().and_then(|source| source.downcast_ref());
        match source {
            Some(ProtocolError::Decode(DecodeError::Version { got })) => {
                Self::NotFastCgi { first: *got }
            }
            _ => Self::Exchange(error),
        }
    }
}
