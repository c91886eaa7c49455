//! The params of one request, whole.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use thiserror::Error;

use super::{ParamsEncoder, ParamsIter, nul};
use crate::{PairError, ParamError};

/// Room for the params of a usual request.
const USUAL_BYTES: usize = 1024;

/// The params of one request: well-formed name-value pairs in one
/// [`Bytes`], in their encoded form and order.
///
/// Cloning is cheap, reading allocates nothing, and a web server connection
/// sends the bytes without copying them. Lookups walk the pairs; where a
/// name repeats the last value counts, as in php-fpm.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::Params;
///
/// let params = Params::from_pairs([("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "11")])?;
/// assert_eq!(params.get("REQUEST_METHOD"), Some(&b"POST"[..]));
/// assert_eq!(params.content_length(), Ok(Some(11)));
/// assert_eq!(params.get("QUERY_STRING"), None);
///
/// assert!(Params::from_pairs([("A", "x\0y")]).is_err());
/// # Ok::<(), fastcgi_proto::ParamError>(())
/// ```
#[derive(Clone, Default)]
pub struct Params {
    raw: Bytes,
    /// Known to hold no NUL byte but in lengths.
    nul_free: bool,
}

/// The value of `CONTENT_LENGTH` is not a decimal number of at most 2⁶³−1.
///
/// Caddy sends `-1` for a body of unknown length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("content length is not a decimal number")]
#[non_exhaustive]
pub struct InvalidContentLength;

impl Params {
    /// Encodes pairs.
    ///
    /// # Errors
    ///
    /// [`ParamError::Nul`] if a name or value contains a NUL byte,
    /// [`ParamError::TooLong`] above 2³¹−1 bytes.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, ParamError>
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        Self::build(|encoder| {
            pairs
                .into_iter()
                .try_for_each(|(name, value)| encoder.push(name.as_ref(), value.as_ref()))
        })
    }

    /// Encodes what `write` pushes.
    ///
    /// # Errors
    ///
    /// What `write` returns, or [`ParamError::Nul`] as
    /// [`from_pairs`](Self::from_pairs).
    pub fn build<E: From<ParamError>>(
        write: impl FnOnce(&mut ParamsEncoder<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut raw = Vec::with_capacity(USUAL_BYTES);
        let mut encoder = ParamsEncoder::pairs(&mut raw);
        write(&mut encoder)?;
        encoder.finish()?;
        Ok(Self {
            raw: raw.into(),
            nul_free: true,
        })
    }

    /// Takes over pairs that a peer encoded, without copying them.
    ///
    /// # Errors
    ///
    /// [`PairError`] if the bytes are not whole pairs.
    pub fn from_encoded(raw: Bytes) -> Result<Self, PairError> {
        ParamsIter::new(&raw).try_for_each(|pair| pair.map(|_| ()))?;
        Ok(Self {
            raw,
            nul_free: false,
        })
    }

    /// The number of pairs, counted by walking them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no pair.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// All pairs in their order.
    #[must_use]
    pub fn iter(&self) -> Pairs<'_> {
        Pairs(ParamsIter::new(&self.raw))
    }

    /// The last value of `name`.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        self.iter()
            .filter(|(this, _)| *this == name)
            .last()
            .map(|(_, value)| value)
    }

    /// Every value of `name`, in order.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter_map(move |(this, value)| (this == name).then_some(value))
    }

    /// The last value of `name` as text; bytes that are not UTF-8 are
    /// replaced.
    #[must_use]
    pub fn get_text(&self, name: impl AsRef<[u8]>) -> Option<Cow<'_, str>> {
        self.get(name).map(String::from_utf8_lossy)
    }

    /// The last value of `name` as a part of this object's bytes, which
    /// lives on without it.
    #[must_use]
    pub fn get_bytes(&self, name: impl AsRef<[u8]>) -> Option<Bytes> {
        self.get(name).map(|value| self.raw.slice_ref(value))
    }

    /// What `CONTENT_LENGTH` declares; `None` if it is missing or empty (nginx
    /// sends it empty when there is no body).
    ///
    /// # Errors
    ///
    /// [`InvalidContentLength`]: treat the length as unknown, or refuse.
    pub fn content_length(&self) -> Result<Option<u64>, InvalidContentLength> {
        self.number("CONTENT_LENGTH")
    }

    /// What `FCGI_DATA_LENGTH` declares for the `DATA` stream of a Filter.
    ///
    /// # Errors
    ///
    /// As [`content_length`](Self::content_length).
    pub fn data_length(&self) -> Result<Option<u64>, InvalidContentLength> {
        self.number("FCGI_DATA_LENGTH")
    }

    /// The encoded pairs.
    #[must_use]
    pub const fn as_encoded(&self) -> &Bytes {
        &self.raw
    }

    /// Refuses NUL bytes, at which applications in C would cut a name or
    /// value. Only params from a peer can contain any.
    ///
    /// # Errors
    ///
    /// [`ParamError::Nul`] with the place of the first such pair.
    pub fn check_nul(&self) -> Result<(), ParamError> {
        if self.nul_free {
            return Ok(());
        }
        if !nul::is_in(&self.raw) {
            return Ok(());
        }
        // It may be part of a length.
        nul::first(&self.raw).map_or(Ok(()), |index| Err(ParamError::Nul { index }))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, InvalidContentLength> {
        match self.get(name) {
            None => Ok(None),
            Some(digits) => parse_length(digits),
        }
    }
}

