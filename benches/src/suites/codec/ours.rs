//! This project's operations.
//!
//! A write hands slices to the kernel: they are looked at, not copied. A read
//! brings up to 128 KiB, as in the drivers: that copy is part of the cost, as it is part of the
//! memcpy that it is compared with.

use std::hint::black_box;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use fastcgi_proto::client::{BeginError, BodyLen, Config, Connection, Reuse};
use fastcgi_proto::{ParamsIter, Role};

use super::input::{self, PARAMS, READ_BYTES};

/// Connections, prepared before anything is counted: as many as there are
/// iterations at most, so that preparing them costs every run the same. Each
/// has served a request and is idle.
fn idle_connections() -> Vec<Connection> {
    (0..super::cases::MOST_ITERATIONS)
        .map(|_| {
            let mut connection = Connection::new(Config::default());
            let params = input::params_for_64k();
            let request = begin(&mut connection, &params, BodyLen::Exact(65_536));
            send_64k(&mut connection, request, Bytes::from(vec![b'x'; 65_536]));
            write(&mut connection);
            let mut buffer = BytesMut::new();
            read(&mut connection, &mut buffer, &input::end());
            connection
        })
        .collect()
}

/// Begins a request with 25 params and writes it.
pub(super) fn encode_head(iterations: u32) {
    for connection in take(&mut idle_connections(), iterations) {
        begin(connection, black_box(&PARAMS), BodyLen::Empty);
        black_box(write(connection));
    }
}

/// The same with a body of 64 KiB, by reference.
pub(super) fn encode_64k(iterations: u32) {
    let params = input::params_for_64k();
    let body = Bytes::from(vec![b'x'; 65_536]);
    // Shared from here on, as a body that came from a connection is.
    let body = black_box(body.clone());
    for connection in take(&mut idle_connections(), iterations) {
        let request = begin(connection, black_box(&params), BodyLen::Exact(65_536));
        send_64k(connection, request, body.clone());
        black_box(write(connection));
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

/// Decodes an answer of 100 bytes.
pub(super) fn decode_100b(iterations: u32) {
    decode(iterations, &input::answer_100b());
}

fn decode(iterations: u32, answer: &[u8]) {
    let mut connections = idle_connections();
    for connection in &mut connections {
        begin(connection, &PARAMS, BodyLen::Empty);
        write(connection);
    }
    let mut input = BytesMut::with_capacity(READ_BYTES);
    for connection in take(&mut connections, iterations) {
        read(connection, &mut input, black_box(answer));
    }
}

fn take(connections: &mut [Connection], count: u32) -> impl Iterator<Item = &mut Connection> {
    (0..count)
        .zip(connections)
        .map(|(_, connection)| connection)
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
        for (name, value) in ParamsIter::new(black_box(&content)).map_while(Result::ok) {
            black_box(name);
            black_box(value);
        }
    }
}

fn send_64k(connection: &mut Connection, request: fastcgi_proto::RequestId, body: Bytes) {
    let sent = connection.send(request, body);
    let finished = connection.finish(request);
    assert!(sent.is_ok() && finished.is_ok());
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
        let mut slices = [IoSlice::new(&[]); 8];
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
    for piece in answer.chunks(READ_BYTES) {
        input.extend_from_slice(piece);
        while let Ok(Some(event)) = connection.handle_input(input) {
            black_box(&event);
        }
    }
    assert_eq!(connection.reuse(), Reuse::Ready, "the answer has an end");
}
