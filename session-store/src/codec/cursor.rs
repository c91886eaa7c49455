//! A bounded walk over encoded bytes.

use std::ops::Range;

use bytes::Bytes;

use super::{DecodeError, DecodeErrorKind, Limits};

/// Encoded bytes and a position in them.
pub(crate) struct Cursor<'a> {
    input: &'a Bytes,
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(input: &'a Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        if input.len() > limits.max_session_bytes {
            let kind = DecodeErrorKind::TooLong {
                limit: limits.max_session_bytes,
            };
            return Err(DecodeError::new(kind, limits.max_session_bytes));
        }
        Ok(Self {
            input,
            at: 0,
            end: input.len(),
        })
    }

    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// Goes back to `part` of the input and sees nothing else, until
    /// [`widen`](Self::widen).
    pub(crate) const fn narrow(&mut self, part: Range<usize>) -> Range<usize> {
        let outer = self.at..self.end;
        self.at = part.start;
        self.end = part.end;
        outer
    }

    pub(crate) const fn widen(&mut self, outer: Range<usize>) {
        self.at = outer.start;
        self.end = outer.end;
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.remaining() == 0
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.input[self.at..self.end]
    }

    pub(crate) fn peek(&self) -> Result<u8, DecodeError> {
        self.rest().first().copied().ok_or_else(|| self.end())
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn expect(&mut self, wanted: &[u8]) -> Result<(), DecodeError> {
        for &byte in wanted {
            match self.peek()? {
                got if got == byte => self.at += 1,
                got => return Err(self.error(DecodeErrorKind::UnexpectedByte { got })),
            }
        }
        Ok(())
    }

    /// The next `len` bytes, sharing the input's memory.
    pub(crate) fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if len > self.remaining() {
            return Err(self.end());
        }
        let taken = self.input.slice(self.at..self.at + len);
        self.at += len;
        Ok(taken)
    }

    /// The bytes before `end`, which is passed over too.
    pub(crate) fn take_until(&mut self, end: u8) -> Result<&'a [u8], DecodeError> {
        let rest = self.rest();
        let len = rest
            .iter()
            .position(|&byte| byte == end)
            .ok_or_else(|| DecodeError::new(DecodeErrorKind::UnexpectedEnd, self.end))?;
        self.at += len + 1;
        Ok(&rest[..len])
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, _) = self.rest().split_first_chunk().ok_or_else(|| self.end())?;
        self.at += N;
        Ok(*head)
    }

    pub(crate) const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.at)
    }

    pub(crate) const fn end(&self) -> DecodeError {
        DecodeError::new(DecodeErrorKind::UnexpectedEnd, self.end)
    }
}
