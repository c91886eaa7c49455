//! What one side wrote, held against the rules for writing.

use fastcgi_proto::{ParamsIter, RecordHeader, RecordType};

/// Bytes as they went out.
#[derive(Default)]
pub(crate) struct Wire(Vec<u8>);

impl Wire {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Every whole record is one that any peer accepts: version 1, a stream's
    /// end without padding, `PARAMS` cut between pairs alone.
    pub(crate) fn check(&self) {
        for (header, content) in self.records() {
            if header.record_type == RecordType::PARAMS {
                let whole = ParamsIter::new(content).all(|pair| pair.is_ok());
                assert!(whole, "a PARAMS record ends inside a pair");
            }
            let stream = (4..=8).contains(&header.record_type.0);
            if stream && header.content_len == 0 {
                assert_eq!(header.padding_len, 0, "a padded terminator");
            }
        }
    }

    /// The whole records.
    pub(crate) fn records(&self) -> impl Iterator<Item = (RecordHeader, &[u8])> {
        let mut left = &self.0[..];
        std::iter::from_fn(move || {
            let (head, rest) = left.split_first_chunk::<8>()?;
            let header = RecordHeader::decode(*head).expect("a valid header");
            let content = rest.get(..usize::from(header.content_len))?;
            let end = content.len() + usize::from(header.padding_len);
            left = rest.get(end..)?;
            Some((header, content))
        })
    }
}
