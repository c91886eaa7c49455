//! Tells HTTP/1.1 and HTTP/2 with prior knowledge apart (RFC 9113,
//! section 3.4).

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What an HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Reads until the first bytes decide; returns them too.
///
/// # Errors
///
/// Those of reading, and `UnexpectedEof` when the peer leaves first.
pub(crate) async fn detect<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(Protocol, Bytes)> {
    let mut start = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut start).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = start.len().min(PREFACE.len());
        if start[..length] != PREFACE[..length] {
            return Ok((Protocol::Http1, start.freeze()));
        }
        if length == PREFACE.len() {
            return Ok((Protocol::Http2, start.freeze()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn protocol(mut bytes: &[u8]) -> Option<Protocol> {
        let detected = detect(&mut bytes).await;
        detected.ok().map(|(protocol, _)| protocol)
    }

    #[tokio::test]
    async fn protocols_are_told_apart() {
        assert_eq!(protocol(PREFACE).await, Some(Protocol::Http2));
        assert_eq!(protocol(b"POST / HTTP/1.1").await, Some(Protocol::Http1));
        assert_eq!(protocol(b"G").await, Some(Protocol::Http1));
        assert_eq!(protocol(b"PRI * HT").await, None);
        assert_eq!(protocol(b"").await, None);
    }

    #[tokio::test]
    async fn preface_in_single_bytes_is_recognised() {
        let (mut ours, mut theirs) = tokio::io::duplex(1);
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            theirs.write_all(PREFACE).await
        });
        let (protocol, read) = detect(&mut ours).await.unwrap();
        assert_eq!((protocol, &*read), (Protocol::Http2, PREFACE));
    }
}
