//! What an application's records mean to the web server.

use bytes::Bytes;

use crate::RequestId;
use crate::values::Values;
use crate::wire::{ProtocolStatus, RecordType};

/// What the next bytes of input mean.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Output: the CGI response, header block first. Never empty; its pieces
    /// mean nothing.
    Stdout {
        /// The request.
        request: RequestId,
        /// The next bytes.
        content: Bytes,
    },
    /// The output is complete. php-fpm never says so: the end of the request
    /// alone is certain.
    StdoutEnd {
        /// The request.
        request: RequestId,
    },
    /// Messages for the log, never empty.
    Stderr {
        /// The request.
        request: RequestId,
        /// The next bytes.
        content: Bytes,
    },
    /// There are no more messages.
    StderrEnd {
        /// The request.
        request: RequestId,
    },
    /// The request has ended, whether or not its body was sent.
    End {
        /// The request.
        request: RequestId,
        /// What a CGI program would exit with.
        app_status: u32,
        /// Whether the application took the request: anything but
        /// `REQUEST_COMPLETE` is a refusal.
        protocol_status: ProtocolStatus,
        /// What said so.
        source: EndSource,
    },
    /// The answer to [`query_values`](super::Connection::query_values).
    Values(Values),
    /// The application does not know this management record type; older ones
    /// say so to `GET_VALUES`.
    UnknownType(RecordType),
    /// A record was skipped: an unknown type, or a request that is not
    /// active.
    Ignored {
        /// Its type.
        record_type: RecordType,
        /// Its request id.
        request_id: u16,
    },
}

impl Event {
    /// The request that the event belongs to, if it belongs to one.
    #[must_use]
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Stdout { request, .. }
            | Self::StdoutEnd { request }
            | Self::Stderr { request, .. }
            | Self::StderrEnd { request }
            | Self::End { request, .. } => Some(*request),
            Self::Values(_) | Self::UnknownType(_) | Self::Ignored { .. } => None,
        }
    }
}

/// What told the end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndSource {
    /// An `END_REQUEST` record.
    Record,
    /// The end of the connection after complete output, where
    /// [`MissingEnd`](super::MissingEnd) accepts it.
    Eof,
}
