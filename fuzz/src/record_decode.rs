//! Records in any pieces, owned and borrowed.

use bytes::BytesMut;
use fastcgi_proto::{DecodeError, Part, RecordDecoder, RecordHeader, RecordType};

use crate::pieces::pieces;

/// What a decoder gave: parts with joined content, and how it ended.
type Decoded = (Vec<(Part<()>, Vec<u8>)>, Option<DecodeError>);

/// Any cut gives the same parts as the whole, by either way of decoding; an
/// error stays; content is what the headers announce.
pub fn record_decode(data: &[u8]) {
    let (wire, cut) = pieces(data);
    let whole = owned(&[wire]);
    assert_eq!(owned(&cut), whole, "cut");
    assert_eq!(borrowed(&cut), whole, "borrowed");
    if whole.1.is_none() {
        let content: usize = whole.0.iter().map(|(_, content)| content.len()).sum();
        assert_eq!(content, announced(wire), "content");
    }
}

fn owned(pieces: &[&[u8]]) -> Decoded {
    let mut decoder = RecordDecoder::new();
    let mut joined = Joined::default();
    let mut buffer = BytesMut::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(part)) => joined.add(part),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut BytesMut::new()), Err(error));
                    return (joined.parts, Some(error));
                }
            }
        }
        assert!(buffer.is_empty(), "input is left without a part");
    }
    (joined.parts, None)
}

fn borrowed(pieces: &[&[u8]]) -> Decoded {
    let mut decoder = RecordDecoder::new();
    let mut joined = Joined::default();
    for piece in pieces {
        let mut left = *piece;
        loop {
            match decoder.decode_slice(left) {
                Ok((used, Some(part))) => {
                    joined.add(part);
                    left = &left[used..];
                }
                Ok((used, None)) => {
                    assert_eq!(used, left.len(), "input is left without a part");
                    break;
                }
                Err(error) => return (joined.parts, Some(error)),
            }
        }
    }
    (joined.parts, None)
}

/// Parts whose content is joined where a decoder may cut it.
#[derive(Default)]
struct Joined {
    parts: Vec<(Part<()>, Vec<u8>)>,
    /// Whether the last part is an unfinished record of values.
    open: bool,
}

impl Joined {
    fn add<B: AsRef<[u8]>>(&mut self, part: Part<B>) {
        let (key, content, open) = split(part);
        let joins = match key {
            Part::Stream { .. } => true,
            _ => self.open,
        };
        self.open = open;
        match self.parts.last_mut() {
            Some((last, joined)) if joins && *last == key => joined.extend_from_slice(&content),
            _ => self.parts.push((key, content)),
        }
    }
}

/// A part without its content, the content, and whether more of the same
/// record of values follows.
fn split<B: AsRef<[u8]>>(part: Part<B>) -> (Part<()>, Vec<u8>, bool) {
    let (key, content, open) = match part {
        Part::Stream {
            record_type,
            request_id,
            content,
        } => {
            assert!(
                !content.as_ref().is_empty(),
                "content of a stream is never empty"
            );
            let key = Part::Stream {
                record_type,
                request_id,
                content: (),
            };
            (key, Some(content), false)
        }
        Part::Values {
            record_type,
            content,
            remaining,
        } => {
            let key = Part::Values {
                record_type,
                content: (),
                remaining: 0,
            };
            (key, Some(content), remaining > 0)
        }
        Part::Begin { request_id, body } => (Part::Begin { request_id, body }, None, false),
        Part::Abort { request_id } => (Part::Abort { request_id }, None, false),
        Part::End { request_id, body } => (Part::End { request_id, body }, None, false),
        Part::StreamEnd {
            record_type,
            request_id,
        } => {
            let key = Part::StreamEnd {
                record_type,
                request_id,
            };
            (key, None, false)
        }
        Part::UnknownType(record_type) => (Part::UnknownType(record_type), None, false),
        Part::Unknown {
            record_type,
            request_id,
        } => {
            let key = Part::Unknown {
                record_type,
                request_id,
            };
            (key, None, false)
        }
        other => panic!("a new kind of part: {:?}", core::mem::discriminant(&other)),
    };
    let content = content.map_or_else(Vec::new, |content| content.as_ref().to_vec());
    (key, content, open)
}

/// Bytes of content that the headers of valid records announce for streams
/// and values, as far as they are there: counted by another, simpler reader.
fn announced(wire: &[u8]) -> usize {
    let (mut at, mut sum) = (0, 0);
    while let Some(header) = wire.get(at..at + RecordHeader::LEN) {
        let content = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let start = at + RecordHeader::LEN;
        let streamed = [
            RecordType::PARAMS,
            RecordType::STDIN,
            RecordType::STDOUT,
            RecordType::STDERR,
            RecordType::DATA,
            RecordType::GET_VALUES,
            RecordType::GET_VALUES_RESULT,
        ];
        if streamed.contains(&RecordType(header[1])) {
            sum += content.min(wire.len() - start);
        }
        at = start + content + usize::from(header[6]);
    }
    sum
}
