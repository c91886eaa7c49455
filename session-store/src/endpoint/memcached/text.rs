//! The text protocol (memcached's `doc/protocol.txt`).

use bytes::{Bytes, BytesMut};

use super::decoder::{Bounds, WireError};
use super::message::{Answer, Command, Condition, Form, Refusal, Request, Store, VERSION};

/// Takes the first request off `input`, or returns `None` until it is whole.
pub(super) fn decode(input: &mut BytesMut, bounds: Bounds) -> Result<Option<Request>, WireError> {
    let Some(end) = line_end(input)? else {
        return Ok(None);
    };
    let line = Bytes::copy_from_slice(trim(&input[..end]));
    let words = words(&line);
    let Some((name, arguments)) = words.split_first() else {
        let _ = input.split_to(end + 1);
        return Ok(Some(refused(Refusal::UnknownCommand)));
    };
    if let Some(verb) = verb(name) {
        return decode_store(verb, arguments, input, end + 1, bounds);
    }
    if arguments.len() > bounds.keys {
        return Err(WireError::TooManyKeys {
            got: arguments.len(),
            limit: bounds.keys,
        });
    }
    let _ = input.split_to(end + 1);
    Ok(Some(simple(name, arguments)))
}

/// Appends an answer that the client did not forbid.
pub(super) fn encode(answer: &Answer, out: &mut BytesMut) {
    let line: &[u8] = match answer {
        Answer::Values { found, with_cas } => {
            for value in found {
                let cas = if *with_cas {
                    format!(" {}", value.cas)
                } else {
                    String::new()
                };
                out.extend_from_slice(b"VALUE ");
                out.extend_from_slice(&value.key);
                out.extend_from_slice(format!(" 0 {}{cas}\r\n", value.bytes.len()).as_bytes());
                out.extend_from_slice(&value.bytes);
                out.extend_from_slice(b"\r\n");
            }
            b"END"
        }
        Answer::Stored => b"STORED",
        Answer::NotStored => b"NOT_STORED",
        Answer::Exists => b"EXISTS",
        Answer::NotFound => b"NOT_FOUND",
        Answer::Touched => b"TOUCHED",
        Answer::Deleted => b"DELETED",
        Answer::Nothing => b"OK",
        Answer::Version => {
            out.extend_from_slice(b"VERSION ");
            VERSION.as_bytes()
        }
        Answer::Refused(Refusal::UnknownCommand) => b"ERROR",
        Answer::Refused(Refusal::BadArguments) => b"CLIENT_ERROR bad command line format",
        Answer::Refused(Refusal::BadDataChunk) => b"CLIENT_ERROR bad data chunk",
        Answer::Failed(message) => {
            out.extend_from_slice(b"SERVER_ERROR ");
            out.extend(message.bytes().filter(|byte| !byte.is_ascii_control()));
            b""
        }
    };
    out.extend_from_slice(line);
    out.extend_from_slice(b"\r\n");
}

fn decode_store(
    verb: Verb,
    arguments: &[Bytes],
    input: &mut BytesMut,
    start: usize,
    bounds: Bounds,
) -> Result<Option<Request>, WireError> {
    let Some((store, len, form)) = store_line(verb, arguments) else {
        let _ = input.split_to(start);
        return Ok(Some(refused(Refusal::BadArguments)));
    };
    let got = start.saturating_add(len);
    if len > bounds.bytes || got > bounds.bytes {
        return Err(WireError::TooLarge {
            got: len,
            limit: bounds.bytes,
        });
    }
    if input.len() < got + 2 {
        return Ok(None);
    }
    let whole = input.split_to(got + 2).freeze();
    if &whole[got..] != b"\r\n" {
        // As memcached does: the rest of the line is not taken for a command.
        skip_line(input);
        return Ok(Some(refused(Refusal::BadDataChunk)));
    }
    let command = Command::Store(Store {
        value: whole.slice(start..got),
        ..store
    });
    Ok(Some(Request { command, form }))
}

/// `key flags exptime bytes [cas] [noreply]`
fn store_line(verb: Verb, arguments: &[Bytes]) -> Option<(Store, usize, Form)> {
    let (arguments, silent) = without_noreply(arguments);
    let (condition, fixed) = match (verb, arguments) {
        (Verb::Set, fixed) => (Condition::Always, fixed),
        (Verb::Add, fixed) => (Condition::Absent, fixed),
        (Verb::Replace, fixed) => (Condition::Present, fixed),
        (Verb::Cas, [fixed @ .., cas]) => (Condition::Unchanged(number(cas)?), fixed),
        (Verb::Cas, []) => return None,
    };
    let [key, flags, expiry, len] = fixed else {
        return None;
    };
    let store = Store {
        condition,
        key: valid_key(key)?,
        flags: number(flags)?,
        expiry: number(expiry)?,
        value: Bytes::new(),
    };
    Some((store, number(len)?, Form::Text { silent }))
}

