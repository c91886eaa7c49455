//! A byte buffer that is written to in place.

use alloc::vec::Vec;

/// Room that is made at least.
const LEAST_BYTES: usize = 1024;

/// A byte buffer whose spare room is initialised, so that a write costs one
/// check and no bookkeeping.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    /// Takes over a vector to append to.
    pub(crate) const fn from_vec(bytes: Vec<u8>) -> Self {
        let len = bytes.len();
        Self { bytes, len }
    }

    /// What was written, as a vector.
    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The bytes that it keeps, written or not.
    pub(crate) const fn held(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) fn written_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    /// Forgets all but the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Forgets the first `count` bytes.
    pub(crate) fn remove_front(&mut self, count: usize) {
        self.bytes.copy_within(count..self.len, 0);
        self.len -= count;
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.next(bytes.len()).copy_from_slice(bytes);
    }

    /// [`put`](Self::put) without a call to copy.
    #[inline]
    pub(crate) fn put_array<const N: usize>(&mut self, bytes: &[u8; N]) {
        if let Some(next) = self.next(N).first_chunk_mut() {
            *next = *bytes;
        }
    }

    /// Appends `count` zeros, at most 8.
    #[inline]
    pub(crate) fn put_padding(&mut self, count: u8) {
        if count > 0 {
            let end = self.len + usize::from(count.min(8));
            self.put_array(&[0; 8]);
            self.len = end;
        }
    }

    /// The next `count` bytes, to be written; they hold anything.
    #[inline]
    pub(crate) fn next(&mut self, count: usize) -> &mut [u8] {
        let (start, end) = (self.len, self.len + count);
        if end > self.bytes.len() {
            self.grow(end);
        }
        self.len = end;
        &mut self.bytes[start..end]
    }

    /// The next `count` bytes if there is room for them and they end at
    /// `limit` at the latest.
    #[inline]
    pub(crate) fn next_within(&mut self, count: usize, limit: usize) -> Option<&mut [u8]> {
        let (start, end) = (self.len, self.len + count);
        if end > limit {
            return None;
        }
        let next = self.bytes.get_mut(start..end)?;
        self.len = end;
        Some(next)
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        // Twice as much each time: the cost stays in proportion.
        let len = end.max(self.bytes.len() * 2).max(LEAST_BYTES);
        self.bytes.resize(len, 0);
    }
}
