//! The state of one active request.

use bytes::{Bytes, BytesMut};

use super::LengthCheck;
use crate::wire::Role;
use crate::{PairError, Params, RequestId};

#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) role: Role,
    pub(super) keep_conn: bool,
    /// `None` once they are complete.
    pub(super) params: Option<ParamsBuffer>,
    pub(super) stdin: InputStream,
    pub(super) data: InputStream,
    /// Bytes handed out and not yet consumed.
    pub(super) unread: usize,
    pub(super) stderr_used: bool,
    pub(super) aborted: bool,
}

impl Request {
    pub(super) fn new(id: RequestId, role: Role, keep_conn: bool) -> Self {
        Self {
            id,
            role,
            keep_conn,
            params: Some(ParamsBuffer::default()),
            stdin: InputStream::default(),
            data: InputStream::default(),
            unread: 0,
            stderr_used: false,
            aborted: false,
        }
    }

    pub(super) const fn input_complete(&self) -> bool {
        match self.role {
            Role::AUTHORIZER => true,
            Role::FILTER => self.stdin.ended && self.data.ended,
            _ => self.stdin.ended,
        }
    }
}

/// `PARAMS` content: one piece is kept as it came, more are put together.
#[derive(Debug, Default)]
pub(super) struct ParamsBuffer {
    first: Bytes,
    all: BytesMut,
}

impl ParamsBuffer {
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.all.extend_from_slice(&piece);
    }

    pub(super) fn finish(self) -> Result<Params, PairError> {
        Params::from_encoded(if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        })
    }
}

/// A stream from the web server, and what was declared for it.
#[derive(Debug, Default)]
pub(super) struct InputStream {
    declared: Option<u64>,
    received: u64,
    pub(super) ended: bool,
}

impl InputStream {
    pub(super) fn declare(&mut self, len: Option<u64>) {
        self.declared = len;
    }

    /// Books `content` and cuts off what was not declared.
    pub(super) fn receive(&mut self, content: &mut Bytes) {
        let len = content.len() as u64;
        if let Some(declared) = self.declared {
            let room = declared.saturating_sub(self.received);
            if len > room {
                content.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            }
        }
        self.received = self.received.saturating_add(len);
    }

    /// Ends the stream; `None` if it had ended.
    pub(super) fn end(&mut self) -> Option<LengthCheck> {
        if core::mem::replace(&mut self.ended, true) {
            return None;
        }
        Some(match self.declared {
            None => LengthCheck::Undeclared,
            Some(declared) if declared > self.received => LengthCheck::Short {
                missing: declared - self.received,
            },
            Some(declared) if declared < self.received => LengthCheck::Excess {
                by: self.received - declared,
            },
            Some(_) => LengthCheck::Exact,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_in_one_piece_are_not_copied() {
        let piece = Bytes::from_static(b"\x01\x01ab");
        let at = piece.as_ptr();
        let mut buffer = ParamsBuffer::default();
        buffer.push(piece);
        let params = buffer.finish().unwrap();
        assert_eq!(params.as_encoded().as_ptr(), at);
    }
}
