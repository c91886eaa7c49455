//! An answer on its way in, taken from the connection's buffer.

use bytes::{Bytes, BytesMut};
use fastcgi_proto::{DecodeError, Part, ProtocolStatus, RecordDecoder, RecordType};

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece {
    Stdout(Bytes),
    Stderr(Bytes),
    /// The worker is done.
    End {
        status: ProtocolStatus,
        app_status: u32,
    },
}

/// The next piece in `input`, or `None` until more is read.
pub(super) fn next(
    decoder: &mut RecordDecoder,
    input: &mut BytesMut,
) -> Result<Option<Piece>, DecodeError> {
    while let Some(part) = decoder.decode(input)? {
        // A worker runs one request at a time: php-fpm echoes the id, and
        // other ids mean nothing.
        match part {
            Part::Stream {
                record_type: RecordType::STDOUT,
                content,
                ..
            } => return Ok(Some(Piece::Stdout(content))),
            Part::Stream {
                record_type: RecordType::STDERR,
                content,
                ..
            } => return Ok(Some(Piece::Stderr(content))),
            Part::End { body, .. } => {
                return Ok(Some(Piece::End {
                    status: body.protocol_status,
                    app_status: body.app_status,
                }));
            }
            _ => {}
        }
    }
    Ok(None)
}
