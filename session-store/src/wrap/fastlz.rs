//! FastLZ streams of levels 1 and 2; the level is in the first byte.

use super::WrapError;
use super::lz::{Plain, next, take};
use super::lzf::{self, LITERALS};

/// Decompresses a stream of at most `limit` plain bytes.
pub(super) fn decompress(stream: &[u8], limit: usize) -> Result<Vec<u8>, WrapError> {
    match stream.first().map_or(0, |first| first >> 5) {
        0 => lzf::decompress(stream, limit),
        1 => decompress_level_two(stream, limit),
        _ => Err(WrapError::Corrupt),
    }
}

fn decompress_level_two(mut stream: &[u8], limit: usize) -> Result<Vec<u8>, WrapError> {
    let mut plain = Plain::new(limit);
    let mut control = usize::from(next(&mut stream)? & 0x1f);
    loop {
        if control < LITERALS {
            plain.literals(take(&mut stream, control + 1)?)?;
        } else {
            let (distance, len) = read_copy(&mut stream, control)?;
            plain.copy(distance, len)?;
        }
        if stream.is_empty() {
            return Ok(plain.finish());
        }
        control = usize::from(next(&mut stream)?);
    }
}

/// Lengths go on as long as bytes are full, and distances in two more bytes.
fn read_copy(stream: &mut &[u8], control: usize) -> Result<(usize, usize), WrapError> {
    let mut len = control >> 5;
    if len == LONG {
        loop {
            let more = next(stream)?;
            len += usize::from(more);
            if more != 255 {
                break;
            }
        }
    }
    let high = control & 0x1f;
    let low = next(stream)?;
    let mut distance = (high << 8 | usize::from(low)) + 1;
    if low == 255 && high == 31 {
        let far = u16::from_be_bytes([next(stream)?, next(stream)?]);
        distance = usize::from(far) + FAR;
    }
    Ok((distance, len + 2))
}

/// Compresses at level 1; the result may be longer than the input by a 32nd.
pub(super) fn compress(plain: &[u8]) -> Vec<u8> {
    lzf::compress(plain, MAX_DISTANCE)
}

/// A length of 7 goes on in the next byte.
const LONG: usize = 7;
/// Distances that take two more bytes start here.
const FAR: usize = 8192;
/// What level 1 keeps free.
const MAX_DISTANCE: usize = 8191;

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
