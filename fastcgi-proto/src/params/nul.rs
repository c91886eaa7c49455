//! Finding NUL bytes in names and values at the price of one pass.

use super::ParamsIter;

/// Bytes that are looked at together.
const ROW: usize = 32;

/// Whether there is a NUL byte, at vector speed.
#[inline]
pub(super) fn is_in(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<ROW>() else {
        return bytes.contains(&0);
    };
    // The last row overlaps the one before instead of being short.
    let (rows, _) = bytes.as_chunks::<ROW>();
    least(rows.as_flattened()).min(least(last)) == 0
}

#[inline]
fn least(bytes: &[u8]) -> u8 {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte))
}

/// Bytes that a `u8` counts NUL bytes in.
const BLOCK: usize = 7 * ROW;

/// The number of NUL bytes, at vector speed.
#[inline]
pub(super) fn count(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let (rows, rest) = rest.as_chunks::<ROW>();
    blocks
        .iter()
        .map(|block| count_block(block))
        .chain([count_block(rows.as_flattened()), count_block(rest)])
        .map(usize::from)
        .sum()
}

/// The number of NUL bytes in at most 255 bytes.
#[inline]
fn count_block(bytes: &[u8]) -> u8 {
    bytes.iter().map(|byte| u8::from(*byte == 0)).sum()
}

/// NUL bytes that the lengths of a pair contain.
#[inline]
pub(super) fn in_lengths(name_len: usize, value_len: usize) -> usize {
    in_length(name_len) + in_length(value_len)
}

#[inline]
fn in_length(len: usize) -> usize {
    if len < 0x80 {
        return usize::from(len == 0);
    }
    // The first of the 4 bytes has its top bit set.
    let [.., b2, b1, b0] = len.to_be_bytes();
    [b2, b1, b0].iter().filter(|byte| **byte == 0).count()
}

/// The place of the first pair that contains a NUL byte.
#[cold]
pub(super) fn first(content: &[u8]) -> Option<usize> {
    ParamsIter::new(content)
        .map_while(Result::ok)
        .position(|(name, value)| name.contains(&0) || value.contains(&0))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn counts_are_exact_across_blocks() {
        let mut bytes = vec![1; 1000];
        for at in [0, 31, 32, 223, 224, 999] {
            bytes[at] = 0;
        }
        assert_eq!(count(&bytes), 6);
        assert_eq!(count(&vec![0; 10_007]), 10_007);
    }

    #[test]
    fn lengths_contain_the_nuls_they_are_said_to() {
        assert_eq!(in_lengths(0, 1), 1);
        assert_eq!(in_lengths(128, 0), 3);
        assert_eq!(in_lengths(0x0001_0100, 1), 1);
    }

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let mut bytes = vec![1; len];
            assert!(!is_in(&bytes));
            for at in 0..len {
                bytes[at] = 0;
                assert!(is_in(&bytes), "{at} of {len}");
                bytes[at] = 1;
            }
        }
    }
}
