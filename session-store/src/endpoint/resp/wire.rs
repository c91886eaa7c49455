//! RESP2 on the server's side: commands in, replies out, no I/O.

use bytes::{Buf, Bytes, BytesMut};

use crate::endpoint::Limits;

/// Why a connection's bytes are not RESP; the connection is then out of step
/// and has to be closed.
#[derive(Debug, Clone, Copy, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WireError {
    /// The peer does not send arrays of bulk strings.
    #[error("expected '{expected}', got '{got}'", expected = char::from(*expected), got = got.escape_ascii())]
    UnexpectedByte { expected: u8, got: u8 },
    /// A length that is no number or has too many digits.
    #[error("invalid length")]
    InvalidLength,
    /// More arguments than any session command has.
    #[error("command with {got} arguments is over the limit of {limit}")]
    TooManyArguments { got: usize, limit: usize },
    /// A command that is larger than a session may be.
    #[error("command of {got} bytes is over the limit of {limit}")]
    TooLarge { got: usize, limit: usize },
}

/// Cuts a connection's bytes into commands.
///
/// What it holds is bounded by [`Limits::max_request_bytes`] and one read.
#[derive(Debug)]
pub(crate) struct CommandDecoder {
    input: BytesMut,
    max_arguments: usize,
    max_bytes: usize,
}

impl CommandDecoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            input: BytesMut::new(),
            max_arguments: limits.max_arguments,
            max_bytes: limits.max_request_bytes,
        }
    }

    /// Where the next bytes from the peer are appended.
    pub(crate) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Returns the next whole command, its name first, or `None` until more
    /// bytes arrive.
    pub(crate) fn poll_command(&mut self) -> Result<Option<Vec<Bytes>>, WireError> {
        // An empty array is no command; Redis skips it as well.
        loop {
            let Some(layout) = self.layout()? else {
                return Ok(None);
            };
            let frame = self.input.split_to(layout.len).freeze();
            if !layout.arguments.is_empty() {
                let cut = |&(start, end): &(usize, usize)| frame.slice(start..end);
                return Ok(Some(layout.arguments.iter().map(cut).collect()));
            }
        }
    }

    /// Finds the bounds of the first command without copying its content.
    fn layout(&self) -> Result<Option<Layout>, WireError> {
        let mut cursor = Cursor::new(&self.input);
        let Some(count) = cursor.header(b'*')? else {
            return Ok(None);
        };
        if count > self.max_arguments {
            return Err(WireError::TooManyArguments {
                got: count,
                limit: self.max_arguments,
            });
        }
        let mut arguments = Vec::with_capacity(count);
        for _ in 0..count {
            let Some(len) = cursor.header(b'$')? else {
                return Ok(None);
            };
            let start = cursor.position;
            let end = start.saturating_add(len);
            if end > self.max_bytes {
                return Err(WireError::TooLarge {
                    got: end,
                    limit: self.max_bytes,
                });
            }
            if !cursor.skip(len) || !cursor.line_end()? {
                return Ok(None);
            }
            arguments.push((start, end));
        }
        Ok(Some(Layout {
            arguments,
            len: cursor.position,
        }))
    }
}

