//! A request on its way out: records, cut from the body as it comes.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use fastcgi_proto::{MAX_ALIGNED_CONTENT, RecordHeader, RecordType};
use http_body::Body;

use super::stream::Stream;
use crate::request::{BoxError, REQUEST_ID, RequestBody};

/// A body is asked for more only while less than this waits to be written.
const AHEAD: usize = 128 << 10;

/// Parts that one write takes.
const PARTS: usize = 16;

/// Why sending stopped.
#[derive(Debug)]
pub(super) enum SendError {
    /// The connection failed; `untouched`: before a byte was sent.
    Io { error: io::Error, untouched: bool },
    /// The body failed or had another length than declared.
    Body(BoxError),
}

/// What is still to be sent.
pub(crate) struct Outgoing {
    parts: VecDeque<Bytes>,
    queued: usize,
    body: Option<RequestBody>,
    /// Bytes of the body that were not put into records yet.
    missing: u64,
    has_body: bool,
    sent_any: bool,
    done: bool,
}

impl Outgoing {
    /// Everything of a request whose body is at hand, in as few parts as it
    /// takes; `head` ends with the params.
    pub(crate) fn new(head: Bytes, body: RequestBody) -> Self {
        let mut this = Self {
            parts: VecDeque::with_capacity(4),
            queued: 0,
            missing: body.len(),
            body: None,
            has_body: body.len() > 0,
            sent_any: false,
            done: false,
        };
        this.push(head);
        match body {
            RequestBody::Bytes(bytes) => {
                this.push_body(bytes);
                this.finish();
            }
            RequestBody::Stream { len: 0, .. } => this.finish(),
            stream @ RequestBody::Stream { .. } => this.body = Some(stream),
        }
        this
    }

    /// Whether the whole request was sent.
    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Whether there is a body that was not sent to its end.
    pub(super) const fn is_partial(&self) -> bool {
        self.has_body && !self.done
    }

    /// Whether no byte of it was sent.
    pub(super) const fn is_untouched(&self) -> bool {
        !self.sent_any
    }

    /// Sends what can be sent now. Ready once all is.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
    ) -> Poll<Result<(), SendError>> {
        loop {
            let filled = self.poll_body(cx)?;
            if self.queued == 0 {
                ready!(filled);
                self.done = true;
                return Poll::Ready(Ok(()));
            }
            let mut slices = [IoSlice::new(&[]); PARTS];
            let mut used = 0;
            for (slice, part) in slices.iter_mut().zip(&self.parts) {
                *slice = IoSlice::new(part);
                used += 1;
            }
            let written = ready!(stream.poll_write(cx, &slices[..used]));
            let written = written.map_err(|error| SendError::Io {
                error,
                untouched: !self.sent_any,
            })?;
            self.sent_any |= written > 0;
            self.advance(written);
        }
    }

    /// Takes from the body while there is room. Ready once it has ended.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        loop {
            if self.queued >= AHEAD {
                return Poll::Pending;
            }
            let Some(RequestBody::Stream { body, .. }) = &mut self.body else {
                return Poll::Ready(Ok(()));
            };
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        if data.len() as u64 > self.missing {
                            return Poll::Ready(Err(SendError::Body(
                                "longer than declared".into(),
                            )));
                        }
                        self.push_body(data);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(SendError::Body(error))),
                None if self.missing > 0 => {
                    return Poll::Ready(Err(SendError::Body("shorter than declared".into())));
                }
                None => {
                    self.body = None;
                    self.finish();
                }
            }
        }
    }

    fn push(&mut self, part: Bytes) {
        self.queued += part.len();
        self.parts.push_back(part);
    }

    /// Puts body bytes into STDIN records.
    fn push_body(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let content = bytes.split_to(bytes.len().min(usize::from(MAX_ALIGNED_CONTENT)));
            self.missing -= content.len() as u64;
            self.push(Self::header(content.len()));
            self.push(content);
        }
    }

    /// The empty record that ends STDIN.
    fn finish(&mut self) {
        self.push(Self::header(0));
    }

    /// Without padding: the reader copies in any case.
    fn header(content: usize) -> Bytes {
        let header = RecordHeader {
            record_type: RecordType::STDIN,
            request_id: REQUEST_ID,
            // At most MAX_ALIGNED_CONTENT.
            content_len: u16::try_from(content).unwrap_or(0),
            padding_len: 0,
        };
        if content == 0 {
            const END: [u8; RecordHeader::LEN] = RecordHeader {
                record_type: RecordType::STDIN,
                request_id: REQUEST_ID,
                content_len: 0,
                padding_len: 0,
            }
            .encode();
            return Bytes::from_static(&END);
        }
        BytesMut::from(&header.encode()[..]).freeze()
    }

    fn advance(&mut self, mut written: usize) {
        self.queued -= written;
        while let Some(part) = self.parts.front_mut() {
            if part.len() > written {
                part.advance(written);
                return;
            }
            written -= part.len();
            self.parts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_into_records_that_php_takes() {
        let head = Bytes::from_static(b"head");
        let body = Bytes::from(vec![b'x'; 70_000]);
        let out = Outgoing::new(head, RequestBody::Bytes(body));
        let parts: Vec<_> = out.parts.iter().map(Bytes::len).collect();
        assert_eq!(parts, [4, 8, 65528, 8, 70_000 - 65528, 8]);
        assert_eq!(&out.parts[1][..], b"\x01\x05\x00\x01\xff\xf8\x00\x00");
        assert_eq!(&out.parts[5][..], b"\x01\x05\x00\x01\x00\x00\x00\x00");
        assert_eq!(out.missing, 0);
    }

    #[test]
    fn written_bytes_leave_in_any_pieces() {
        let head = Bytes::from_static(b"head");
        let mut out = Outgoing::new(head, RequestBody::Bytes(Bytes::from_static(b"body")));
        let all = out.queued;
        for _ in 0..all {
            out.advance(1);
        }
        assert!(out.parts.is_empty());
        assert_eq!(out.queued, 0);
    }
}
