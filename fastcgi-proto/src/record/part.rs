//! What a decoder hands out.

use crate::wire::{BeginBody, EndBody, RecordType};

/// A record, or as much of a stream record's content as has arrived.
///
/// `B` is [`Bytes`](bytes::Bytes) or `&[u8]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part<B> {
    /// `BEGIN_REQUEST`.
    Begin {
        /// The request that starts.
        request_id: u16,
        /// Its role and flags.
        body: BeginBody,
    },
    /// `ABORT_REQUEST`.
    Abort {
        /// The request to stop.
        request_id: u16,
    },
    /// `END_REQUEST`.
    End {
        /// The request that ended.
        request_id: u16,
        /// How it ended.
        body: EndBody,
    },
    /// Content of a `PARAMS`, `STDIN`, `STDOUT`, `STDERR` or `DATA` record,
    /// never empty.
    Stream {
        /// Which stream.
        record_type: RecordType,
        /// The request it belongs to.
        request_id: u16,
        /// Its next bytes; record boundaries mean nothing.
        content: B,
    },
    /// An empty stream record: the stream ends here.
    StreamEnd {
        /// Which stream.
        record_type: RecordType,
        /// The request it belongs to.
        request_id: u16,
    },
    /// Content of a `GET_VALUES` or `GET_VALUES_RESULT` record.
    Values {
        /// Which of the two.
        record_type: RecordType,
        /// Its next bytes, empty if the record is.
        content: B,
        /// Content bytes of the record still to come.
        remaining: u16,
    },
    /// `UNKNOWN_TYPE`: the peer does not know this management type.
    UnknownType(RecordType),
    /// A record of a type that the specification does not define; its
    /// content is skipped.
    Unknown {
        /// Its type.
        record_type: RecordType,
        /// Its request id: 0 makes it a management record.
        request_id: u16,
    },
}
