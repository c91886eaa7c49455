//! Why an exchange does not count as an answer.

use std::io;

/// Why an exchange does not count as an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The connection failed or ended early.
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    /// The status was not 200.
    #[error("status {0}")]
    Status(u16),
    /// The status was 200 and the body not the expected one.
    #[error("wrong body: {0}")]
    Body(String),
    /// The answer is not HTTP/1.1.
    #[error("unreadable answer: {0}")]
    Syntax(String),
}

impl From<nix::Error> for LoadError {
    fn from(error: nix::Error) -> Self {
        Self::Io(error.into())
    }
}
