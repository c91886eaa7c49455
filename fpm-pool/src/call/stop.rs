//! Why a request cannot be answered.

use fastcgi_proto::ProtocolStatus;
use fastcgi_proto::cgi::{BadHead, HeadError, Short};

use super::running::Running;
use crate::ErrorKind;
use crate::exchange::Failure;
use crate::machine::Breach;
use crate::sys::is_exhausted;

/// Why a request cannot be answered.
#[derive(Debug)]
pub(super) enum Stop {
    /// The exchange failed.
    Failed(Failure),
    /// The answer's head is none.
    Head(HeadError),
    /// It does not fit into an HTTP head.
    BadHead(BadHead),
    /// The body ended too early.
    Short(Short),
    /// The worker said no.
    Refused(ProtocolStatus),
}

impl Stop {
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Failed(Failure::Closed { .. })) && !self.is_exhausted()
    }

    /// Whether we lacked a descriptor or memory; the worker is well.
    fn is_exhausted(&self) -> bool {
        matches!(self, Self::Failed(Failure::Closed { error, .. }) if is_exhausted(error))
    }

    /// Whether the worker cannot have seen anything of the request.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_unsent() && !self.is_exhausted()
    }

    const fn is_unsent(&self) -> bool {
        matches!(
            self,
            Self::Failed(Failure::Closed {
                untouched: true,
                ..
            })
        )
    }

    /// The kind of error that it is, unless the worker's end tells more.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            _ if self.is_exhausted() => ErrorKind::Exhausted,
            Self::Failed(Failure::Begin(_)) => ErrorKind::InvalidRequest,
            Self::Failed(Failure::Closed { .. }) => ErrorKind::ConnectionClosed,
            Self::Failed(Failure::Garbage(_)) => ErrorKind::Protocol,
            Self::Failed(Failure::Body(_)) => ErrorKind::RequestBody,
            Self::Head(_) | Self::BadHead(_) => ErrorKind::BadHead,
            Self::Short(_) => ErrorKind::ShortAnswer,
            Self::Refused(_) => ErrorKind::Refused,
        }
    }
}

impl Running {
    /// The worker is of no more use to the request. `again`: another may try;
    /// returns whether it should, which is not so if the pool itself ended the
    /// request.
    pub(super) fn lose(&mut self, stop: &Stop, again: bool) -> bool {
        let kind = stop.kind();
        match stop {
            _ if self.has_ended() => false,
            // It has done nothing wrong, but has lost its connection.
            _ if stop.is_exhausted() => {
                self.lease.spare(kind, stop.is_unsent());
                false
            }
            Stop::Failed(Failure::Body(_)) => self.lease.fail(Breach::Partial, kind, false),
            Stop::Failed(Failure::Closed { .. }) => self.lease.fail(Breach::Closed, kind, again),
            Stop::Failed(Failure::Garbage(_)) => self.lease.fail(Breach::Garbage, kind, again),
            Stop::Failed(Failure::Begin(_))
            | Stop::Head(_)
            | Stop::BadHead(_)
            | Stop::Short(_)
            | Stop::Refused(_) => {
                // The connection is in step, but nobody wants the rest.
                self.lease.forsake(kind);
                false
            }
        }
    }
}