fn simple(name: &[u8], arguments: &[Bytes]) -> Request {
    let (arguments, silent) = without_noreply(arguments);
    let command = match (name, arguments) {
        (b"get" | b"gets", [_, ..]) => keys(arguments).map(|keys| Command::Get {
            keys,
            with_cas: name == b"gets",
        }),
        (b"touch", [key, expiry]) => valid_key(key)
            .zip(number(expiry))
            .map(|(key, expiry)| Command::Touch { key, expiry }),
        (b"gat" | b"gats", [expiry, key]) => valid_key(key)
            .zip(number(expiry))
            .map(|(key, expiry)| Command::GetAndTouch { key, expiry }),
        // Old clients send a time of 0 with it.
        (b"delete", [key]) => valid_key(key).map(|key| Command::Delete { key }),
        (b"delete", [key, zero]) if zero == "0" => {
            valid_key(key).map(|key| Command::Delete { key })
        }
        (b"version", []) => Some(Command::Version),
        (b"quit", []) => Some(Command::Quit),
        (b"get" | b"gets" | b"touch" | b"gat" | b"gats" | b"delete", _) => None,
        _ => Some(Command::Refused(Refusal::UnknownCommand)),
    };
    Request {
        command: command.unwrap_or(Command::Refused(Refusal::BadArguments)),
        form: Form::Text { silent },
    }
}

fn keys(arguments: &[Bytes]) -> Option<Vec<Bytes>> {
    arguments.iter().map(valid_key).collect()
}

fn valid_key(key: &Bytes) -> Option<Bytes> {
    (key.len() <= MAX_KEY && !key.iter().any(u8::is_ascii_control)).then(|| key.clone())
}

fn without_noreply(arguments: &[Bytes]) -> (&[Bytes], bool) {
    match arguments {
        [rest @ .., last] if last == "noreply" => (rest, true),
        _ => (arguments, false),
    }
}

fn number<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn refused(refusal: Refusal) -> Request {
    Request {
        command: Command::Refused(refusal),
        form: Form::Text { silent: false },
    }
}

/// The position of the line feed that ends the first line.
fn line_end(input: &[u8]) -> Result<Option<usize>, WireError> {
    let head = &input[..input.len().min(MAX_LINE)];
    match head.iter().position(|&byte| byte == b'\n') {
        Some(end) => Ok(Some(end)),
        None if input.len() >= MAX_LINE => Err(WireError::LineTooLong { limit: MAX_LINE }),
        None => Ok(None),
    }
}

fn skip_line(input: &mut BytesMut) {
    if let Some(end) = input.iter().position(|&byte| byte == b'\n') {
        let _ = input.split_to(end + 1);
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn words(line: &Bytes) -> Vec<Bytes> {
    line.split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
        .map(|word| line.slice_ref(word))
        .collect()
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Set,
    Add,
    Replace,
    Cas,
}

fn verb(name: &[u8]) -> Option<Verb> {
    match name {
        b"set" => Some(Verb::Set),
        b"add" => Some(Verb::Add),
        b"replace" => Some(Verb::Replace),
        b"cas" => Some(Verb::Cas),
        _ => None,
    }
}

/// memcached's own limits of a command line and of a key.
const MAX_LINE: usize = 2048;
const MAX_KEY: usize = 250;

#[cfg(test)]
mod tests {
    use super::super::message::Value;
    use super::*;

    #[test]
    fn answers_have_memcached_bytes() {
        let mut out = BytesMut::new();
        for answer in [
            Answer::Values {
                found: vec![Value {
                    key: "k".into(),
                    bytes: "a\r\nb".into(),
                    cas: 9,
                }],
                with_cas: true,
            },
            Answer::Stored,
            Answer::Failed("no\r\nroom".into()),
        ] {
            answer.encode(Form::Text { silent: false }, &mut out);
        }
        Answer::Deleted.encode(Form::Text { silent: true }, &mut out);
        assert_eq!(
            out,
            &b"VALUE k 0 4 9\r\na\r\nb\r\nEND\r\nSTORED\r\nSERVER_ERROR noroom\r\n"[..]
        );
    }
}