/// Reads the value of a length param; empty means that there is none.
pub(super) fn parse_length(value: &[u8]) -> Result<Option<u64>, InvalidContentLength> {
    if value.is_empty() {
        return Ok(None);
    }
    decimal(value).map(Some).ok_or(InvalidContentLength)
}

/// Reads decimal digits and nothing else, up to what PHP holds: a signed
/// number.
fn decimal(digits: &[u8]) -> Option<u64> {
    const MOST: u64 = u64::MAX / 2;
    digits
        .iter()
        .try_fold(0_u64, |number, digit| {
            let digit = digit.wrapping_sub(b'0');
            let next = number.checked_mul(10)?.checked_add(u64::from(digit))?;
            (digit <= 9).then_some(next)
        })
        .filter(|number| *number <= MOST)
}

impl<'a> IntoIterator for &'a Params {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Pairs<'a>;

    fn into_iter(self) -> Pairs<'a> {
        self.iter()
    }
}

/// Equal pairs in equal order, whatever form their lengths have.
impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Params {}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name.escape_ascii(), value.escape_ascii()))
                    .map(|(name, value)| (alloc::format!("{name}"), alloc::format!("{value}"))),
            )
            .finish()
    }
}

/// The pairs of [`Params`], in order.
#[derive(Clone, Debug)]
pub struct Pairs<'a>(ParamsIter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // `Params` holds whole pairs only.
        self.0.next()?.ok()
    }
}

impl core::iter::FusedIterator for Pairs<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_of_equal_names_wins() {
        let params = Params::from_pairs([("a", "1"), ("b", "2"), ("a", "3")]).unwrap();
        assert_eq!(params.get("a"), Some(&b"3"[..]));
        assert!(params.get_all(b"a").eq([&b"1"[..], b"3"]));
        assert_eq!(params.len(), 3);
    }

    #[test]
    fn lengths_that_are_no_numbers_are_errors_not_zero() {
        let length = |value| {
            Params::from_pairs([("CONTENT_LENGTH", value)])
                .unwrap()
                .content_length()
        };
        assert_eq!(length(""), Ok(None));
        assert_eq!(length("0012"), Ok(Some(12)));
        for bad in ["-1", "+5", "5x", " 5", "9223372036854775808"] {
            assert_eq!(length(bad), Err(InvalidContentLength), "{bad}");
        }
    }

    #[test]
    fn nul_from_a_peer_is_kept_but_found() {
        let params = Params::from_encoded(Bytes::from_static(b"\x01\0a\x01\x03bx\0y")).unwrap();
        assert_eq!(params.get("b"), Some(&b"x\0y"[..]));
        assert_eq!(params.check_nul(), Err(ParamError::Nul { index: 1 }));
        let long_form = Bytes::from_static(b"\x80\0\0\x01\x01av");
        assert_eq!(Params::from_encoded(long_form).unwrap().check_nul(), Ok(()));
    }
}
