//! What can be wrong with bytes from a peer, and with pairs from the caller.

use thiserror::Error;

use crate::wire::RecordType;

/// Why bytes from the peer are not FastCGI records.
///
/// The decoder is out of step after any of them and returns the same error
/// again; close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first byte of a record is not 1: another protocol, or lengths that
    /// do not add up.
    #[error("record version {got} instead of 1")]
    Version {
        /// The byte that was there.
        got: u8,
    },
    /// The content of a `BEGIN_REQUEST` is not 8 bytes.
    #[error("BEGIN_REQUEST with {got} bytes of content instead of 8")]
    BeginLength {
        /// The length announced.
        got: u16,
    },
    /// The content of an `END_REQUEST` is shorter than 8 bytes.
    #[error("END_REQUEST with {got} bytes of content instead of 8")]
    EndLength {
        /// The length announced.
        got: u16,
    },
    /// An `ABORT_REQUEST` has content.
    #[error("ABORT_REQUEST with {got} bytes of content instead of none")]
    AbortLength {
        /// The length announced.
        got: u16,
    },
    /// The content of an `UNKNOWN_TYPE` is shorter than 8 bytes.
    #[error("UNKNOWN_TYPE with {got} bytes of content instead of 8")]
    UnknownTypeLength {
        /// The length announced.
        got: u16,
    },
    /// A record that belongs to a request has request id 0.
    #[error("{record_type} record with request id 0")]
    NullId {
        /// Its type.
        record_type: RecordType,
    },
    /// A management record has a request id.
    #[error("management record {record_type} with request id {request_id} instead of 0")]
    ManagementId {
        /// Its type.
        record_type: RecordType,
        /// The id that was there.
        request_id: u16,
    },
}

/// Why bytes are not name-value pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PairError {
    /// The bytes end inside the lengths of a pair.
    #[error("name-value pair at byte {at}: lengths are cut off")]
    Lengths {
        /// Where the pair starts.
        at: usize,
    },
    /// The lengths of a pair announce more than there is.
    #[error("name-value pair at byte {at}: {announced} bytes announced, {got} there")]
    Content {
        /// Where the pair starts.
        at: usize,
        /// Bytes of name and value that its lengths announce.
        announced: u64,
        /// Bytes that follow the lengths.
        got: usize,
    },
}

/// Why a name-value pair was not encoded.
///
/// Nothing of the request that it belongs to is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParamError {
    /// A name or value contains a NUL byte: peers in C cut it there
    /// (`e.php\0.jpg` runs `e.php`).
    #[error("pair {index} contains a NUL byte")]
    Nul {
        /// The pair's place, counted from 0.
        index: usize,
    },
    /// The pair does not fit into one record and [`PairSplit::Never`] is
    /// set, or one of its lengths exceeds 2³¹−1.
    ///
    /// [`PairSplit::Never`]: crate::PairSplit::Never
    #[error("pair {index} takes {len} bytes, more than {max}")]
    TooLong {
        /// The pair's place, counted from 0.
        index: usize,
        /// Its encoded length.
        len: usize,
        /// The most that is allowed.
        max: usize,
    },
}

/// What a peer did that the protocol does not allow.
///
/// All are final: the connection returns the same error from then on and is
/// to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The bytes are not records.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Params, or the pairs of a management record, are malformed.
    #[error("malformed pairs in {record_type} content")]
    Pairs {
        /// The type of the records.
        record_type: RecordType,
        /// What is wrong with them.
        source: PairError,
    },
    /// A record that only the other side may send.
    #[error("{record_type} record from the wrong side")]
    WrongSide {
        /// Its type.
        record_type: RecordType,
    },
    /// A record of a type that the specification does not define, where the
    /// configuration does not allow for it.
    #[error("record of unknown type {record_type}")]
    UnknownRecord {
        /// Its type.
        record_type: RecordType,
    },
    /// Content for a stream that has ended.
    #[error("{record_type} record of request {request_id} after the end of that stream")]
    AfterStreamEnd {
        /// The stream.
        record_type: RecordType,
        /// The request's id in the record.
        request_id: u16,
    },
    /// `STDIN` or `DATA` before the end of the request's `PARAMS`.
    #[error("{record_type} record of request {request_id} before the end of its PARAMS")]
    BeforeParamsEnd {
        /// The record's type.
        record_type: RecordType,
        /// The request's id.
        request_id: u16,
    },
    /// A management record is longer than
    /// [`management_bytes`](crate::ConnectionLimits::management_bytes).
    #[error("management record of {len} bytes, more than {limit}")]
    ManagementLength {
        /// Its length.
        len: usize,
        /// The bound.
        limit: usize,
    },
    /// A `BEGIN_REQUEST` with the id of a request that has not ended.
    #[error("BEGIN_REQUEST for request {request_id}, which is active")]
    DuplicateBegin {
        /// The id.
        request_id: u16,
    },
    /// The peer closed the connection inside a record or a request.
    #[error(
        "connection closed before the request's end ({})",
        if *.stdout_ended { "after its output" }
        else if *.responded { "in its output" }
        else { "before any output" }
    )]
    UnexpectedEof {
        /// Whether a byte of output had come.
        responded: bool,
        /// Whether the output was complete.
        stdout_ended: bool,
    },
}
