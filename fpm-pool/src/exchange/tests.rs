use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use fastcgi_proto::client::{RequestHead, RequestHeadBuilder};
use fastcgi_proto::driver::BoxError;
use fastcgi_proto::{ProtocolStatus, Role};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::{Connection, Exchange, Failure, Piece, Probed, RequestBody, probe};

const END: &[u8] = b"\x01\x03\0\x01\0\x08\0\0\0\0\0\x07\0\0\0\0";

fn pair() -> (Box<Connection>, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    (Box::new(Connection::new(here).unwrap()), there)
}

fn head(len: u64) -> RequestHead {
    let mut head = RequestHeadBuilder::new(Role::RESPONDER);
    let mut params = head.params();
    let len = len.to_string();
    params.push(b"CONTENT_LENGTH", len.as_bytes()).unwrap();
    params.finish().unwrap();
    head.build().unwrap()
}

fn begin(connection: Box<Connection>, body: RequestBody) -> Exchange {
    let head = head(body.len());
    Exchange::new(connection, &head, body).unwrap()
}

fn whole(body: &'static str) -> RequestBody {
    RequestBody::Bytes(body.into())
}

fn streamed(pieces: Vec<Result<&'static str, BoxError>>, len: u64) -> RequestBody {
    let frames = pieces
        .into_iter()
        .map(|piece| piece.map(|piece| Frame::data(Bytes::from(piece))));
    let body = StreamBody::new(futures::stream::iter(frames));
    RequestBody::stream(body.boxed_unsync(), len)
}

async fn piece(exchange: &mut Exchange) -> Result<Piece, Failure> {
    poll_fn(|cx| exchange.poll_piece(cx)).await
}

#[tokio::test]
async fn end_tells_the_status_and_gives_the_connection_back() {
    let (connection, mut there) = pair();
    let mut exchange = begin(connection, whole(""));
    assert!(!exchange.input_complete() && !exchange.answered());
    there.write_all(END).unwrap();
    let Piece::End { status, app_status } = piece(&mut exchange).await.unwrap() else {
        panic!("no end");
    };
    assert_eq!((status, app_status), (ProtocolStatus::REQUEST_COMPLETE, 7));
    assert!(exchange.input_complete() && exchange.answered());
    let kept = exchange.into_connection().unwrap();
    let mut next = begin(kept, whole(""));
    assert!(!next.answered());
    there.write_all(END).unwrap();
    piece(&mut next).await.unwrap();
    assert!(next.into_connection().is_some());
}

#[tokio::test]
async fn connection_that_is_out_of_step_is_not_kept() {
    // A record of a request that there is not, and bytes behind the end.
    let stray = [&b"\x01\x06\0\x02\0\x01\0\0x"[..], END].concat();
    let surplus = [END, b"more than padding"].concat();
    for answer in [stray, surplus] {
        let (connection, mut there) = pair();
        let mut exchange = begin(connection, whole(""));
        there.write_all(&answer).unwrap();
        piece(&mut exchange).await.unwrap();
        assert!(exchange.into_connection().is_none());
    }
}

#[tokio::test]
async fn streamed_body_that_reached_nobody_goes_to_the_next_worker_whole() {
    let (connection, there) = pair();
    drop(there);
    let body = streamed(vec![Ok("one "), Ok("two "), Ok("three")], 13);
    let mut exchange = begin(connection, body);
    let failure = piece(&mut exchange).await.unwrap_err();
    assert!(matches!(
        failure,
        Failure::Closed {
            untouched: true,
            ..
        }
    ));
    assert!(!exchange.input_complete());
    let unsent = exchange.into_unsent().unwrap();

    let (connection, mut there) = pair();
    let mut exchange = begin(connection, unsent);
    let sending = poll_fn(|cx| std::task::Poll::Ready(exchange.poll_send(cx)));
    sending.await.unwrap();
    assert!(exchange.input_complete());
    there.write_all(END).unwrap();
    piece(&mut exchange).await.unwrap();
    drop(exchange);
    let mut wire = Vec::new();
    there.read_to_end(&mut wire).unwrap();
    for part in [&b"one "[..], b"two ", b"three"] {
        assert!(wire.windows(part.len()).any(|window| window == part));
    }
}

#[tokio::test]
async fn upload_that_breaks_off_is_told_from_one_that_is_whole() {
    let (connection, _there) = pair();
    let body = streamed(vec![Ok("half"), Err("left".into())], 8);
    let mut exchange = begin(connection, body);
    let failure = piece(&mut exchange).await.unwrap_err();
    assert!(matches!(failure, Failure::Body(_)), "{failure:?}");
    assert!(!exchange.input_complete());

    for pieces in [vec![Ok("short")], vec![Ok("much too long")]] {
        let (connection, _there) = pair();
        let mut exchange = begin(connection, streamed(pieces, 8));
        let sent = poll_fn(|cx| std::task::Poll::Ready(exchange.poll_send(cx))).await;
        assert!(matches!(sent, Err(Failure::Body(_))), "{sent:?}");
        assert!(!exchange.input_complete());
    }
}

#[tokio::test]
async fn peer_that_breaks_the_protocol_is_told_from_one_that_closes() {
    for (answer, is_garbage) in [(&b"HTTP/1.1"[..], true), (&END[..10], false)] {
        let (connection, mut there) = pair();
        let mut exchange = begin(connection, whole(""));
        there.write_all(answer).unwrap();
        there.shutdown(std::net::Shutdown::Write).unwrap();
        let failure = piece(&mut exchange).await.unwrap_err();
        assert_eq!(matches!(failure, Failure::Garbage(_)), is_garbage);
        assert!(exchange.answered(), "a byte came");
        assert!(exchange.into_unsent().is_none());
    }
}

#[tokio::test]
async fn probe_tells_answers_closed_connections_and_garbage_apart() {
    let answer = b"\x01\x0a\0\0\0\x12\0\0\x0f\x01FCGI_MPXS_CONNS0";
    let (connection, mut there) = pair();
    there.write_all(answer).unwrap();
    let probed = probe(connection).await.unwrap();
    assert!(matches!(probed, Probed::Ready(_)));

    let (connection, there) = pair();
    drop(there);
    assert!(matches!(probe(connection).await.unwrap(), Probed::Closed));

    // An answer to nothing before the one to the question is garbage, too.
    for garbage in [b"HTTP/1.1".to_vec(), [END, answer].concat()] {
        let (connection, mut there) = pair();
        there.write_all(&garbage).unwrap();
        let probed = probe(connection).await.unwrap();
        assert!(matches!(probed, Probed::Garbage(_)), "{probed:?}");
    }
}

#[test]
fn connection_without_a_runtime_is_an_error_and_no_panic() {
    let (here, _there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    Connection::new(here).unwrap_err();
}

#[test]
fn connection_whose_runtime_is_gone_fails_on_another() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let gone = runtime();
    let (connection, there) = gone.block_on(async { pair() });
    let body = RequestBody::Bytes(vec![b'x'; 4 << 20].into());
    let mut exchange = begin(connection, body);
    drop(gone);
    // Larger than the socket takes: it has to wait for room as well.
    let failure = runtime().block_on(piece(&mut exchange)).unwrap_err();
    assert!(matches!(failure, Failure::Closed { .. }), "{failure:?}");
    drop(there);
}
