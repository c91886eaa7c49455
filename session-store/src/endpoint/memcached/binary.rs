//! The binary protocol (memcached's `protocol_binary.h`), as far as
//! libmemcached uses it for sessions.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::decoder::{Bounds, WireError};
use super::message::{Answer, Command, Condition, Form, Refusal, Request, Store, VERSION, Value};

/// The first byte of every request.
pub(super) const REQUEST: u8 = 0x80;
/// The first byte of every answer.
const RESPONSE: u8 = 0x81;
const HEADER_LEN: usize = 24;

mod opcode {
    pub(super) const GET: u8 = 0x00;
    pub(super) const SET: u8 = 0x01;
    pub(super) const ADD: u8 = 0x02;
    pub(super) const REPLACE: u8 = 0x03;
    pub(super) const DELETE: u8 = 0x04;
    pub(super) const QUIT: u8 = 0x07;
    pub(super) const GETQ: u8 = 0x09;
    pub(super) const NOOP: u8 = 0x0a;
    pub(super) const VERSION: u8 = 0x0b;
    pub(super) const GETK: u8 = 0x0c;
    pub(super) const GETKQ: u8 = 0x0d;
    pub(super) const SETQ: u8 = 0x11;
    pub(super) const ADDQ: u8 = 0x12;
    pub(super) const REPLACEQ: u8 = 0x13;
    pub(super) const DELETEQ: u8 = 0x14;
    pub(super) const QUITQ: u8 = 0x17;
    pub(super) const TOUCH: u8 = 0x1c;
    pub(super) const GAT: u8 = 0x1d;
    pub(super) const GATQ: u8 = 0x1e;
}

mod status {
    pub(super) const SUCCESS: u16 = 0x00;
    pub(super) const NOT_FOUND: u16 = 0x01;
    pub(super) const EXISTS: u16 = 0x02;
    pub(super) const INVALID: u16 = 0x04;
    pub(super) const NOT_STORED: u16 = 0x05;
    pub(super) const UNKNOWN: u16 = 0x81;
    pub(super) const FAILED: u16 = 0x84;
}

/// Takes the first request off `input`, or returns `None` until it is whole.
pub(super) fn decode(input: &mut BytesMut, bounds: Bounds) -> Result<Option<Request>, WireError> {
    let Some(mut header) = input.get(..HEADER_LEN) else {
        return Ok(None);
    };
    header.advance(1);
    let opcode = header.get_u8();
    let key_len = usize::from(header.get_u16());
    let extras_len = usize::from(header.get_u8());
    header.advance(3);
    let body_len = header.get_u32() as usize;
    let opaque = header.get_u32();
    let cas = header.get_u64();
    if body_len > bounds.bytes {
        return Err(WireError::TooLarge {
            got: body_len,
            limit: bounds.bytes,
        });
    }
    let parts = key_len + extras_len;
    if parts > body_len {
        return Err(WireError::InconsistentHeader {
            parts,
            body: body_len,
        });
    }
    if input.len() < HEADER_LEN + body_len {
        return Ok(None);
    }
    let body = input.split_to(HEADER_LEN + body_len).freeze();
    let body = body.slice(HEADER_LEN..);
    let packet = Packet {
        extras: body.slice(..extras_len),
        key: body.slice(extras_len..parts),
        value: body.slice(parts..),
        cas,
    };
    Ok(Some(Request {
        command: packet.command(opcode),
        form: Form::Binary { opcode, opaque },
    }))
}

struct Packet {
    extras: Bytes,
    key: Bytes,
    value: Bytes,
    cas: u64,
}

impl Packet {
    fn command(self, opcode: u8) -> Command {
        match opcode {
            opcode::GET | opcode::GETQ | opcode::GETK | opcode::GETKQ => Command::Get {
                keys: vec![self.key],
                with_cas: true,
            },
            opcode::SET | opcode::SETQ => self.store(Condition::Always),
            opcode::ADD | opcode::ADDQ => self.store(Condition::Absent),
            opcode::REPLACE | opcode::REPLACEQ => self.store(Condition::Present),
            opcode::DELETE | opcode::DELETEQ => Command::Delete { key: self.key },
            opcode::TOUCH => match self.expiry() {
                Some(expiry) => Command::Touch {
                    key: self.key,
                    expiry,
                },
                None => Command::Refused(Refusal::BadArguments),
            },
            opcode::GAT | opcode::GATQ => match self.expiry() {
                Some(expiry) => Command::GetAndTouch {
                    key: self.key,
                    expiry,
                },
                None => Command::Refused(Refusal::BadArguments),
            },
            opcode::NOOP => Command::Noop,
            opcode::VERSION => Command::Version,
            opcode::QUIT | opcode::QUITQ => Command::Quit,
            _ => Command::Refused(Refusal::UnknownCommand),
        }
    }

