//! Finding NUL bytes in names and values at the price of one pass.

use super::ParamsIter;

/// NUL bytes that the lengths of a pair contain; names and values must not
/// add any.
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
    len.to_be_bytes()
        .iter()
        .rev()
        .take(3)
        .filter(|byte| **byte == 0)
        .count()
}

/// NUL bytes in `bytes`, at vector speed: blocks are short enough for a
/// `u8` to count in.
pub(super) fn count(bytes: &[u8]) -> usize {
    bytes
        .chunks(224)
        .map(|block| {
            let nuls: u8 = block.iter().map(|byte| u8::from(*byte == 0)).sum();
            usize::from(nuls)
        })
        .sum()
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
    fn counts_across_blocks() {
        let mut bytes = vec![1; 1000];
        for at in [0, 223, 224, 999] {
            bytes[at] = 0;
        }
        assert_eq!(count(&bytes), 4);
        assert_eq!(count(&vec![0; 1000]), 1000);
    }

    #[test]
    fn lengths_contain_the_nuls_they_are_said_to() {
        assert_eq!(in_lengths(0, 1), 1);
        assert_eq!(in_lengths(128, 0), 3);
        assert_eq!(in_lengths(0x0001_0100, 1), 1);
    }
}
