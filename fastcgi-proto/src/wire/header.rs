//! The 8 bytes in front of every record.

use super::{RecordType, VERSION};
use crate::DecodeError;

/// What stands in front of a record's content (FastCGI 1.0, section 3.3).
///
/// # Examples
///
/// ```
/// use fastcgi_proto::{DecodeError, RecordHeader, RecordType};
///
/// // Params of request 1: 260 bytes of content, 4 bytes of padding.
/// let header = RecordHeader::decode([1, 4, 0, 1, 1, 4, 4, 0])?;
/// assert_eq!(header.record_type, RecordType::PARAMS);
/// assert_eq!((header.request_id, header.content_len), (1, 260));
/// assert_eq!(header.encode(), [1, 4, 0, 1, 1, 4, 4, 0]);
///
/// let refused = RecordHeader::decode([0, 4, 0, 1, 0, 0, 0, 0]);
/// assert_eq!(refused, Err(DecodeError::Version { got: 0 }));
/// # Ok::<(), DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the record is.
    pub record_type: RecordType,
    /// The request it belongs to; 0 for management records.
    pub request_id: u16,
    /// Bytes of content that follow the header.
    pub content_len: u16,
    /// Bytes of padding that follow the content; their values mean nothing.
    pub padding_len: u8,
}

impl RecordHeader {
    /// The length of an encoded header.
    pub const LEN: usize = 8;

    /// Reads a header. The reserved byte is ignored; unknown record types
    /// decode, for it is the connection's choice what to do with them.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Version`] if the first byte is not 1: the peer speaks
    /// something else or is out of step. Close the connection.
    pub const fn decode(bytes: [u8; Self::LEN]) -> Result<Self, DecodeError> {
        let [
            version,
            record_type,
            id1,
            id0,
            len1,
            len0,
            padding_len,
            _reserved,
        ] = bytes;
        if version != VERSION {
            return Err(DecodeError::Version { got: version });
        }
        Ok(Self {
            record_type: RecordType(record_type),
            request_id: u16::from_be_bytes([id1, id0]),
            content_len: u16::from_be_bytes([len1, len0]),
            padding_len,
        })
    }

    /// Writes the header; the reserved byte is 0.
    #[must_use]
    pub const fn encode(self) -> [u8; Self::LEN] {
        let [id1, id0] = self.request_id.to_be_bytes();
        let [len1, len0] = self.content_len.to_be_bytes();
        let record_type = self.record_type.0;
        [
            VERSION,
            record_type,
            id1,
            id0,
            len1,
            len0,
            self.padding_len,
            0,
        ]
    }

    /// Content and padding together: up to 65790, more than a `u16` holds.
    #[must_use]
    pub const fn body_len(self) -> usize {
        self.content_len as usize + self.padding_len as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_but_one_is_refused() {
        for got in (0..=u8::MAX).filter(|version| *version != VERSION) {
            let bytes = [got, 5, 0, 1, 0, 0, 0, 0];
            assert_eq!(
                RecordHeader::decode(bytes),
                Err(DecodeError::Version { got })
            );
        }
    }

    #[test]
    fn content_and_padding_do_not_wrap_at_65535() {
        let header = RecordHeader::decode([1, 6, 0, 1, 0xff, 0xff, 0xff, 9]).unwrap();
        assert_eq!(header.body_len(), 65_790);
    }
}
