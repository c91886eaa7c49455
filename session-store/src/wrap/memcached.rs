//! Item flags of php-memcached's `Memcached` class, which Symfony's and
//! Laravel's memcached stores go through. PHP's own session handler stores
//! data as it is, with flags 0.

use std::borrow::Cow;
use std::io::Read;

use super::phpredis::decompress_zstd;
use super::{WrapError, fastlz};

/// How php-memcached compresses: `memcached.compression_type`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// FastLZ, the default.
    #[default]
    FastLz,
    /// zlib.
    Zlib,
    /// zstd, from php-memcached 3.3.
    Zstd,
}

/// The data of an item with these flags, of at most `limit` plain bytes. The
/// item must hold a string, as the stores of all frameworks make it.
///
/// # Errors
///
/// [`WrapError::Flags`] for an item that holds no string,
/// [`WrapError::Corrupt`] for a damaged one, [`WrapError::TooLong`] above
/// `limit`.
///
/// # Examples
///
/// ```
/// use session_store::wrap::memcached::unwrap;
///
/// assert_eq!(unwrap(0, b"a|i:1;", 1 << 20)?, &b"a|i:1;"[..]);
/// // Flags 1: an integer.
/// assert!(unwrap(1, b"5", 1 << 20).is_err());
/// # Ok::<(), session_store::wrap::WrapError>(())
/// ```
pub fn unwrap(flags: u32, stored: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, WrapError> {
    if flags & TYPE_MASK != STRING {
        return Err(WrapError::Flags { flags });
    }
    if flags & COMPRESSED == 0 {
        return Ok(Cow::Borrowed(stored));
    }
    let (len, stream) = stored.split_first_chunk::<4>().ok_or(WrapError::Corrupt)?;
    let len = u32::from_le_bytes(*len) as usize;
    if len > limit {
        return Err(WrapError::TooLong { limit });
    }
    let plain = if flags & FASTLZ != 0 {
        fastlz::decompress(stream, len)?
    } else if flags & ZLIB != 0 {
        inflate(stream, len)?
    } else if flags & ZSTD != 0 {
        decompress_zstd(stream, len)?
    } else {
        return Err(WrapError::Flags { flags });
    };
    if plain.len() != len {
        return Err(WrapError::Corrupt);
    }
    Ok(Cow::Owned(plain))
}

/// Flags and value for session data, as php-memcached stores a string:
/// compressed from 2000 bytes on, if that makes it smaller by a factor of
/// 1.3.
#[must_use]
pub fn wrap(plain: &[u8], compression: Compression) -> (u32, Cow<'_, [u8]>) {
    let as_it_is = (STRING, Cow::Borrowed(plain));
    let Ok(len) = u32::try_from(plain.len()) else {
        return as_it_is;
    };
    if plain.len() < THRESHOLD {
        return as_it_is;
    }
    let (flag, stream) = match compression {
        Compression::FastLz => (FASTLZ, Some(fastlz::compress(plain))),
        Compression::Zlib => (ZLIB, deflate(plain)),
        Compression::Zstd => (ZSTD, zstd::bulk::compress(plain, 0).ok()),
    };
    match stream {
        // plain > stream * 1.3, in whole numbers.
        Some(stream) if plain.len() * 10 > stream.len() * 13 => {
            let mut stored = len.to_le_bytes().to_vec();
            stored.extend(stream);
            (STRING | COMPRESSED | flag, Cow::Owned(stored))
        }
        _ => as_it_is,
    }
}

fn inflate(stream: &[u8], len: usize) -> Result<Vec<u8>, WrapError> {
    let mut plain = Vec::new();
    let limit = len as u64 + 1;
    let read = flate2::read::ZlibDecoder::new(stream)
        .take(limit)
        .read_to_end(&mut plain);
    read.map(|_| plain).map_err(|_| WrapError::Corrupt)
}

fn deflate(plain: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Vec::new();
    let level = flate2::Compression::default();
    flate2::read::ZlibEncoder::new(plain, level)
        .read_to_end(&mut stream)
        .ok()?;
    Some(stream)
}

const TYPE_MASK: u32 = 0x0f;
const STRING: u32 = 0;
const COMPRESSED: u32 = 0x10;
const ZLIB: u32 = 0x20;
const FASTLZ: u32 = 0x40;
const ZSTD: u32 = 0x80;

/// `memcached.compression_threshold`.
const THRESHOLD: usize = 2000;
