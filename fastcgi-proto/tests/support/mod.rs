//! Records as bytes, written without the crate under test.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use std::vec::Vec;

use bytes::{Buf, BytesMut};
use fastcgi_proto::client::{Connection, Event};

pub const BEGIN: u8 = 1;
pub const ABORT: u8 = 2;
pub const END: u8 = 3;
pub const PARAMS: u8 = 4;
pub const STDIN: u8 = 5;
pub const STDOUT: u8 = 6;
pub const STDERR: u8 = 7;
pub const DATA: u8 = 8;
pub const GET_VALUES: u8 = 9;
pub const GET_VALUES_RESULT: u8 = 10;
pub const UNKNOWN_TYPE: u8 = 11;

/// A record without padding.
pub fn record(record_type: u8, id: u16, content: &[u8]) -> Vec<u8> {
    padded(record_type, id, content, 0)
}

/// A record with `padding` bytes of 0xaa behind its content.
pub fn padded(record_type: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let len = u16::try_from(content.len()).expect("a record's content");
    let mut out = vec![1, record_type];
    out.extend(id.to_be_bytes());
    out.extend(len.to_be_bytes());
    out.extend([padding, 0]);
    out.extend(content);
    out.extend(vec![0xaa; usize::from(padding)]);
    out
}

/// `END_REQUEST` with both statuses.
pub fn end(id: u16, app_status: u32, protocol_status: u8) -> Vec<u8> {
    let mut content = app_status.to_be_bytes().to_vec();
    content.extend([protocol_status, 0, 0, 0]);
    record(END, id, &content)
}

/// `BEGIN_REQUEST` with role and flags.
pub fn begin(id: u16, role: u16, flags: u8) -> Vec<u8> {
    let [role1, role0] = role.to_be_bytes();
    record(BEGIN, id, &[role1, role0, flags, 0, 0, 0, 0, 0])
}

/// Pairs as the content of `PARAMS`, straight from the specification.
pub fn pairs(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        for part in [name, value] {
            if part.len() < 128 {
                out.push(u8::try_from(part.len()).expect("below 128"));
            } else {
                let len = u32::try_from(part.len()).expect("a length") | 1 << 31;
                out.extend(len.to_be_bytes());
            }
        }
        out.extend(*name);
        out.extend(*value);
    }
    out
}

/// A record as a naive reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub record_type: u8,
    pub id: u16,
    pub content: Vec<u8>,
    pub padding: u8,
}

/// Takes whole records apart; panics on anything else.
#[track_caller]
pub fn read_records(mut wire: &[u8]) -> Vec<Seen> {
    let mut records = Vec::new();
    while !wire.is_empty() {
        assert_eq!(wire[0], 1, "version");
        let len = usize::from(u16::from_be_bytes([wire[4], wire[5]]));
        let padding = wire[6];
        records.push(Seen {
            record_type: wire[1],
            id: u16::from_be_bytes([wire[2], wire[3]]),
            content: wire[8..8 + len].to_vec(),
            padding,
        });
        wire = &wire[8 + len + usize::from(padding)..];
    }
    records
}

/// Everything that `buf` holds, taken in chunks.
pub fn drain(mut buf: impl Buf) -> Vec<u8> {
    let mut out = Vec::new();
    while buf.has_remaining() {
        let chunk = buf.chunk();
        let len = chunk.len();
        out.extend_from_slice(chunk);
        buf.advance(len);
    }
    out
}

/// All events of `wire`.
#[track_caller]
pub fn events(connection: &mut Connection, wire: &[u8]) -> Vec<Event> {
    let mut input = BytesMut::from(wire);
    let mut events = Vec::new();
    while let Some(event) = connection.handle_input(&mut input).expect("valid input") {
        events.push(event);
    }
    assert!(input.is_empty(), "all input is used");
    events
}
