//! Input that a handler has not taken.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::server::LengthCheck;

/// Pieces below this are put together while they wait: each would keep all
/// that was read with it in memory, which padding makes many times its size.
const SMALL: usize = 1024;

/// The most that is put together into one piece.
const JOINED: usize = 8 * 1024;

/// One stream's input, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pieces: VecDeque<Bytes>,
    /// Small pieces that came after `pieces`.
    joined: BytesMut,
    pub(super) end: Option<LengthCheck>,
    /// Nobody will take any of it.
    pub(super) discard: bool,
}

impl Queue {
    pub(super) fn push(&mut self, piece: Bytes) {
        let waits = !self.pieces.is_empty() || !self.joined.is_empty();
        if waits && piece.len() < SMALL {
            self.joined.extend_from_slice(&piece);
            if self.joined.len() >= JOINED {
                self.settle();
            }
            return;
        }
        self.settle();
        self.pieces.push_back(piece);
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        if self.pieces.is_empty() {
            self.settle();
        }
        self.pieces.pop_front()
    }

    fn settle(&mut self) {
        if !self.joined.is_empty() {
            self.pieces.push_back(self.joined.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn small_pieces_that_wait_become_few_and_keep_their_order() {
        let mut queue = Queue::default();
        let sent: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (small, large) = sent.split_at(30_000);
        for byte in small {
            queue.push(Bytes::copy_from_slice(&[*byte]));
        }
        queue.push(Bytes::copy_from_slice(large));
        assert_eq!(queue.pieces.len(), 1 + 30_000_usize.div_ceil(JOINED) + 1);
        let mut taken = Vec::new();
        while let Some(piece) = queue.pop() {
            taken.extend_from_slice(&piece);
        }
        assert_eq!(taken, sent);
    }

    #[test]
    fn piece_that_does_not_wait_is_not_copied() {
        let mut queue = Queue::default();
        let piece = Bytes::from_static(b"x");
        for _ in 0..3 {
            queue.push(piece.clone());
            assert_eq!(queue.pop().unwrap().as_ptr(), piece.as_ptr());
        }
    }
}
