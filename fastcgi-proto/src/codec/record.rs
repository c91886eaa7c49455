//! Records, without the rules of a connection.

use bytes::{BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::CodecError;
use crate::wire::{MAX_ALIGNED_CONTENT, RecordHeader, RecordType, padding_for};
use crate::{Part, RecordDecoder};

/// Records, without the rules of a connection: for tools that look at or
/// make up traffic.
///
/// Stream content is decoded as it arrives and encoded in records of at most
/// 65528 bytes; a record of unknown type is encoded empty, as it is decoded.
///
/// # Examples
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use fastcgi_proto::codec::RecordCodec;
/// use fastcgi_proto::{Part, RecordType};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let part = Part::Stream {
///     record_type: RecordType::STDERR,
///     request_id: 1,
///     content: Bytes::from_static(b"log me"),
/// };
/// let (mut codec, mut buffer) = (RecordCodec::default(), BytesMut::new());
/// codec.encode(part.clone(), &mut buffer)?;
/// assert_eq!(buffer.len(), 16);
/// assert_eq!(codec.decode(&mut buffer)?, Some(part));
/// # Ok::<(), fastcgi_proto::codec::CodecError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecordCodec {
    decoder: RecordDecoder,
}

impl Decoder for RecordCodec {
    type Item = Part<Bytes>;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Part<Bytes>>, CodecError> {
        Ok(self.decoder.decode(input)?)
    }
}

impl Encoder<Part<Bytes>> for RecordCodec {
    type Error = CodecError;

    fn encode(&mut self, part: Part<Bytes>, out: &mut BytesMut) -> Result<(), CodecError> {
        match part {
            Part::Begin { request_id, body } => {
                record(out, RecordType::BEGIN_REQUEST, request_id, &body.encode())
            }
            Part::Abort { request_id } => record(out, RecordType::ABORT_REQUEST, request_id, b""),
            Part::End { request_id, body } => {
                record(out, RecordType::END_REQUEST, request_id, &body.encode())
            }
            Part::Stream {
                record_type,
                request_id,
                content,
            } => content
                .chunks(usize::from(MAX_ALIGNED_CONTENT))
                .try_for_each(|piece| record(out, record_type, request_id, piece)),
            Part::StreamEnd {
                record_type,
                request_id,
            }
            | Part::Unknown {
                record_type,
                request_id,
            } => record(out, record_type, request_id, b""),
            Part::Values {
                record_type,
                content,
                ..
            } => record(out, record_type, 0, &content),
            Part::UnknownType(RecordType(unknown)) => {
                let content = [unknown, 0, 0, 0, 0, 0, 0, 0];
                record(out, RecordType::UNKNOWN_TYPE, 0, &content)
            }
        }
    }
}

fn record(
    out: &mut BytesMut,
    record_type: RecordType,
    request_id: u16,
    content: &[u8],
) -> Result<(), CodecError> {
    let len = content.len();
    let content_len = u16::try_from(len).map_err(|_| CodecError::RecordLength { len })?;
    let padding_len = padding_for(len);
    let header = RecordHeader {
        record_type,
        request_id,
        content_len,
        padding_len,
    };
    out.reserve(RecordHeader::LEN + header.body_len());
    out.put_slice(&header.encode());
    out.put_slice(content);
    out.put_bytes(0, usize::from(padding_len));
    Ok(())
}
