//! What was read of an answer and was not taken, in bounded memory.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// A piece below this part of the buffer that it was read into is copied: it
/// would keep the whole buffer alive.
const SMALL_PART: usize = 8;

/// Small pieces are copied together up to this much.
const BLOCK: usize = 16 << 10;

/// Pieces of an answer in order.
///
/// A script that flushes each byte makes pieces of one byte, each with a
/// claim on a read buffer. So small pieces are copied together, and only
/// those stay as they are that make up a good part of their buffer.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Most answers are one piece: it needs no list.
    first: Bytes,
    rest: VecDeque<Bytes>,
    /// Small pieces behind the others.
    block: BytesMut,
    len: usize,
}

impl Held {
    /// Bytes held.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a piece that was read into a buffer of `buffer` bytes.
    pub(super) fn push(&mut self, piece: Bytes, buffer: usize) {
        if is_small(&piece, buffer) {
            if self.block.len() >= BLOCK {
                self.seal();
            }
            self.len += piece.len();
            self.block.extend_from_slice(&piece);
        } else {
            self.push_own(piece);
        }
    }

    /// Appends a piece that shares its memory with nothing that matters.
    pub(super) fn push_own(&mut self, piece: Bytes) {
        self.len += piece.len();
        self.seal();
        self.append(piece);
    }

    /// The next piece, never an empty one.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let piece = if self.first.is_empty() {
            match self.rest.pop_front() {
                Some(piece) => piece,
                None if self.block.is_empty() => return None,
                // A block of its own for what comes next: the reader may keep
                // this one.
                None => std::mem::take(&mut self.block).freeze(),
            }
        } else {
            std::mem::take(&mut self.first)
        };
        self.len -= piece.len();
        Some(piece)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Ends the block of small pieces.
    fn seal(&mut self) {
        if !self.block.is_empty() {
            let block = std::mem::take(&mut self.block).freeze();
            self.append(block);
        }
    }

    fn append(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = piece;
        } else {
            self.rest.push_back(piece);
        }
    }
}

/// Whether a piece is little of the buffer that it was read into.
pub(super) fn is_small(piece: &Bytes, buffer: usize) -> bool {
    piece.len() < buffer / SMALL_PART
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFER: usize = 16 << 10;

    fn pieces(held: &mut Held) -> Vec<Bytes> {
        std::iter::from_fn(|| held.pop()).collect()
    }

    #[test]
    fn small_pieces_are_copied_together_and_large_ones_are_not() {
        let buffer = Bytes::from(vec![b'x'; BUFFER]);
        let mut held = Held::default();
        held.push(buffer.slice(..3), BUFFER);
        held.push(buffer.slice(3..5), BUFFER);
        held.push(buffer.slice(..BUFFER / 2), BUFFER);
        held.push(buffer.slice(..1), BUFFER);
        assert_eq!(held.len(), 5 + BUFFER / 2 + 1);
        let pieces = pieces(&mut held);
        let lens: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(lens, [5, BUFFER / 2, 1]);
        assert_eq!(pieces[1].as_ptr(), buffer.as_ptr());
        assert!(held.is_empty() && held.pop().is_none());
    }

    #[test]
    fn order_is_kept_whatever_is_pushed_and_popped() {
        let mut held = Held::default();
        let (mut pushed, mut popped) = (Vec::new(), Vec::new());
        for step in 0..2000_usize {
            let len = [1, 700, BUFFER / 4, 0][step * 7 % 4];
            let piece = vec![u8::try_from(step % 251).unwrap(); len];
            pushed.extend_from_slice(&piece);
            held.push(piece.into(), BUFFER);
            if step % 3 == 0 {
                popped.extend(held.pop().unwrap_or_default());
            }
            assert_eq!(held.len(), pushed.len() - popped.len());
        }
        popped.extend(pieces(&mut held).concat());
        assert!(popped == pushed);
    }

    #[test]
    fn one_byte_pieces_cost_little_more_than_their_bytes() {
        let mut held = Held::default();
        for _ in 0..100_000 {
            held.push(Bytes::from_static(b"x"), BUFFER);
        }
        let blocks = held.rest.len() + 2;
        assert!(blocks * BLOCK <= 100_000 + 2 * BLOCK, "{blocks} blocks");
        assert!(held.block.capacity() <= 2 * BLOCK);
    }
}
