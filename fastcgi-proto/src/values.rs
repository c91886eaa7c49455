//! The variables that `GET_VALUES` asks for (FastCGI 1.0, section 4.1).

use alloc::vec::Vec;

use bytes::Bytes;

use crate::buffer::Buffer;
use crate::params::ParamsIter;
use crate::wire::{RecordHeader, RecordType, padding_for};
use crate::{PairError, ProtocolError};

const MAX_CONNS: &[u8] = b"FCGI_MAX_CONNS";
const MAX_REQS: &[u8] = b"FCGI_MAX_REQS";
const MPXS_CONNS: &[u8] = b"FCGI_MPXS_CONNS";

/// What an application says about itself. `None`: it did not say.
///
/// php-fpm answers `mpxs_conns` alone, with 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Connections it accepts at once (`FCGI_MAX_CONNS`).
    pub max_conns: Option<u32>,
    /// Requests it accepts at once (`FCGI_MAX_REQS`).
    pub max_reqs: Option<u32>,
    /// Whether it takes several requests on one connection at once
    /// (`FCGI_MPXS_CONNS`).
    pub mpxs_conns: Option<bool>,
}

/// Which variables a `GET_VALUES` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueNames {
    /// `FCGI_MAX_CONNS`.
    pub max_conns: bool,
    /// `FCGI_MAX_REQS`.
    pub max_reqs: bool,
    /// `FCGI_MPXS_CONNS`.
    pub mpxs_conns: bool,
}

impl ValueNames {
    /// All three.
    pub const ALL: Self = Self {
        max_conns: true,
        max_reqs: true,
        mpxs_conns: true,
    };

    /// Appends a `GET_VALUES` record.
    pub(crate) fn encode(self, out: &mut Buffer) {
        let names = [
            self.max_conns.then_some(MAX_CONNS),
            self.max_reqs.then_some(MAX_REQS),
            self.mpxs_conns.then_some(MPXS_CONNS),
        ];
        record(out, RecordType::GET_VALUES, |out| {
            for name in names.into_iter().flatten() {
                pair(out, name, b"");
            }
        });
    }

    /// The known names in a `GET_VALUES` record; others, and repetitions, add
    /// nothing.
    pub(crate) fn decode(content: &[u8]) -> Result<Self, PairError> {
        let mut names = Self {
            max_conns: false,
            max_reqs: false,
            mpxs_conns: false,
        };
        for pair in ParamsIter::new(content) {
            match pair?.0 {
                MAX_CONNS => names.max_conns = true,
                MAX_REQS => names.max_reqs = true,
                MPXS_CONNS => names.mpxs_conns = true,
                _ => {}
            }
        }
        Ok(names)
    }
}

impl Values {
    /// Appends a `GET_VALUES_RESULT` record with those of `names` that have a
    /// value.
    pub(crate) fn encode(self, names: ValueNames, out: &mut Buffer) {
        let number = |asked: bool, value: Option<u32>| value.filter(|_| asked);
        record(out, RecordType::GET_VALUES_RESULT, |out| {
            for (name, value) in [
                (MAX_CONNS, number(names.max_conns, self.max_conns)),
                (MAX_REQS, number(names.max_reqs, self.max_reqs)),
                (
                    MPXS_CONNS,
                    number(names.mpxs_conns, self.mpxs_conns.map(u32::from)),
                ),
            ] {
                if let Some(value) = value {
                    pair(out, name, alloc::format!("{value}").as_bytes());
                }
            }
        });
    }

    /// The known values in a `GET_VALUES_RESULT` record. A value that is not
    /// a number counts as not said.
    pub(crate) fn decode(content: &[u8]) -> Result<Self, PairError> {
        let mut values = Self::default();
        for pair in ParamsIter::new(content) {
            let (name, value) = pair?;
            let number = || core::str::from_utf8(value).ok()?.parse().ok();
            match name {
                MAX_CONNS => values.max_conns = number(),
                MAX_REQS => values.max_reqs = number(),
                MPXS_CONNS => values.mpxs_conns = number().map(|number| number != 0),
                _ => {}
            }
        }
        Ok(values)
    }
}

/// A management record that arrives in pieces, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    content: Vec<u8>,
}

impl Assembly {
    /// Adds a piece; `remaining` more bytes are announced. The whole content
    /// once there are none.
    pub(crate) fn push(
        &mut self,
        piece: &Bytes,
        remaining: u16,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        let len = self.content.len() + piece.len() + usize::from(remaining);
        if len > limit {
            return Err(ProtocolError::ManagementLength { len, limit });
        }
        self.content.extend_from_slice(piece);
        Ok((remaining == 0).then(|| core::mem::take(&mut self.content)))
    }
}

/// Appends a management record whose content `write` appends; it stays far
/// below 64 KiB.
fn record(out: &mut Buffer, record_type: RecordType, write: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    write(&mut content);
    let padding_len = padding_for(content.len());
    let header = RecordHeader {
        record_type,
        request_id: 0,
        content_len: u16::try_from(content.len()).unwrap_or(u16::MAX),
        padding_len,
    };
    out.put_array(&header.encode());
    out.put(&content);
    out.put_padding(padding_len);
}

/// Appends a pair of two short strings.
fn pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let len = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or(0x7f);
    out.extend_from_slice(&[len(name), len(value)]);
    out.extend_from_slice(name);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_asked_as_the_specification_spells_them() {
        let mut out = Buffer::default();
        ValueNames::ALL.encode(&mut out);
        let out = out.into_vec();
        assert_eq!(&out[..8], b"\x01\x09\0\0\0\x30\0\0");
        assert_eq!(
            &out[8..],
            b"\x0e\0FCGI_MAX_CONNS\x0d\0FCGI_MAX_REQS\x0f\0FCGI_MPXS_CONNS"
        );
    }

    #[test]
    fn repeated_and_unknown_names_are_answered_once_or_not() {
        let asked = b"\x0f\0FCGI_MPXS_CONNS\x0f\0FCGI_MPXS_CONNS\x01\0X".as_slice();
        let names = ValueNames::decode(asked).unwrap();
        let mut out = Buffer::default();
        let values = Values {
            max_conns: Some(10),
            mpxs_conns: Some(true),
            ..Values::default()
        };
        values.encode(names, &mut out);
        let out = out.into_vec();
        assert_eq!(&out[8..26], b"\x0f\x01FCGI_MPXS_CONNS1");
        assert_eq!(out.len(), 8 + 24);
    }

    #[test]
    fn answer_of_php_fpm_is_read() {
        let values = Values::decode(b"\x0f\x01FCGI_MPXS_CONNS0").unwrap();
        assert_eq!(values.mpxs_conns, Some(false));
        assert_eq!(values.max_conns, None);
    }
}
