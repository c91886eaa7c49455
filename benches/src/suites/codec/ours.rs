//! This project's operations.
//!
//! A write hands slices to the kernel: they are looked at, not copied. A read
//! brings up to 64 KiB: that copy is part of the cost, as it is part of the
//! memcpy that it is compared with.

use std::hint::black_box;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use fastcgi_proto::client::{BeginError, BodyLen, Config, Connection, Event};
use fastcgi_proto::{ParamsIter, Role};

use super::input::{self, PARAMS, READ_BYTES};

/// Begins a request with 25 params, and ends it so that the connection is
/// ready for the next: the reply of 16 bytes is part of the figure.
pub(super) fn encode_head(iterations: u32) {
    let mut connection = Connection::new(Config::default());
    let mut input = BytesMut::with_capacity(READ_BYTES);
    let end = input::end();
    for _ in 0..iterations {
        begin(&mut connection, black_box(&PARAMS), BodyLen::Empty);
        black_box(write(&mut connection));
        read(&mut connection, &mut input, &end);
    }
}

/// The same with a body of 64 KiB, by reference.
pub(super) fn encode_64k(iterations: u32) {
    let mut connection = Connection::new(Config::default());
    let mut input = BytesMut::with_capacity(READ_BYTES);
    let (end, params) = (input::end(), input::params_for_64k());
    let body = Bytes::from(vec![b'x'; 65_536]);
    for _ in 0..iterations {
        let request = begin(&mut connection, black_box(&params), BodyLen::Exact(65_536));
        let sent = connection.send(request, body.clone());
        let finished = connection.finish(request);
        assert!(sent.is_ok() && finished.is_ok());
        black_box(write(&mut connection));
        read(&mut connection, &mut input, &end);
    }
}

/// Writes that a request with 25 params takes.
pub(super) fn writes_of_a_head() -> u32 {
    let mut connection = Connection::new(Config::default());
    begin(&mut connection, &PARAMS, BodyLen::Empty);
    write(&mut connection)
}

/// Decodes an answer of 8 MiB.
pub(super) fn decode_8m(iterations: u32) {
    decode(iterations, &input::answer_8m());
}

/// Decodes an answer of 8 MiB in records of 8184 bytes.
pub(super) fn decode_8m_small(iterations: u32) {
    decode(iterations, &input::answer_8m_small());
}

/// Decodes an answer of 100 bytes; beginning the request, without params, is
/// part of the figure.
pub(super) fn decode_100b(iterations: u32) {
    decode(iterations, &input::answer_100b());
}

fn decode(iterations: u32, answer: &[u8]) {
    let mut connection = Connection::new(Config::default());
    let mut input = BytesMut::with_capacity(READ_BYTES);
    for _ in 0..iterations {
        begin(&mut connection, &[], BodyLen::Empty);
        write(&mut connection);
        read(&mut connection, &mut input, black_box(answer));
    }
}

/// Copies as many bytes as [`decode_8m`] reads, in reads of the same size.
pub(super) fn memcpy_8m(iterations: u32) {
    let answer = input::answer_8m();
    let mut buffer = vec![0; READ_BYTES];
    for _ in 0..iterations {
        for piece in black_box(&answer).chunks(READ_BYTES) {
            buffer[..piece.len()].copy_from_slice(piece);
            black_box(&mut buffer);
        }
    }
}

/// Walks 25 params.
pub(super) fn params_iter(iterations: u32) {
    let content = input::encoded_params();
    for _ in 0..iterations {
        for pair in ParamsIter::new(black_box(&content)) {
            black_box(pair.ok());
        }
    }
}

fn begin(
    connection: &mut Connection,
    params: &[(&str, &str)],
    body: BodyLen,
) -> fastcgi_proto::RequestId {
    let begun = connection.begin_with::<BeginError>(Role::RESPONDER, body, |encoder| {
        for (name, value) in params {
            encoder.push(name.as_bytes(), value.as_bytes())?;
        }
        Ok(())
    });
    match begun {
        Ok(request) => request,
        Err(error) => panic!("a request that cannot be begun: {error}"),
    }
}

/// Writes all of the output, vectored, and counts the writes.
fn write(connection: &mut Connection) -> u32 {
    let mut writes = 0;
    while connection.wants_write() {
        let mut outgoing = connection.outgoing();
        let mut slices = [IoSlice::new(&[]); 16];
        let count = outgoing.chunks_vectored(&mut slices);
        let len = black_box(&slices[..count])
            .iter()
            .map(|slice| slice.len())
            .sum();
        outgoing.advance(len);
        writes += 1;
    }
    writes
}

/// Reads `answer` in pieces and drops what it says.
fn read(connection: &mut Connection, input: &mut BytesMut, answer: &[u8]) {
    let mut ended = false;
    for piece in answer.chunks(READ_BYTES) {
        input.reserve(piece.len());
        input.extend_from_slice(piece);
        while let Ok(Some(event)) = connection.handle_input(input) {
            ended = matches!(black_box(&event), Event::End { .. });
        }
    }
    assert!(ended, "the answer has an end");
}
