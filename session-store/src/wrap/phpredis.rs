//! phpredis's `redis.session.compression` (phpredis 6.1 and later).

use std::borrow::Cow;
use std::str::FromStr;

use super::{WrapError, lzf};

/// A value of `redis.session.compression`.
///
/// # Examples
///
/// ```
/// use session_store::wrap::phpredis::Compression;
///
/// let stored = Compression::Lzf.compress(b"a|i:1;", 0)?;
/// assert_eq!(stored, b"\x05a|i:1;");
/// assert_eq!(Compression::Lzf.decompress(&stored, 1 << 20)?, &b"a|i:1;"[..]);
/// # Ok::<(), session_store::wrap::WrapError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Values as they are.
    #[default]
    None,
    /// A bare LZF stream.
    Lzf,
    /// A zstd frame.
    Zstd,
    /// A checksum of the length, the length, and an LZ4 block.
    Lz4,
}

impl Compression {
    /// Compresses session data. `level` is `redis.session.compression_level`
    /// and matters to zstd only; 0 is zstd's default.
    ///
    /// # Errors
    ///
    /// [`WrapError::TooLong`] above 2 GiB, which no LZ4 header holds.
    pub fn compress(self, plain: &[u8], level: i32) -> Result<Vec<u8>, WrapError> {
        match self {
            Self::None => Ok(plain.to_vec()),
            Self::Lzf => Ok(lzf::compress(plain, lzf::MAX_DISTANCE)),
            Self::Zstd => zstd::bulk::compress(plain, level).map_err(|_| WrapError::Corrupt),
            // phpredis leaves an empty value alone.
            Self::Lz4 if plain.is_empty() => Ok(Vec::new()),
            Self::Lz4 => {
                let limit = i32::MAX as usize;
                let len = i32::try_from(plain.len())
                    .map_err(|_| WrapError::TooLong { limit })?
                    .to_le_bytes();
                let mut stored = vec![crc8(&len)];
                stored.extend_from_slice(&len);
                stored.extend(lz4_flex::block::compress(plain));
                Ok(stored)
            }
        }
    }

    /// Decompresses a stored value of at most `limit` plain bytes. As in
    /// phpredis, a value that is not compressed in this way is the data
    /// itself: sessions from before compression was turned on stay readable.
    ///
    /// # Errors
    ///
    /// [`WrapError::TooLong`] if the data is longer than `limit`.
    pub fn decompress(self, stored: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, WrapError> {
        let plain = match self {
            Self::None => return Ok(Cow::Borrowed(stored)),
            Self::Lzf => lzf::decompress(stored, limit),
            Self::Zstd => decompress_zstd(stored, limit),
            Self::Lz4 => decompress_lz4(stored, limit),
        };
        match plain {
            Ok(plain) => Ok(Cow::Owned(plain)),
            Err(error @ WrapError::TooLong { .. }) => Err(error),
            Err(_) => Ok(Cow::Borrowed(stored)),
        }
    }
}

impl FromStr for Compression {
    type Err = WrapError;

    /// Reads the ini value: `none`, `lzf`, `zstd` or `lz4`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "none" | "" => Self::None,
            "lzf" => Self::Lzf,
            "zstd" => Self::Zstd,
            "lz4" => Self::Lz4,
            _ => return Err(WrapError::Corrupt),
        })
    }
}

pub(super) fn decompress_zstd(stored: &[u8], limit: usize) -> Result<Vec<u8>, WrapError> {
    let Ok(Some(len)) = zstd::zstd_safe::get_frame_content_size(stored) else {
        return Err(WrapError::Corrupt);
    };
    let len = usize::try_from(len).ok().filter(|len| *len <= limit);
    let len = len.ok_or(WrapError::TooLong { limit })?;
    zstd::bulk::decompress(stored, len).map_err(|_| WrapError::Corrupt)
}

fn decompress_lz4(stored: &[u8], limit: usize) -> Result<Vec<u8>, WrapError> {
    let (&checksum, rest) = stored.split_first().ok_or(WrapError::Corrupt)?;
    let (len, block) = rest.split_first_chunk::<4>().ok_or(WrapError::Corrupt)?;
    if crc8(len) != checksum {
        return Err(WrapError::Corrupt);
    }
    let len = usize::try_from(i32::from_le_bytes(*len)).map_err(|_| WrapError::Corrupt)?;
    if len > limit {
        return Err(WrapError::TooLong { limit });
    }
    lz4_flex::block::decompress(block, len).map_err(|_| WrapError::Corrupt)
}

/// CRC-8 with polynomial 0x31 and initial value 0xff.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xff, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| {
            crc << 1 ^ if crc & 0x80 == 0 { 0 } else { 0x31 }
        })
    })
}
