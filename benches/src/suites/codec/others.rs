//! The peers' operations, on the same inputs.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use cegla_fcgi::protocol::codec::{Decoder, Encoder};
use cegla_fcgi::protocol::name_value_pair::NameValuePair;
use cegla_fcgi::protocol::record::Record;
use fastcgi_client::io::{AsyncRead, AsyncWrite, Cursor, empty};
use fastcgi_client::{Client, Params, Request};
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::input::{self, PARAMS, READ_BYTES};

/// A connection in memory: takes everything, answers the same each time.
struct Memory<'a> {
    answer: &'a [u8],
    at: usize,
}

impl AsyncRead for Memory<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let rest = &self.answer[self.at..];
        let len = rest.len().min(buffer.len()).min(READ_BYTES);
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Memory<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(black_box(buffer).len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls until it is ready: nothing here ever waits.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

/// A whole exchange with the shortest reply: the crate offers no less.
pub(super) fn client_encode_head(iterations: u32) {
    client(iterations, &PARAMS, &[], &input::end());
}

pub(super) fn client_encode_64k(iterations: u32) {
    client(
        iterations,
        &input::params_for_64k(),
        &[b'x'; 65_536],
        &input::end(),
    );
}

/// A whole exchange with a request without params.
pub(super) fn client_decode_8m(iterations: u32) {
    client(iterations, &[], &[], &input::answer_8m());
}

pub(super) fn client_decode_100b(iterations: u32) {
    client(iterations, &[], &[], &input::answer_100b());
}

fn client(iterations: u32, pairs: &[(&str, &str)], body: &[u8], answer: &[u8]) {
    for _ in 0..iterations {
        let mut params = Params::default();
        for (name, value) in black_box(pairs) {
            params.insert((*name).into(), (*value).into());
        }
        let mut client = Client::new_keep_alive(Memory { answer, at: 0 });
        let response = if body.is_empty() {
            block_on(client.execute(Request::new(params, empty())))
        } else {
            block_on(client.execute(Request::new(params, Cursor::new(body))))
        };
        assert!(black_box(response).is_ok());
    }
}

pub(super) fn cegla_encode_head(iterations: u32) {
    cegla_encode(iterations, &PARAMS, &[]);
}

pub(super) fn cegla_encode_64k(iterations: u32) {
    cegla_encode(iterations, &input::params_for_64k(), &[b'x'; 65_536]);
}

fn cegla_encode(iterations: u32, pairs: &[(&str, &str)], body: &[u8]) {
    let mut out = BytesMut::with_capacity(4 * READ_BYTES);
    for _ in 0..iterations {
        out.clear();
        let mut content = Vec::new();
        for (name, value) in black_box(pairs) {
            let pair = NameValuePair::from_slices(name.as_bytes(), value.as_bytes());
            content.extend(pair.encode());
        }
        let mut records = vec![
            Record::new(1, 1, vec![0, 1, 1, 0, 0, 0, 0, 0]),
            Record::new(4, 1, content),
            Record::new(4, 1, Vec::new()),
        ];
        for piece in body.chunks(65_528) {
            records.push(Record::new(5, 1, piece.to_vec()));
        }
        records.push(Record::new(5, 1, Vec::new()));
        for record in records {
            assert!(Encoder.encode(record, &mut out).is_ok());
        }
        black_box(&out);
    }
}

pub(super) fn cegla_decode_8m(iterations: u32) {
    cegla_decode(iterations, &input::answer_8m());
}

pub(super) fn cegla_decode_100b(iterations: u32) {
    cegla_decode(iterations, &input::answer_100b());
}

fn cegla_decode(iterations: u32, answer: &[u8]) {
    let mut buffer = BytesMut::with_capacity(2 * READ_BYTES);
    let mut decoder = Decoder::default();
    for _ in 0..iterations {
        for piece in black_box(answer).chunks(READ_BYTES) {
            buffer.reserve(piece.len());
            buffer.extend_from_slice(piece);
            while let Ok(Some(record)) = decoder.decode(&mut buffer) {
                black_box(&record);
            }
        }
    }
}

pub(super) fn cegla_params(iterations: u32) {
    let content = input::encoded_params();
    for _ in 0..iterations {
        let mut rest = black_box(&content[..]);
        while let Ok(Some(pair)) = NameValuePair::decode(&mut rest) {
            black_box(&pair);
        }
    }
}

/// Receiving a request is the only way to its params.
pub(super) fn tokio_fastcgi_params(iterations: u32) {
    let wire = [
        input::record(1, &[0, 1, 1, 0, 0, 0, 0, 0]),
        input::record(4, &input::encoded_params()),
        input::record(4, &[]),
        input::record(5, &[]),
    ]
    .concat();
    for _ in 0..iterations {
        let mut requests =
            tokio_fastcgi::Requests::new(black_box(&wire[..]), tokio::io::sink(), 1, 1);
        let request = block_on(requests.next());
        assert!(matches!(black_box(request), Ok(Some(_))));
    }
}
