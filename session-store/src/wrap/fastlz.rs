//! FastLZ streams of levels 1 and 2; the level is in the first byte.

use super::WrapError;
use super::lz::{Piece, Plain, next, pieces, take};

/// Decompresses a stream of at most `limit` plain bytes.
#[cfg_attr(
    not(any(feature = "compression", test)),
    expect(dead_code, reason = "for php-memcached only")
)]
pub(super) fn decompress(mut stream: &[u8], limit: usize) -> Result<Vec<u8>, WrapError> {
    let Some(&first) = stream.first() else {
        return Ok(Vec::new());
    };
    let level = match first >> 5 {
        0 => Level::One,
        1 => Level::Two,
        _ => return Err(WrapError::Corrupt),
    };
    let mut plain = Plain::new(limit);
    let mut control = usize::from(next(&mut stream)? & 0x1f);
    loop {
        if control < LITERALS {
            plain.literals(take(&mut stream, control + 1)?)?;
        } else {
            let (distance, len) = read_copy(&mut stream, control, level)?;
            plain.copy(distance, len)?;
        }
        if stream.is_empty() {
            return Ok(plain.finish());
        }
        control = usize::from(next(&mut stream)?);
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Level {
    One,
    Two,
}

fn read_copy(
    stream: &mut &[u8],
    control: usize,
    level: Level,
) -> Result<(usize, usize), WrapError> {
    let mut len = (control >> 5) - 1;
    if len == LONG {
        loop {
            let more = next(stream)?;
            len += usize::from(more);
            if level == Level::One || more != 255 {
                break;
            }
        }
    }
    let high = control & 0x1f;
    let low = next(stream)?;
    let mut distance = (high << 8 | usize::from(low)) + 1;
    if level == Level::Two && low == 255 && high == 31 {
        let far = u16::from_be_bytes([next(stream)?, next(stream)?]);
        distance = usize::from(far) + FAR;
    }
    Ok((distance, len + 3))
}

/// Compresses at level 1; the result may be longer than the input by a 32nd.
#[cfg_attr(
    not(any(feature = "compression", test)),
    expect(dead_code, reason = "for php-memcached only")
)]
pub(super) fn compress(plain: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(plain.len() / 2);
    for piece in pieces(plain, MAX_DISTANCE, MAX_LEN) {
        match piece {
            Piece::Literals(bytes) => {
                for run in bytes.chunks(LITERALS) {
                    stream.push(low(run.len() - 1));
                    stream.extend_from_slice(run);
                }
            }
            Piece::Copy { distance, len } => {
                let (distance, len) = (distance - 1, len - 3);
                stream.push(low((len.min(LONG) + 1) << 5 | distance >> 8));
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

/// Control bytes below this announce so many literals and one more.
const LITERALS: usize = 32;
/// A length of 6 goes on in the next byte.
const LONG: usize = 6;
/// Distances of level 2 that take two more bytes start here.
const FAR: usize = 8192;
const MAX_DISTANCE: usize = 8191;
const MAX_LEN: usize = 255 + LONG + 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn damage_and_bombs_are_refused() {
        for stream in [&b"\x05a"[..], b"\x40a", b"\x00a\x20", b"\x00a\x20\x05"] {
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

    #[test]
    fn level_two_copies_far_and_long() {
        let stream = b"\x22abc\xe0\xff\x0a\x02";
        assert_eq!(
            decompress(stream, 1000).unwrap().len(),
            3 + 6 + 255 + 10 + 3
        );
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(plain in prop::collection::vec(0_u8..6, 0..3000)) {
            let stream = compress(&plain);
            prop_assert_eq!(decompress(&stream, plain.len()).unwrap(), plain);
        }
    }
}
