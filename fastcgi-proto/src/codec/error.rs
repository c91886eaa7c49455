//! Why a codec failed.

use std::io;

use thiserror::Error;

use crate::client::{SendError, Short};
use crate::server::InactiveRequest;
use crate::{DecodeError, ProtocolError};

/// Why a codec failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The transport failed.
    #[error("connection failed")]
    Io(#[from] io::Error),
    /// The peer broke the protocol; close the connection.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Content was refused; nothing of it is sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The end of a body was refused; abort the request.
    #[error(transparent)]
    Short(#[from] Short),
    /// An answer for a request that has ended.
    #[error(transparent)]
    Inactive(#[from] InactiveRequest),
    /// A record with more content than its header can announce.
    #[error("record content of {len} bytes, more than 65535")]
    RecordLength {
        /// Its length.
        len: usize,
    },
}

impl From<DecodeError> for CodecError {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.into())
    }
}