struct Layout {
    arguments: Vec<(usize, usize)>,
    len: usize,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// A line of `kind` and a decimal number, or `None` while it is incomplete.
    fn header(&mut self, kind: u8) -> Result<Option<usize>, WireError> {
        let rest = &self.bytes[self.position..];
        let Some((&first, rest)) = rest.split_first() else {
            return Ok(None);
        };
        if first != kind {
            return Err(WireError::UnexpectedByte {
                expected: kind,
                got: first,
            });
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > MAX_DIGITS {
            return Err(WireError::InvalidLength);
        }
        let Some(&after) = rest.get(digits) else {
            return Ok(None);
        };
        if digits == 0 || after != b'\r' {
            return Err(WireError::InvalidLength);
        }
        let number = rest[..digits]
            .iter()
            .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
        self.position += 1 + digits;
        Ok(self.line_end()?.then_some(number))
    }

    fn skip(&mut self, len: usize) -> bool {
        self.position += len;
        self.position <= self.bytes.len()
    }

    /// Steps over CR LF; `false` while it is incomplete.
    fn line_end(&mut self) -> Result<bool, WireError> {
        for expected in *b"\r\n" {
            let Some(&got) = self.bytes.get(self.position) else {
                return Ok(false);
            };
            if got != expected {
                return Err(WireError::UnexpectedByte { expected, got });
            }
            self.position += 1;
        }
        Ok(true)
    }
}

/// An answer to one command.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) enum Reply {
    /// `+text`
    Status(&'static str),
    /// `-CODE text`; line ends in it become spaces.
    Error(String),
    /// `:number`
    Integer(i64),
    /// A string of bytes.
    Bulk(Bytes),
    /// The nil reply.
    Nil,
}

impl Reply {
    /// Appends the reply's bytes to `out`.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Status(text) => extend(out, &[b"+", text.as_bytes()]),
            Self::Error(text) => {
                out.extend_from_slice(b"-");
                let one_line = text.bytes().map(|byte| match byte {
                    b'\r' | b'\n' => b' ',
                    other => other,
                });
                out.extend(one_line);
            }
            Self::Integer(number) => extend(out, &[b":", number.to_string().as_bytes()]),
            Self::Bulk(bytes) => {
                extend(out, &[b"$", bytes.len().to_string().as_bytes(), b"\r\n"]);
                out.extend_from_slice(bytes.chunk());
            }
            Self::Nil => out.extend_from_slice(b"$-1"),
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn extend(out: &mut BytesMut, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Lengths up to 999,999,999; the limits are far below.
const MAX_DIGITS: usize = 9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_all(decoder: &mut CommandDecoder) -> Vec<Vec<Bytes>> {
        let mut commands = Vec::new();
        while let Some(command) = decoder.poll_command().unwrap() {
            commands.push(command);
        }
        commands
    }

    #[track_caller]
    fn assert_any_split(wire: &[u8], expected: &[Vec<&[u8]>]) {
        for cut in 0..=wire.len() {
            let mut decoder = CommandDecoder::new(&Limits::default());
            let mut commands = Vec::new();
            for part in [&wire[..cut], &wire[cut..]] {
                decoder.input().extend_from_slice(part);
                commands.extend(decode_all(&mut decoder));
            }
            assert_eq!(commands, expected, "cut at byte {cut}");
        }
    }

    fn encode(command: &[Vec<u8>]) -> Vec<u8> {
        let mut wire = format!("*{}\r\n", command.len()).into_bytes();
        for argument in command {
            wire.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            wire.extend_from_slice(argument);
            wire.extend_from_slice(b"\r\n");
        }
        wire
    }

    #[test]
    fn phpredis_commands_decode_at_every_cut() {
        let wire = b"*6\r\n$3\r\nSET\r\n$6\r\nk_LOCK\r\n$4\r\nhost\r\n$2\r\nNX\r\n$2\r\nPX\r\n$4\r\n1000\r\n\
            *0\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*4\r\n$5\r\nSETEX\r\n$1\r\nk\r\n$2\r\n60\r\n$4\r\n\r\n\0x\r\n";
        assert_any_split(
            wire,
            &[
                vec![b"SET", b"k_LOCK", b"host", b"NX", b"PX", b"1000"],
                vec![b"GET", b"k"],
                vec![b"SETEX", b"k", b"60", b"\r\n\0x"],
            ],
        );
    }

    #[track_caller]
    fn assert_refused(wire: &[u8], expected: WireError) {
        let mut decoder = CommandDecoder::new(&Limits::default());
        decoder.input().extend_from_slice(wire);
        assert_eq!(decoder.poll_command(), Err(expected));
    }

    #[test]
    fn inline_commands_are_refused() {
        let expected = WireError::UnexpectedByte {
            expected: b'*',
            got: b'P',
        };
        assert_refused(b"PING\r\n", expected);
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_held() {
        let limits = Limits::default();
        assert_refused(b"*9999999999", WireError::InvalidLength);
        assert_refused(b"*-1\r\n", WireError::InvalidLength);
        assert_refused(
            b"*1000000\r\n",
            WireError::TooManyArguments {
                got: 1_000_000,
                limit: limits.max_arguments,
            },
        );
        assert_refused(
            b"*1\r\n$999999999\r\n",
            WireError::TooLarge {
                got: 1_000_000_015,
                limit: limits.max_request_bytes,
            },
        );
    }

    #[test]
    fn arguments_must_end_where_they_say() {
        let expected = WireError::UnexpectedByte {
            expected: b'\r',
            got: b'b',
        };
        assert_refused(b"*1\r\n$1\r\nab\r\n", expected);
    }

    #[test]
    fn replies_have_redis_bytes() {
        let mut out = BytesMut::new();
        for reply in [
            Reply::Status("OK"),
            Reply::Error("ERR two\r\nlines".into()),
            Reply::Integer(-2),
            Reply::Bulk(Bytes::from_static(b"\r\n")),
            Reply::Nil,
        ] {
            reply.encode(&mut out);
        }
        assert_eq!(
            out,
            &b"+OK\r\n-ERR two  lines\r\n:-2\r\n$2\r\n\r\n\r\n$-1\r\n"[..]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_commands_or_an_error(wire in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = CommandDecoder::new(&Limits::default());
            decoder.input().extend_from_slice(&wire);
            while let Ok(Some(_)) = decoder.poll_command() {}
        }

        #[test]
        fn what_is_encoded_is_decoded(
            command in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8)
        ) {
            let mut decoder = CommandDecoder::new(&Limits::default());
            decoder.input().extend_from_slice(&encode(&command));
            let decoded = decoder.poll_command().unwrap().unwrap();
            prop_assert_eq!(decoded, command);
        }
    }
}
