//! The text protocol on the client's side: commands out, replies in, no I/O.

use bytes::{Bytes, BytesMut};

/// A command; keys have been checked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command<'a> {
    /// The value and its cas number.
    Gets { key: &'a str },
    /// Stores a value that is not there.
    Add {
        key: &'a str,
        expiry: i64,
        value: &'a [u8],
    },
    /// Stores a value over the one with a cas number.
    Cas {
        key: &'a str,
        expiry: i64,
        value: &'a [u8],
        cas: u64,
    },
    /// Sets a new time to live.
    Touch { key: &'a str, expiry: i64 },
    /// Removes a value.
    Delete { key: &'a str },
}

impl Command<'_> {
    /// Appends the command's bytes to `out`.
    pub(super) fn encode(&self, out: &mut BytesMut) {
        let (line, value) = match *self {
            Self::Gets { key } => (format!("gets {key}\r\n"), None),
            Self::Add { key, expiry, value } => {
                let len = value.len();
                (format!("add {key} 0 {expiry} {len}\r\n"), Some(value))
            }
            Self::Cas {
                key,
                expiry,
                value,
                cas,
            } => {
                let len = value.len();
                (format!("cas {key} 0 {expiry} {len} {cas}\r\n"), Some(value))
            }
            Self::Touch { key, expiry } => (format!("touch {key} {expiry}\r\n"), None),
            Self::Delete { key } => (format!("delete {key}\r\n"), None),
        };
        out.extend_from_slice(line.as_bytes());
        if let Some(value) = value {
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// An answer to one command.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) enum Reply {
    Value(Option<Value>),
    Stored,
    NotStored,
    Exists,
    NotFound,
    Touched,
    Deleted,
    /// `ERROR`, `CLIENT_ERROR …` or `SERVER_ERROR …`, without control
    /// characters.
    Failed(String),
}

/// What `gets` finds.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct Value {
    pub(super) flags: u32,
    pub(super) cas: u64,
    pub(super) bytes: Bytes,
}

/// Why a server's bytes are no answer; the connection has to be closed.
#[derive(Debug, Clone, Eq, PartialEq, thiserror::Error)]
pub(super) enum WireError {
    /// A line that no command is answered with.
    #[error("unexpected answer `{line}`")]
    UnexpectedLine { line: String },
    /// A value that is larger than a session may be.
    #[error("value of {got} bytes is over the limit of {limit}")]
    TooLarge { got: usize, limit: usize },
}

/// Cuts a connection's bytes into answers.
#[derive(Debug)]
pub(super) struct ReplyDecoder {
    input: BytesMut,
    max_value: usize,
}

impl ReplyDecoder {
    pub(super) fn new(max_value: usize) -> Self {
        Self {
            input: BytesMut::new(),
            max_value,
        }
    }

    /// Where the next bytes from the server are appended.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Returns the next whole answer, or `None` until more bytes arrive.
    pub(super) fn poll_reply(&mut self) -> Result<Option<Reply>, WireError> {
        let Some(line_end) = self.line_end(0)? else {
            return Ok(None);
        };
        let line = &self.input[..line_end];
        if line.starts_with(b"VALUE ") {
            return self.value(line_end);
        }
        let reply = match line {
            b"END" => Reply::Value(None),
            b"STORED" => Reply::Stored,
            b"NOT_STORED" => Reply::NotStored,
            b"EXISTS" => Reply::Exists,
            b"NOT_FOUND" => Reply::NotFound,
            b"TOUCHED" => Reply::Touched,
            b"DELETED" => Reply::Deleted,
            _ if is_failure(line) => Reply::Failed(printable(line)),
            _ => return Err(unexpected(line)),
        };
        let _ = self.input.split_to(line_end + 2);
        Ok(Some(reply))
    }

    /// `VALUE key flags len cas`, the value, `END`.
    fn value(&mut self, line_end: usize) -> Result<Option<Reply>, WireError> {
        let line = &self.input[..line_end];
        let (flags, len, cas) = value_line(line).ok_or_else(|| unexpected(line))?;
        if len > self.max_value {
            return Err(WireError::TooLarge {
                got: len,
                limit: self.max_value,
            });
        }
        let start = line_end + 2;
        let whole = start + len + END.len();
        if self.input.len() < whole {
            return Ok(None);
        }
        let frame = self.input.split_to(whole).freeze();
        if &frame[start + len..] != END {
            return Err(unexpected(&frame[start + len..]));
        }
        Ok(Some(Reply::Value(Some(Value {
            flags,
            cas,
            bytes: frame.slice(start..start + len),
        }))))
    }

    fn line_end(&self, start: usize) -> Result<Option<usize>, WireError> {
        let rest = &self.input[start..];
        let head = &rest[..rest.len().min(MAX_LINE)];
        match head.windows(2).position(|two| two == b"\r\n") {
            Some(end) => Ok(Some(start + end)),
            None if rest.len() >= MAX_LINE => Err(unexpected(head)),
            None => Ok(None),
        }
    }
}

fn value_line(line: &[u8]) -> Option<(u32, usize, u64)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ').skip(2);
    let mut next = || words.next();
    let flags = next()?.parse().ok()?;
    let len = next()?.parse().ok()?;
    let cas = next()?.parse().ok()?;
    next().is_none().then_some((flags, len, cas))
}

fn is_failure(line: &[u8]) -> bool {
    [&b"ERROR"[..], b"CLIENT_ERROR", b"SERVER_ERROR"]
        .iter()
        .any(|word| line.starts_with(word))
}

fn unexpected(line: &[u8]) -> WireError {
    WireError::UnexpectedLine {
        line: printable(&line[..line.len().min(80)]),
    }
}

fn printable(line: &[u8]) -> String {
    line.escape_ascii().to_string()
}

const END: &[u8] = b"\r\nEND\r\n";
/// Answers are short; keys are at most 250 bytes.
const MAX_LINE: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn assert_any_split(wire: &[u8], expected: &[Reply]) {
        for cut in 0..=wire.len() {
            let mut decoder = ReplyDecoder::new(100);
            let mut replies = Vec::new();
            for part in [&wire[..cut], &wire[cut..]] {
                decoder.input().extend_from_slice(part);
                while let Some(reply) = decoder.poll_reply().unwrap() {
                    replies.push(reply);
                }
            }
            assert_eq!(replies, expected, "cut at byte {cut}");
        }
    }

    #[test]
    fn replies_decode_at_every_cut() {
        let wire = b"STORED\r\nVALUE k 16 6 42\r\nEND\r\n\0\r\nEND\r\nEND\r\nEXISTS\r\n\
            SERVER_ERROR out of memory storing object\r\nTOUCHED\r\nDELETED\r\nNOT_FOUND\r\nNOT_STORED\r\n";
        let value = Value {
            flags: 16,
            cas: 42,
            bytes: Bytes::from_static(b"END\r\n\0"),
        };
        let expected = [
            Reply::Stored,
            Reply::Value(Some(value)),
            Reply::Value(None),
            Reply::Exists,
            Reply::Failed("SERVER_ERROR out of memory storing object".into()),
            Reply::Touched,
            Reply::Deleted,
            Reply::NotFound,
            Reply::NotStored,
        ];
        assert_any_split(wire, &expected);
    }

    #[test]
    fn wrong_answers_are_refused_before_anything_is_held() {
        let refused = |wire: &[u8]| {
            let mut decoder = ReplyDecoder::new(100);
            decoder.input().extend_from_slice(wire);
            decoder.poll_reply().unwrap_err()
        };
        let line = |line: &str| WireError::UnexpectedLine { line: line.into() };
        assert_eq!(refused(b"HELLO\r\n"), line("HELLO"));
        assert_eq!(refused(b"VALUE k 0 x 1\r\n"), line("VALUE k 0 x 1"));
        assert_eq!(
            refused(b"VALUE k 0 101 1\r\n"),
            WireError::TooLarge {
                got: 101,
                limit: 100
            }
        );
        assert_eq!(refused(&[b'x'; 2000]), line(&"x".repeat(80)));
        assert_eq!(
            refused(b"VALUE k 0 1 1\r\nab\r\nEND\r\n"),
            line("b\\r\\nEND\\r")
        );
    }

    #[test]
    fn commands_have_memcached_bytes() {
        let mut out = BytesMut::new();
        for command in [
            Command::Add {
                key: "k",
                expiry: 5,
                value: b"ab",
            },
            Command::Cas {
                key: "k",
                expiry: -1,
                value: b"",
                cas: 9,
            },
            Command::Gets { key: "k" },
            Command::Touch {
                key: "k",
                expiry: 7,
            },
            Command::Delete { key: "k" },
        ] {
            command.encode(&mut out);
        }
        let expected =
            "add k 0 5 2\r\nab\r\ncas k 0 -1 0 9\r\n\r\ngets k\r\ntouch k 7\r\ndelete k\r\n";
        assert_eq!(out, expected.as_bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_replies_or_an_error(wire in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = ReplyDecoder::new(100);
            decoder.input().extend_from_slice(&wire);
            while let Ok(Some(_)) = decoder.poll_reply() {}
        }
    }
}
