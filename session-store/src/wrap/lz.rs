//! What LZF and FastLZ have in common: literals, and copies of what was
//! written before.

use super::WrapError;

/// Plain bytes as they come out of a compressed stream.
pub(super) struct Plain {
    bytes: Vec<u8>,
    limit: usize,
}

impl Plain {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }

    pub(super) fn literals(&mut self, bytes: &[u8]) -> Result<(), WrapError> {
        self.check(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Repeats `len` bytes from `distance` bytes back; they may overlap.
    pub(super) fn copy(&mut self, distance: usize, len: usize) -> Result<(), WrapError> {
        self.check(len)?;
        let start = self
            .bytes
            .len()
            .checked_sub(distance)
            .ok_or(WrapError::Corrupt)?;
        for at in start..start + len {
            let byte = *self.bytes.get(at).ok_or(WrapError::Corrupt)?;
            self.bytes.push(byte);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    const fn check(&self, more: usize) -> Result<(), WrapError> {
        if more > self.limit.saturating_sub(self.bytes.len()) {
            return Err(WrapError::TooLong { limit: self.limit });
        }
        Ok(())
    }
}

/// The next byte of a compressed stream.
pub(super) fn next(stream: &mut &[u8]) -> Result<u8, WrapError> {
    let (&byte, rest) = stream.split_first().ok_or(WrapError::Corrupt)?;
    *stream = rest;
    Ok(byte)
}

/// The next `len` bytes of a compressed stream.
pub(super) fn take<'a>(stream: &mut &'a [u8], len: usize) -> Result<&'a [u8], WrapError> {
    let (taken, rest) = stream.split_at_checked(len).ok_or(WrapError::Corrupt)?;
    *stream = rest;
    Ok(taken)
}

/// A piece of input for a compressor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Piece<'a> {
    /// Bytes to be written as they are.
    Literals(&'a [u8]),
    /// `len` bytes that also stand `distance` bytes back.
    Copy { distance: usize, len: usize },
}

/// Cuts input into pieces: greedy, one candidate for each hash of 3 bytes.
pub(super) fn pieces(input: &[u8], max_distance: usize, max_len: usize) -> Vec<Piece<'_>> {
    let mut last_seen = vec![usize::MAX; 1 << HASH_BITS];
    let mut pieces = Vec::new();
    let (mut at, mut literals) = (0, 0);
    while at + SHORTEST <= input.len() {
        let candidate = std::mem::replace(&mut last_seen[hash(&input[at..])], at);
        let len = if candidate < at && at - candidate <= max_distance {
            let limit = max_len.min(input.len() - at);
            (0..limit)
                .take_while(|ahead| input[candidate + ahead] == input[at + ahead])
                .count()
        } else {
            0
        };
        if len < SHORTEST {
            at += 1;
            continue;
        }
        if literals < at {
            pieces.push(Piece::Literals(&input[literals..at]));
        }
        pieces.push(Piece::Copy {
            distance: at - candidate,
            len,
        });
        at += len;
        literals = at;
    }
    if literals < input.len() {
        pieces.push(Piece::Literals(&input[literals..]));
    }
    pieces
}

/// A copy takes two bytes, so shorter ones do not pay.
const SHORTEST: usize = 3;

const HASH_BITS: u32 = 13;

fn hash(bytes: &[u8]) -> usize {
    let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    (word.wrapping_mul(2_654_435_769) >> (32 - HASH_BITS)) as usize
}
