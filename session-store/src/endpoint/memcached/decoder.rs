//! Cuts a connection's bytes into requests; the first byte of each tells the
//! protocol (0x80 is never the first byte of a text command).

use bytes::BytesMut;

use super::message::Request;
use super::{binary, text};
use crate::endpoint::Limits;

/// Why a connection's bytes cannot be read on; it has to be closed.
#[derive(Debug, Clone, Copy, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WireError {
    /// A text command without an end.
    #[error("command line of more than {limit} bytes")]
    LineTooLong { limit: usize },
    /// A request that is larger than a session may be.
    #[error("request of {got} bytes is over the limit of {limit}")]
    TooLarge { got: usize, limit: usize },
    /// A `get` with more keys than any session client sends.
    #[error("request for {got} keys is over the limit of {limit}")]
    TooManyKeys { got: usize, limit: usize },
    /// A binary header whose parts are longer than the whole.
    #[error("binary header with key and extras of {parts} bytes in a body of {body}")]
    InconsistentHeader { parts: usize, body: usize },
}

/// What it holds is bounded by [`Limits::max_request_bytes`] and one read.
#[derive(Debug)]
pub(crate) struct RequestDecoder {
    input: BytesMut,
    bounds: Bounds,
}

/// The bounds that both protocols check before they hold anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) bytes: usize,
    pub(super) keys: usize,
}

