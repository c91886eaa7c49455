//! Reading pairs from a slice.

use core::iter::FusedIterator;

use crate::PairError;

/// Reads name-value pairs from a slice without allocating.
///
/// Lengths are compared with what is there before anything is done with
/// them; a 4-byte encoding of a short length is accepted. The iterator ends
/// after the first error.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::{PairError, ParamsIter};
///
/// let mut pairs = ParamsIter::new(b"\x01\x02aXX\x01\x00b\x05");
/// assert_eq!(pairs.next(), Some(Ok((&b"a"[..], &b"XX"[..]))));
/// assert_eq!(pairs.next(), Some(Ok((&b"b"[..], &b""[..]))));
/// assert_eq!(pairs.next(), Some(Err(PairError::Lengths { at: 8 })));
/// assert_eq!(pairs.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct ParamsIter<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> ParamsIter<'a> {
    /// Reads the pairs in `content`: all `PARAMS` contents of a request, put
    /// together.
    #[must_use]
    pub const fn new(content: &'a [u8]) -> Self {
        Self {
            rest: content,
            len: content.len(),
        }
    }

    /// The bytes that are not read yet.
    #[must_use]
    pub const fn remainder(&self) -> &'a [u8] {
        self.rest
    }

    /// Where the next pair starts.
    const fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    #[cold]
    fn next_long(&mut self) -> Result<(&'a [u8], &'a [u8]), PairError> {
        let at = self.at();
        let whole = core::mem::take(&mut self.rest);
        let lengths = PairError::Lengths { at };
        let (name_len, after) = read_len(whole).ok_or(lengths)?;
        let (value_len, after) = read_len(after).ok_or(lengths)?;
        // Two 31-bit numbers: the sum needs 32 bits.
        let content = PairError::Content {
            at,
            announced: u64::from(name_len) + u64::from(value_len),
            got: after.len(),
        };
        let split = |bytes: &'a [u8], len: u32| {
            usize::try_from(len)
                .ok()
                .and_then(|len| bytes.split_at_checked(len))
                .ok_or(content)
        };
        let (name, after) = split(after, name_len)?;
        let (value, after) = split(after, value_len)?;
        self.rest = after;
        Ok((name, value))
    }
}

impl<'a> Iterator for ParamsIter<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), PairError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // Nearly all pairs have two 1-byte lengths.
        if let [name_len, value_len, content @ ..] = self.rest
            && (name_len | value_len) < 0x80
            && let (name_len, value_len) = (usize::from(*name_len), usize::from(*value_len))
            && let Some((pair, rest)) = content.split_at_checked(name_len + value_len)
            && let Some(pair) = pair.split_at_checked(name_len)
        {
            self.rest = rest;
            return Some(Ok(pair));
        }
        if self.rest.is_empty() {
            return None;
        }
        Some(self.next_long())
    }
}

impl FusedIterator for ParamsIter<'_> {}

fn read_len(bytes: &[u8]) -> Option<(u32, &[u8])> {
    match bytes {
        [short, rest @ ..] if *short < 0x80 => Some((u32::from(*short), rest)),
        [b3, b2, b1, b0, rest @ ..] => Some((u32::from_be_bytes([b3 & 0x7f, *b2, *b1, *b0]), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    type Pair<'a> = (&'a [u8], &'a [u8]);

    fn read(content: &[u8]) -> Result<Vec<Pair<'_>>, PairError> {
        ParamsIter::new(content).collect()
    }

    #[test]
    fn all_four_combinations_of_length_forms_are_read() {
        let long = vec![b'x'; 200];
        let len = [0x80, 0, 0, 200];
        let forms: [(Vec<u8>, &[u8], &[u8]); 4] = [
            (vec![1, 1, b'n', b'v'], b"n", b"v"),
            ([&[1][..], &len, b"n", &long].concat(), b"n", &long),
            ([&len[..], &[1], &long, b"v"].concat(), &long, b"v"),
            ([&len[..], &len, &long, &long].concat(), &long, &long),
        ];
        for (wire, name, value) in forms {
            assert_eq!(read(&wire), Ok(vec![(name, value)]));
        }
    }

    #[test]
    fn four_byte_form_of_a_short_length_is_accepted() {
        assert_eq!(
            read(b"\x80\0\0\x01\x80\0\0\x01nv"),
            Ok(vec![(&b"n"[..], &b"v"[..])])
        );
    }

    #[test]
    fn nine_bytes_that_announce_4_gib_are_refused_without_memory() {
        assert_eq!(
            read(b"\xff\xff\xff\xff\xff\xff\xff\xffx"),
            Err(PairError::Content {
                at: 0,
                announced: 2 * 0x7fff_ffff,
                got: 1
            })
        );
    }

    #[test]
    fn every_truncation_of_a_pair_is_an_error() {
        let wire = b"\x80\0\0\x02\x03ABxyz";
        for cut in 1..wire.len() {
            assert!(read(&wire[..cut]).is_err(), "cut at {cut}");
        }
    }
}
