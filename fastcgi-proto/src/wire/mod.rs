//! The fixed parts of the protocol: record headers, the bodies of
//! `BEGIN_REQUEST` and `END_REQUEST`, and the numbers in them.
//!
//! Everything here is a `const fn` over arrays: nothing is allocated and
//! nothing is read beyond the bytes given.

mod body;
mod code;
mod header;

pub use body::{BeginBody, EndBody};
pub use code::{BeginFlags, ProtocolStatus, RecordType, Role};
pub use header::RecordHeader;

/// The protocol version this crate speaks, the first byte of every record.
pub const VERSION: u8 = 1;

/// The most content bytes a record can announce.
pub const MAX_CONTENT: u16 = u16::MAX;

/// The most content bytes a record should carry: the largest multiple of 8.
///
/// It needs no padding, and content and padding together stay within 65535:
/// php-fpm closes the connection on `PARAMS` records above that sum.
pub const MAX_ALIGNED_CONTENT: u16 = 65_528;

/// Padding bytes that bring `content_len` to a multiple of 8
/// (FastCGI 1.0, section 3.3, recommends it).
#[expect(
    clippy::cast_possible_truncation,
    reason = "only the last 3 bits count"
)]
pub(crate) const fn padding_for(content_len: usize) -> u8 {
    content_len.wrapping_neg() as u8 & 7
}
