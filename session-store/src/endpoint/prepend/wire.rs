//! The protocol of the prepended PHP file: one frame per request and per
//! answer.
//!
//! A frame is a length (4 bytes, big-endian, of what follows), a code (1),
//! a number that the answer repeats (4), and a body. The number lets a PHP
//! worker that was interrupted skip the answers it no longer waits for.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::Change;
use crate::endpoint::Limits;

/// What PHP asks for.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) enum Request {
    /// 1: lock the session and read it; gives back what was held before.
    /// 7: the same for the new id after [`Request::Move`].
    Open(Open),
    /// 2: store the data, 3: extend the life of the unchanged session,
    /// 4: destroy it; and unlock.
    Change(Change),
    /// 5: unlock; has no answer.
    Close,
    /// 6: destroy the session because it gets a new id, which is opened next.
    Move,
}

/// The session to open.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct Open {
    /// Whether it takes the place of the session that was to move.
    pub(super) succeeds: bool,
    /// How long it lives from its next write, in seconds; 0 as the store says.
    pub(super) ttl: u32,
    pub(super) id: Bytes,
}

/// What PHP is told.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) enum Answer {
    /// 0: the session is locked; its data.
    Found(Bytes),
    /// 1: the session is locked and does not exist yet.
    New,
    /// 2: done.
    Done,
    /// 3: the session was destroyed in the meantime; nothing was written.
    Gone,
    /// 4: another request wrote it in the meantime; nothing was written.
    Conflict,
    /// 5: what failed and what to do.
    Failed(String),
}

/// Why a connection's bytes are not this protocol; it has to be closed.
#[derive(Debug, Clone, Copy, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum WireError {
    #[error("frame of {got} bytes is over the limit of {limit}")]
    TooLarge { got: usize, limit: usize },
    #[error("frame of {got} bytes is too short")]
    TooShort { got: usize },
    #[error("unknown code {got}")]
    UnknownCode { got: u8 },
}

/// Cuts a connection's bytes into requests.
///
/// What it holds is bounded by [`Limits::max_request_bytes`] and one read.
#[derive(Debug)]
pub(super) struct RequestDecoder {
    input: BytesMut,
    max_bytes: usize,
}

impl RequestDecoder {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            input: BytesMut::new(),
            max_bytes: limits.max_request_bytes,
        }
    }

    /// Where the next bytes from PHP are appended.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Returns the next whole request with its number, or `None` until more
    /// bytes arrive.
    pub(super) fn poll_request(&mut self) -> Result<Option<(u32, Request)>, WireError> {
        let Some(mut head) = self.input.get(..LENGTH) else {
            return Ok(None);
        };
        let len = head.get_u32() as usize;
        if len > self.max_bytes {
            let limit = self.max_bytes;
            return Err(WireError::TooLarge { got: len, limit });
        }
        if len < HEAD {
            return Err(WireError::TooShort { got: len });
        }
        if self.input.len() < LENGTH + len {
            return Ok(None);
        }
        self.input.advance(LENGTH);
        let mut frame = self.input.split_to(len).freeze();
        let code = frame.get_u8();
        let number = frame.get_u32();
        let request = match code {
            1 | 7 if frame.len() < 4 => return Err(WireError::TooShort { got: len }),
            1 | 7 => Request::Open(Open {
                succeeds: code == 7,
                ttl: frame.get_u32(),
                id: frame,
            }),
            2 => Request::Change(Change::Put(frame)),
            3 => Request::Change(Change::Touch),
            4 => Request::Change(Change::Delete),
            5 => Request::Close,
            6 => Request::Move,
            got => return Err(WireError::UnknownCode { got }),
        };
        Ok(Some((number, request)))
    }
}

impl Answer {
    /// Appends the answer to request `number` to `out`.
    pub(super) fn encode(&self, number: u32, out: &mut BytesMut) {
        let (code, body): (u8, &[u8]) = match self {
            Self::Found(bytes) => (0, bytes),
            Self::New => (1, b""),
            Self::Done => (2, b""),
            Self::Gone => (3, b""),
            Self::Conflict => (4, b""),
            Self::Failed(message) => (5, message.as_bytes()),
        };
        // Sessions are bounded far below 4 GiB.
        out.put_u32(u32::try_from(HEAD + body.len()).unwrap_or(u32::MAX));
        out.put_u8(code);
        out.put_u32(number);
        out.extend_from_slice(body);
    }
}

const LENGTH: usize = 4;
/// Code and number.
const HEAD: usize = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(code: u8, number: u32, body: &[u8]) -> Vec<u8> {
        let mut frame = u32::try_from(5 + body.len())
            .unwrap()
            .to_be_bytes()
            .to_vec();
        frame.push(code);
        frame.extend_from_slice(&number.to_be_bytes());
        frame.extend_from_slice(body);
        frame
    }

    #[test]
    fn requests_decode_at_every_cut() {
        let wire = [
            frame(1, 1, b"\0\0\x05\xa0abc"),
            frame(2, 2, b"a|i:1;"),
            frame(3, 3, b""),
            frame(4, 4, b""),
            frame(5, 5, b""),
        ]
        .concat();
        let expected = [
            (
                1,
                Request::Open(Open {
                    succeeds: false,
                    ttl: 1440,
                    id: "abc".into(),
                }),
            ),
            (2, Request::Change(Change::Put("a|i:1;".into()))),
            (3, Request::Change(Change::Touch)),
            (4, Request::Change(Change::Delete)),
            (5, Request::Close),
        ];
        for cut in 0..=wire.len() {
            let mut decoder = RequestDecoder::new(&Limits::default());
            let mut requests = Vec::new();
            for part in [&wire[..cut], &wire[cut..]] {
                decoder.input().extend_from_slice(part);
                while let Some(request) = decoder.poll_request().unwrap() {
                    requests.push(request);
                }
            }
            assert_eq!(requests, expected, "cut at byte {cut}");
        }
    }

    #[test]
    fn wrong_frames_are_refused_before_anything_is_held() {
        let refused = |wire: &[u8]| {
            let mut decoder = RequestDecoder::new(&Limits::default());
            decoder.input().extend_from_slice(wire);
            decoder.poll_request().unwrap_err()
        };
        let limit = Limits::default().max_request_bytes;
        let got = 0xffff_ffff;
        assert_eq!(refused(&[0xff; 4]), WireError::TooLarge { got, limit });
        assert_eq!(refused(&[0; 4]), WireError::TooShort { got: 0 });
        assert_eq!(
            refused(&frame(9, 1, b"")),
            WireError::UnknownCode { got: 9 }
        );
        assert_eq!(
            refused(&frame(1, 1, b"abc")),
            WireError::TooShort { got: 8 }
        );
    }

    #[test]
    fn answers_have_the_number_of_their_request() {
        let mut out = BytesMut::new();
        Answer::Found("ab".into()).encode(7, &mut out);
        Answer::Done.encode(8, &mut out);
        assert_eq!(
            out,
            &b"\0\0\0\x07\0\0\0\0\x07ab\0\0\0\x05\x02\0\0\0\x08"[..]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_requests_or_an_error(wire in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = RequestDecoder::new(&Limits::default());
            decoder.input().extend_from_slice(&wire);
            while let Ok(Some(_)) = decoder.poll_request() {}
        }
    }
}
