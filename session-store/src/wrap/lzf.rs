//! LZF streams, as liblzf writes them: no header and no length. FastLZ's
//! level 1 is the same format.

use super::WrapError;
use super::lz::{Piece, Plain, next, pieces, take};

/// Decompresses a stream of at most `limit` plain bytes.
pub(super) fn decompress(mut stream: &[u8], limit: usize) -> Result<Vec<u8>, WrapError> {
    let mut plain = Plain::new(limit);
    while !stream.is_empty() {
        let control = usize::from(next(&mut stream)?);
        if control < LITERALS {
            plain.literals(take(&mut stream, control + 1)?)?;
            continue;
        }
        let mut len = control >> 5;
        if len == LONG {
            len += usize::from(next(&mut stream)?);
        }
        let distance = (control & 0x1f) << 8 | usize::from(next(&mut stream)?);
        plain.copy(distance + 1, len + 2)?;
    }
    Ok(plain.finish())
}

/// Compresses; the result may be longer than the input by a 32nd. Copies
/// reach back `max_distance` bytes, 8192 at most.
pub(super) fn compress(plain: &[u8], max_distance: usize) -> Vec<u8> {
    let mut stream = Vec::with_capacity(plain.len() / 2);
    for piece in pieces(plain, max_distance, MAX_LEN) {
        match piece {
            Piece::Literals(bytes) => {
                for run in bytes.chunks(LITERALS) {
                    stream.push(low(run.len() - 1));
                    stream.extend_from_slice(run);
                }
            }
            Piece::Copy { distance, len } => {
                let (distance, len) = (distance - 1, len - 2);
                stream.push(low(len.min(LONG) << 5 | distance >> 8));
                if len >= LONG {
                    stream.push(low(len - LONG));
                }
                stream.push(low(distance));
            }
        }
    }
    stream
}

/// The lowest 8 bits.
#[expect(clippy::cast_possible_truncation, reason = "that is the purpose")]
const fn low(value: usize) -> u8 {
    value as u8
}

/// How far back LZF copies.
pub(super) const MAX_DISTANCE: usize = 1 << 13;
/// Control bytes below this announce so many literals and one more.
pub(super) const LITERALS: usize = 32;
/// A length of 7 goes on in the next byte.
const LONG: usize = 7;
const MAX_LEN: usize = 255 + LONG + 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_liblzf_writes() {
        assert_eq!(decompress(b"\x05a|i:1;", 100).unwrap(), b"a|i:1;");
        let repeated = b"\x02abc\xe0\x0d\x02";
        assert_eq!(
            decompress(repeated, 100).unwrap(),
            b"abc".repeat(25)[..3 + 22].to_vec()
        );
    }

    #[test]
    fn damage_and_bombs_are_refused() {
        for stream in [&b"\x05a"[..], b"\x20\x00", b"\xe0", b"\x00a\x20\x05"] {
            assert_eq!(
                decompress(stream, 100),
                Err(WrapError::Corrupt),
                "{stream:?}"
            );
        }
        let bomb = [&b"\x00a"[..], &b"\xe0\xff\x00".repeat(1000)].concat();
        assert_eq!(
            decompress(&bomb, 1000),
            Err(WrapError::TooLong { limit: 1000 })
        );
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(plain in prop::collection::vec(0_u8..6, 0..3000)) {
            let stream = compress(&plain, MAX_DISTANCE);
            prop_assert_eq!(decompress(&stream, plain.len()).unwrap(), plain);
        }
    }
}
