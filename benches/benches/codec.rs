//! Time of the codec's operations, with criterion's baselines:
//! `cargo bench -p benches --bench codec`. What they cost in instructions,
//! beside the peers, is `compare -- codec`.

use std::hint::black_box;

use bytes::{Buf, Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastcgi_proto::client::{BodyLen, Config, Connection};
use fastcgi_proto::{Params, ParamsIter, Role};

/// 25 params of about 40 bytes each.
fn params(content_length: usize) -> Params {
    let length = content_length.to_string();
    let names: Vec<String> = (0..24).map(|n| format!("HTTP_X_PARAM_{n:02}")).collect();
    let pairs = names
        .iter()
        .map(|name| (name.as_str(), "a value of 24 characters"))
        .chain([("CONTENT_LENGTH", length.as_str())]);
    Params::from_pairs(pairs).expect("no NUL bytes")
}

/// A whole answer: `body` bytes in records of 65528, then the end.
fn answer(body: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut left = body;
    while left > 0 {
        let len = left.min(65_528);
        let [len1, len0] = u16::try_from(len).expect("a record").to_be_bytes();
        wire.extend([1, 6, 0, 1, len1, len0, 0, 0]);
        wire.resize(wire.len() + len, b'x');
        left -= len;
    }
    wire.extend([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    wire
}

/// Sends a request and reads its answer, as a pool does over and over.
fn exchange(
    connection: &mut Connection,
    input: &mut BytesMut,
    params: &Params,
    body: &Bytes,
    answer: &[u8],
) {
    let request = connection
        .begin(Role::RESPONDER, params, BodyLen::Exact(body.len() as u64))
        .expect("an idle connection");
    connection.send(request, body.clone()).expect("as declared");
    connection.finish(request).expect("all of it");
    let mut outgoing = connection.outgoing();
    let written = black_box(outgoing.remaining());
    outgoing.advance(written);
    for piece in answer.chunks(64 * 1024) {
        input.extend_from_slice(piece);
        while let Ok(Some(event)) = connection.handle_input(input) {
            black_box(&event);
        }
    }
}

fn codec(criterion: &mut Criterion) {
    for (name, sent, received) in [
        ("exchange_100b", 0, 100),
        ("exchange_64k_up", 65_536, 100),
        ("exchange_8m_down", 0, 8 << 20),
    ] {
        let (params, body) = (params(sent), Bytes::from(vec![b'x'; sent]));
        let (answer, mut input) = (answer(received), BytesMut::with_capacity(1 << 16));
        let mut connection = Connection::new(Config::default());
        let mut group = criterion.benchmark_group("codec");
        group.throughput(Throughput::Bytes((sent + received) as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| exchange(&mut connection, &mut input, &params, &body, &answer));
        });
    }
    let params = params(0);
    criterion.bench_function("codec/params_iter", |bencher| {
        bencher.iter(|| {
            for pair in ParamsIter::new(black_box(params.as_encoded())) {
                black_box(&pair);
            }
        });
    });
}

criterion_group!(benches, codec);
criterion_main!(benches);