    /// Extras: flags and expiry, 4 bytes each.
    fn store(self, condition: Condition) -> Command {
        let Some((flags, expiry)) = self.extras.split_first_chunk::<4>() else {
            return Command::Refused(Refusal::BadArguments);
        };
        let Ok(expiry) = <[u8; 4]>::try_from(expiry) else {
            return Command::Refused(Refusal::BadArguments);
        };
        let condition = match (condition, self.cas) {
            (Condition::Always, 1..) => Condition::Unchanged(self.cas),
            (condition, _) => condition,
        };
        Command::Store(Store {
            condition,
            key: self.key,
            flags: u32::from_be_bytes(*flags),
            expiry: i64::from(u32::from_be_bytes(expiry)),
            value: self.value,
        })
    }

    fn expiry(&self) -> Option<i64> {
        let bytes = <[u8; 4]>::try_from(&self.extras[..]).ok()?;
        Some(i64::from(u32::from_be_bytes(bytes)))
    }
}

/// Appends an answer, unless the opcode is a quiet one and does not want it.
pub(super) fn encode(answer: &Answer, opcode: u8, opaque: u32, out: &mut BytesMut) {
    let head = Head { opcode, opaque };
    match answer {
        Answer::Values { found, .. } => match found.first() {
            Some(value) => head.value(value, out),
            None if is_quiet(opcode) => {}
            None => head.put(status::NOT_FOUND, b"Not found", out),
        },
        Answer::Stored | Answer::Touched | Answer::Deleted | Answer::Nothing => {
            if !is_quiet(opcode) {
                head.put(status::SUCCESS, b"", out);
            }
        }
        Answer::Version => head.put(status::SUCCESS, VERSION.as_bytes(), out),
        // `add` answers "exists", `replace` "not found" (memcached's choice).
        Answer::NotStored => match opcode {
            opcode::ADD | opcode::ADDQ => head.put(status::EXISTS, b"Data exists for key.", out),
            opcode::REPLACE | opcode::REPLACEQ => head.put(status::NOT_FOUND, b"Not found", out),
            _ => head.put(status::NOT_STORED, b"Not stored.", out),
        },
        Answer::Exists => head.put(status::EXISTS, b"Data exists for key.", out),
        Answer::NotFound => head.put(status::NOT_FOUND, b"Not found", out),
        Answer::Refused(Refusal::UnknownCommand) => {
            head.put(status::UNKNOWN, b"Unknown command", out);
        }
        Answer::Refused(_) => head.put(status::INVALID, b"Invalid arguments", out),
        Answer::Failed(message) => head.put(status::FAILED, message.as_bytes(), out),
    }
}

struct Head {
    opcode: u8,
    opaque: u32,
}

impl Head {
    fn put(&self, status: u16, text: &[u8], out: &mut BytesMut) {
        self.header(status, 0, 0, text.len(), 0, out);
        out.extend_from_slice(text);
    }

    /// Extras are the flags, always 0 here.
    fn value(&self, value: &Value, out: &mut BytesMut) {
        let key: &[u8] = match self.opcode {
            opcode::GETK | opcode::GETKQ => &value.key,
            _ => b"",
        };
        self.header(
            status::SUCCESS,
            4,
            key.len(),
            4 + key.len() + value.bytes.len(),
            value.cas,
            out,
        );
        out.put_u32(0);
        out.extend_from_slice(key);
        out.extend_from_slice(&value.bytes);
    }

    fn header(
        &self,
        status: u16,
        extras: u8,
        key: usize,
        body: usize,
        cas: u64,
        out: &mut BytesMut,
    ) {
        out.put_u8(RESPONSE);
        out.put_u8(self.opcode);
        // Keys arrive with 16-bit lengths; bodies are bounded far below 4 GiB.
        out.put_u16(u16::try_from(key).unwrap_or(u16::MAX));
        out.put_u8(extras);
        out.put_u8(0);
        out.put_u16(status);
        out.put_u32(u32::try_from(body).unwrap_or(u32::MAX));
        out.put_u32(self.opaque);
        out.put_u64(cas);
    }
}

fn is_quiet(opcode: u8) -> bool {
    matches!(
        opcode,
        opcode::GETQ
            | opcode::GETKQ
            | opcode::GATQ
            | opcode::SETQ
            | opcode::ADDQ
            | opcode::REPLACEQ
            | opcode::DELETEQ
            | opcode::QUITQ
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(answer: &Answer, opcode: u8) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(answer, opcode, 0x0102_0304, &mut out);
        out.to_vec()
    }

    fn found() -> Answer {
        Answer::Values {
            found: vec![Value {
                key: "key".into(),
                bytes: "v".into(),
                cas: 5,
            }],
            with_cas: true,
        }
    }

    #[test]
    fn getk_answers_with_flags_key_and_value() {
        let expected = [
            &[
                0x81, 0x0c, 0, 3, 4, 0, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5,
            ][..],
            &[0, 0, 0, 0],
            b"keyv",
        ]
        .concat();
        assert_eq!(encoded(&found(), 0x0c), expected);
    }

    #[test]
    fn quiet_opcodes_answer_only_what_is_unexpected() {
        assert!(encoded(&Answer::Stored, 0x11).is_empty());
        assert!(
            encoded(
                &Answer::Values {
                    found: vec![],
                    with_cas: true
                },
                0x0d
            )
            .is_empty()
        );
        assert_eq!(encoded(&Answer::NotStored, 0x12)[6..8], [0, 2]);
        assert!(!encoded(&found(), 0x0d).is_empty());
    }
}
