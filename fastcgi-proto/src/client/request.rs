//! The state of one active request.

use super::error::{SendError, Short};
use super::{BodyLen, RetryClass};
use crate::RequestId;

#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) stdin: InputStream,
    pub(super) data: InputStream,
    /// Where its first byte stands in the connection's output.
    pub(super) position: u64,
    /// Where its last byte ends, as far as it is queued.
    pub(super) end: u64,
    /// Its head is queued by reference.
    pub(super) head_queued: bool,
    pub(super) responded: bool,
    pub(super) stdout_ended: bool,
    pub(super) stderr_ended: bool,
    /// Nobody wants its answer any more; its id is held until the end.
    pub(super) aborted: bool,
}

impl Request {
    pub(super) const fn input_complete(&self) -> bool {
        self.stdin.ended && self.data.ended
    }

    pub(super) const fn retry_class(&self, taken: u64) -> RetryClass {
        if self.responded {
            RetryClass::Responded
        } else if taken > self.position {
            RetryClass::MaybeSent
        } else {
            RetryClass::NotSent
        }
    }
}

/// A stream to the application, with what may still be sent on it.
#[derive(Debug)]
pub(super) struct InputStream {
    /// `None`: as much as comes.
    left: Option<u64>,
    ended: bool,
}

impl InputStream {
    pub(super) const ENDED: Self = Self {
        left: Some(0),
        ended: true,
    };

    pub(super) const fn new(len: BodyLen) -> Self {
        match len {
            BodyLen::Empty => Self::ENDED,
            BodyLen::Exact(len) => Self {
                left: Some(len),
                ended: false,
            },
            BodyLen::Unknown => Self {
                left: None,
                ended: false,
            },
        }
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Books `len` bytes.
    pub(super) fn send(&mut self, len: usize) -> Result<(), SendError> {
        if self.ended {
            return Err(SendError::Ended);
        }
        if let Some(left) = &mut self.left {
            let len = len as u64;
            if len > *left {
                return Err(SendError::TooLong { by: len - *left });
            }
            *left -= len;
        }
        Ok(())
    }

    /// Books the terminator; `false` if it was sent before.
    pub(super) fn finish(&mut self) -> Result<bool, Short> {
        match self.left {
            Some(missing) if missing > 0 => Err(Short::Missing { missing }),
            _ => Ok(!core::mem::replace(&mut self.ended, true)),
        }
    }
}