impl RequestDecoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            input: BytesMut::new(),
            bounds: Bounds {
                bytes: limits.max_request_bytes,
                keys: limits.max_arguments,
            },
        }
    }

    /// Where the next bytes from the peer are appended.
    pub(crate) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Returns the next whole request, or `None` until more bytes arrive.
    pub(crate) fn poll_request(&mut self) -> Result<Option<Request>, WireError> {
        match self.input.first() {
            None => Ok(None),
            Some(&binary::REQUEST) => binary::decode(&mut self.input, self.bounds),
            Some(_) => text::decode(&mut self.input, self.bounds),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::message::{Command, Condition, Form, Refusal, Store};
    use super::*;

    fn decode_all(decoder: &mut RequestDecoder) -> Vec<Request> {
        let mut requests = Vec::new();
        while let Some(request) = decoder.poll_request().unwrap() {
            requests.push(request);
        }
        requests
    }

    #[track_caller]
    fn assert_any_split(wire: &[u8], expected: &[Request]) {
        for cut in 0..=wire.len() {
            let mut decoder = RequestDecoder::new(&Limits::default());
            let mut requests = Vec::new();
            for part in [&wire[..cut], &wire[cut..]] {
                decoder.input().extend_from_slice(part);
                requests.extend(decode_all(&mut decoder));
            }
            assert_eq!(requests, expected, "cut at byte {cut}");
        }
    }

    fn store(condition: Condition, key: &'static str, value: &'static [u8]) -> Command {
        Command::Store(Store {
            condition,
            key: key.into(),
            flags: 0,
            expiry: 1440,
            value: value.into(),
        })
    }

    fn text(command: Command) -> Request {
        Request {
            command,
            form: Form::Text { silent: false },
        }
    }

    #[test]
    fn text_commands_decode_at_every_cut() {
        let wire = b"add lock.k 0 1440 1\r\n1\r\nget k\r\nset k 0 1440 4\r\na\r\nb\r\ngets k j\r\n\
            cas k 0 1440 0 77\r\n\r\ntouch k 1440\r\ndelete k noreply\r\nversion\r\nbogus\r\nset k\r\nquit\r\n";
        let expected = [
            text(store(Condition::Absent, "lock.k", b"1")),
            text(Command::Get {
                keys: vec!["k".into()],
                with_cas: false,
            }),
            text(store(Condition::Always, "k", b"a\r\nb")),
            text(Command::Get {
                keys: vec!["k".into(), "j".into()],
                with_cas: true,
            }),
            text(store(Condition::Unchanged(77), "k", b"")),
            text(Command::Touch {
                key: "k".into(),
                expiry: 1440,
            }),
            Request {
                command: Command::Delete { key: "k".into() },
                form: Form::Text { silent: true },
            },
            text(Command::Version),
            text(Command::Refused(Refusal::UnknownCommand)),
            text(Command::Refused(Refusal::BadArguments)),
            text(Command::Quit),
        ];
        assert_any_split(wire, &expected);
    }

    fn packet(opcode: u8, extras: &[u8], key: &[u8], value: &[u8], cas: u64) -> Vec<u8> {
        let mut wire = vec![0x80, opcode, 0, u8::try_from(key.len()).unwrap()];
        wire.extend_from_slice(&[u8::try_from(extras.len()).unwrap(), 0, 0, 0]);
        let body = u32::try_from(extras.len() + key.len() + value.len()).unwrap();
        wire.extend_from_slice(&body.to_be_bytes());
        wire.extend_from_slice(&7_u32.to_be_bytes());
        wire.extend_from_slice(&cas.to_be_bytes());
        for part in [extras, key, value] {
            wire.extend_from_slice(part);
        }
        wire
    }

    #[test]
    fn binary_commands_decode_at_every_cut() {
        let expiry = 1440_u32.to_be_bytes();
        let extras = [[0; 4], expiry].concat();
        let binary = |opcode, command| Request {
            command,
            form: Form::Binary { opcode, opaque: 7 },
        };
        let wire = [
            packet(0x02, &extras, b"lock.k", b"1", 0),
            packet(0x0c, &[], b"k", &[], 0),
            packet(0x01, &extras, b"k", b"\x80v", 0),
            packet(0x01, &extras, b"k", b"v", 9),
            packet(0x1c, &expiry, b"k", &[], 0),
            packet(0x04, &[], b"k", &[], 0),
            packet(0x55, &[], b"k", &[], 0),
            packet(0x02, &[], b"k", b"1", 0),
            packet(0x07, &[], &[], &[], 0),
        ]
        .concat();
        let expected = [
            binary(0x02, store(Condition::Absent, "lock.k", b"1")),
            binary(
                0x0c,
                Command::Get {
                    keys: vec!["k".into()],
                    with_cas: true,
                },
            ),
            binary(0x01, store(Condition::Always, "k", b"\x80v")),
            binary(0x01, store(Condition::Unchanged(9), "k", b"v")),
            binary(
                0x1c,
                Command::Touch {
                    key: "k".into(),
                    expiry: 1440,
                },
            ),
            binary(0x04, Command::Delete { key: "k".into() }),
            binary(0x55, Command::Refused(Refusal::UnknownCommand)),
            binary(0x02, Command::Refused(Refusal::BadArguments)),
            binary(0x07, Command::Quit),
        ];
        assert_any_split(&wire, &expected);
    }

    #[track_caller]
    fn assert_refused(wire: &[u8], expected: WireError) {
        let mut decoder = RequestDecoder::new(&Limits::default());
        decoder.input().extend_from_slice(wire);
        assert_eq!(decoder.poll_request(), Err(expected));
    }

    #[test]
    fn sizes_are_bounded_before_anything_is_held() {
        let limit = Limits::default().max_request_bytes;
        let got = 99_999_999;
        assert_refused(
            b"set k 0 0 99999999\r\n",
            WireError::TooLarge { got, limit },
        );
        assert_refused(&[b'g'; 3000], WireError::LineTooLong { limit: 2048 });
        let mut wire = packet(0x01, &[], b"k", &[], 0);
        wire[8..12].copy_from_slice(&99_999_999_u32.to_be_bytes());
        assert_refused(&wire, WireError::TooLarge { got, limit });
        wire[8..12].copy_from_slice(&0_u32.to_be_bytes());
        assert_refused(&wire, WireError::InconsistentHeader { parts: 1, body: 0 });
    }

    #[test]
    fn a_value_longer_than_it_says_is_refused() {
        let mut decoder = RequestDecoder::new(&Limits::default());
        decoder.input().extend_from_slice(b"set k 0 0 1\r\nabc\r\n");
        let refused = Command::Refused(Refusal::BadDataChunk);
        assert_eq!(decoder.poll_request(), Ok(Some(text(refused))));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_requests_or_an_error(wire in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = RequestDecoder::new(&Limits::default());
            decoder.input().extend_from_slice(&wire);
            while let Ok(Some(_)) = decoder.poll_request() {}
        }

        #[test]
        fn any_binary_header_ends_in_a_request_or_an_error(mut wire in proptest::collection::vec(any::<u8>(), 24..200)) {
            wire[0] = 0x80;
            wire[8..10].fill(0);
            let mut decoder = RequestDecoder::new(&Limits::default());
            decoder.input().extend_from_slice(&wire);
            while let Ok(Some(_)) = decoder.poll_request() {}
        }
    }
}
