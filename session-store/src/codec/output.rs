//! A bounded buffer for encoded bytes.

use std::fmt;
use std::io::Write;

use super::{EncodeError, Limits};

/// Encoded bytes and what they may still cost. The bounds matter when
/// writing too: shared arrays can make a small graph a huge text.
pub(crate) struct Output {
    bytes: Vec<u8>,
    limits: Limits,
    values: usize,
}

impl Output {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            bytes: Vec::new(),
            limits: *limits,
            values: 0,
        }
    }

    /// Makes room for `bytes`, a guess at the result's length.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    pub(crate) fn push(&mut self, byte: u8) -> Result<(), EncodeError> {
        self.bytes.push(byte);
        self.check()
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.bytes.extend_from_slice(bytes);
        self.check()
    }

    pub(crate) fn put(&mut self, text: fmt::Arguments<'_>) -> Result<(), EncodeError> {
        // Writing to a `Vec` cannot fail.
        let _ = self.bytes.write_fmt(text);
        self.check()
    }

    /// Writes in front of bytes that are there already.
    pub(crate) fn insert(
        &mut self,
        at: usize,
        text: fmt::Arguments<'_>,
    ) -> Result<(), EncodeError> {
        self.bytes.splice(at..at, text.to_string().into_bytes());
        self.check()
    }

    /// Counts one value.
    pub(crate) const fn count(&mut self) -> Result<(), EncodeError> {
        self.values += 1;
        if self.values > self.limits.max_nodes {
            return Err(EncodeError::TooManyValues {
                limit: self.limits.max_nodes,
            });
        }
        Ok(())
    }

    /// Refuses one more level on top of `depth` open ones.
    pub(crate) const fn deepen(&self, depth: usize) -> Result<(), EncodeError> {
        if depth >= self.limits.max_depth {
            return Err(EncodeError::TooDeep {
                limit: self.limits.max_depth,
            });
        }
        Ok(())
    }

    /// A number as the format's widest field holds it.
    pub(crate) fn len32(&self, len: usize) -> Result<u32, EncodeError> {
        let limit = self.limits.max_session_bytes;
        u32::try_from(len).map_err(|_| EncodeError::TooLong { limit })
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    const fn check(&self) -> Result<(), EncodeError> {
        if self.bytes.len() > self.limits.max_session_bytes {
            return Err(EncodeError::TooLong {
                limit: self.limits.max_session_bytes,
            });
        }
        Ok(())
    }
}
