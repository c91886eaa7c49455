//! Whether a connection, or a request, can be used again.

use core::fmt;

/// The verdict on a connection's next use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// Idle and in step: begin another request. The peer may still close an
    /// idle connection at any time.
    Ready,
    /// A request is active.
    Busy,
    /// Close it, now or (while requests of a multiplexed connection are
    /// active) after their end.
    Close(CloseReason),
}

/// Why a connection is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The requests were sent without `KEEP_CONN`.
    NoKeep,
    /// The request ended before its body was sent: the application may take
    /// the rest, or its absence, for something else.
    InputIncomplete,
    /// The request was aborted by closing.
    Aborted,
    /// Bytes follow the end of the request.
    TrailingBytes,
    /// A record of a request that is not active came in: the peer is out of
    /// step.
    StrayRecord,
    /// The peer closed the connection.
    PeerClosed,
    /// The peer broke the protocol.
    Error,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoKeep => "keeping it was not asked for",
            Self::InputIncomplete => "the request ended before its input was sent",
            Self::Aborted => "the request was aborted",
            Self::TrailingBytes => "bytes follow the end of the request",
            Self::StrayRecord => "a record of an inactive request came in",
            Self::PeerClosed => "the peer closed it",
            Self::Error => "the peer broke the protocol",
        })
    }
}

/// How far a request got: what a retry on another connection would risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RetryClass {
    /// No byte of it was written: a retry is safe.
    NotSent,
    /// Bytes of it were written and none of an answer came: a retry may run
    /// it twice. On a kept connection a reset here usually means that the
    /// peer had closed before.
    MaybeSent,
    /// An answer has begun: no retry.
    Responded,
}
