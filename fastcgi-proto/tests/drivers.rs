//! Both drivers, against each other and against peers that misbehave.
#![cfg(feature = "tokio")]

mod support;

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use fastcgi_proto::client::{BodyLen, CloseReason, Config, Event, RetryClass, Reuse};
use fastcgi_proto::driver::{
    Address, Answer, Body, BoxError, ClientConnection, ErrorKind, Full, Handler, Listener,
    ReaderBody, Request, Server, Stream,
};
use fastcgi_proto::server::LengthCheck;
use fastcgi_proto::{Params, ProtocolStatus, Role};
use support::{STDOUT, end, record};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::UnixStream;
use tokio::sync::Notify;

/// An application on a private socket, gone with its folder.
struct App {
    address: Address,
    _folder: tempfile::TempDir,
}

async fn app(handler: impl Handler) -> App {
    app_with(Server::new(handler)).await
}

async fn app_with<H: Handler>(server: Server<H>) -> App {
    let folder = peers::Peer::folder();
    let address = Address::Unix(folder.path().join("app.sock"));
    let listener = Listener::bind(&address).await.unwrap();
    tokio::spawn(server.serve(listener, pending()));
    App {
        address,
        _folder: folder,
    }
}

async fn connect(app: &App) -> ClientConnection {
    let stream = Stream::connect(&app.address).await.unwrap();
    ClientConnection::new(stream, Config::default())
}

fn length(len: u64) -> Params {
    Params::from_pairs([("CONTENT_LENGTH", len.to_string())]).unwrap()
}

/// The whole output of an exchange that succeeds.
async fn output<B: Body + Unpin>(connection: &mut ClientConnection, len: u64, body: B) -> Vec<u8> {
    let exact = if len == 0 {
        BodyLen::Empty
    } else {
        BodyLen::Exact(len)
    };
    let mut exchange = connection
        .exchange(Role::RESPONDER, &length(len), exact, body)
        .unwrap();
    let mut output = Vec::new();
    while let Some(event) = exchange.next().await.unwrap() {
        if let Event::Stdout { content, .. } = event {
            output.extend_from_slice(&content);
        }
    }
    output
}

/// Sends its input back.
async fn echo(mut request: Request) -> Answer {
    while let Ok(Some(content)) = request.stdin.next().await {
        if request.responder.stdout(content).await.is_err() {
            return Answer::End(1);
        }
    }
    Answer::End(0)
}

#[tokio::test]
async fn large_bodies_go_both_ways_at_once_on_a_kept_connection() {
    let app = app(echo).await;
    let mut connection = connect(&app).await;
    let body: Vec<u8> = (0..8u32 << 20).map(|n| n.to_be_bytes()[2]).collect();
    for _ in 0..3 {
        let len = body.len() as u64;
        let echoed = output(&mut connection, len, ReaderBody::new(&body[..])).await;
        assert!(echoed == body, "the body came back changed");
        assert_eq!(connection.reuse(), Reuse::Ready);
    }
}

#[tokio::test]
async fn application_that_answers_before_it_reads_does_not_block() {
    let app = app(async |mut request: Request| {
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        for _ in 0..8 {
            request.responder.stdout(piece.clone()).await.unwrap();
        }
        let mut len = 0;
        while let Ok(Some(content)) = request.stdin.next().await {
            len += content.len();
        }
        assert_eq!(request.stdin.check(), Some(LengthCheck::Exact));
        let len = Bytes::from(len.to_string());
        request.responder.stdout(len).await.unwrap();
        Answer::End(0)
    })
    .await;
    let mut connection = connect(&app).await;
    let body = Full::new(vec![b'y'; 8 << 20]);
    let answer = output(&mut connection, 8 << 20, body).await;
    assert_eq!(answer.len(), (8 << 20) + 7);
    assert!(answer.ends_with(b"x8388608"));
}

#[tokio::test]
async fn early_end_stops_the_body_and_forbids_reuse() {
    let app = app(async |_: Request| Answer::End(3)).await;
    let mut connection = connect(&app).await;
    let body = Full::new(vec![b'y'; 64 << 20]);
    let mut exchange = connection
        .exchange(
            Role::RESPONDER,
            &length(64 << 20),
            BodyLen::Exact(64 << 20),
            body,
        )
        .unwrap();
    let mut status = None;
    while let Some(event) = exchange.next().await.unwrap() {
        if let Event::End { app_status, .. } = event {
            status = Some(app_status);
        }
    }
    drop(exchange);
    assert_eq!(status, Some(3));
    assert_eq!(
        connection.reuse(),
        Reuse::Close(CloseReason::InputIncomplete)
    );
}

#[tokio::test]
async fn slow_handler_bounds_what_is_read() {
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let app = app(move |mut request: Request| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            let mut len = 0;
            while let Ok(Some(content)) = request.stdin.next().await {
                len += content.len();
            }
            let len = Bytes::from(len.to_string());
            request.responder.stdout(len).await.unwrap();
            Answer::End(0)
        }
    })
    .await;

    /// Counts what is taken of it.
    struct Counted(Full, u64);
    impl Body for Counted {
        fn poll_content(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Bytes, BoxError>>> {
            let piece = self.0.len().min(64 << 10);
            if piece == 0 {
                return Poll::Ready(None);
            }
            self.1 += piece as u64;
            let Poll::Ready(Some(Ok(mut all))) = Pin::new(&mut self.0).poll_content(cx) else {
                return Poll::Ready(None);
            };
            let now = all.split_to(piece);
            self.0 = Full::new(all);
            Poll::Ready(Some(Ok(now)))
        }
    }

    let mut connection = connect(&app).await;
    let len = 16 << 20_u64;
    let mut body = Counted(Full::new(vec![0; 16 << 20]), 0);
    let request = connection
        .begin(Role::RESPONDER, &length(len), BodyLen::Exact(len))
        .unwrap();
    // Until the socket takes no more: then nothing changes by itself.
    let mut before = u64::MAX;
    while before != body.1 {
        before = body.1;
        let turn =
            std::future::poll_fn(|cx| connection.poll_event(cx, request, Pin::new(&mut body)));
        tokio::time::timeout(Duration::from_millis(200), turn)
            .await
            .unwrap_err();
    }
    assert!(body.1 < 4 << 20, "{} bytes taken from the body", body.1);
    go.notify_one();
    let mut answer = Vec::new();
    loop {
        let event =
            std::future::poll_fn(|cx| connection.poll_event(cx, request, Pin::new(&mut body)));
        match event.await.unwrap() {
            Event::Stdout { content, .. } => answer.extend_from_slice(&content),
            Event::End { .. } => break,
            _ => {}
        }
    }
    assert_eq!(answer, len.to_string().into_bytes());
}

#[tokio::test]
async fn dropped_exchange_tells_the_handler() {
    let aborted = Arc::new(Notify::new());
    let told = Arc::clone(&aborted);
    let app = app(move |request: Request| {
        let told = Arc::clone(&told);
        async move {
            request.responder.aborted().await;
            told.notify_one();
            Answer::End(0)
        }
    })
    .await;
    let mut connection = connect(&app).await;
    let mut exchange = connection
        .exchange(Role::RESPONDER, &length(5), BodyLen::Exact(5), Never)
        .unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(50), exchange.next());
    waiting.await.unwrap_err();
    drop(exchange);
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::Aborted));
    drop(connection);
    aborted.notified().await;
}

/// A body that never comes.
struct Never;

impl Body for Never {
    fn poll_content(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        Poll::Pending
    }
}

/// A body that fails after a piece.
struct Failing(bool);

impl Body for Failing {
    fn poll_content(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        Poll::Ready(Some(if std::mem::replace(&mut self.0, true) {
            Err("client went away".into())
        } else {
            Ok(Bytes::from_static(b"part"))
        }))
    }
}

#[tokio::test]
async fn body_that_fails_or_has_another_length_is_never_ended_as_if_complete() {
    let app = app(echo).await;
    let kind = async |len: u64, body: Pin<Box<dyn Body>>| {
        let mut connection = connect(&app).await;
        let mut exchange = connection
            .exchange(Role::RESPONDER, &length(len), BodyLen::Exact(len), body)
            .unwrap();
        loop {
            match exchange.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended well"),
                Err(error) => break error.kind(),
            }
        }
    };
    assert_eq!(kind(10, Box::pin(Failing(false))).await, ErrorKind::Body);
    assert_eq!(
        kind(10, Box::pin(Full::new("short"))).await,
        ErrorKind::BodyLength
    );
    assert_eq!(
        kind(3, Box::pin(Full::new("too long"))).await,
        ErrorKind::BodyLength
    );
}

/// A client whose peer says `answer` and closes.
async fn against(answer: &[u8]) -> ErrorKind {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let mut connection = ClientConnection::<DuplexStream>::new(near, Config::default());
    far.write_all(answer).await.unwrap();
    far.shutdown().await.unwrap();
    let mut exchange = connection
        .exchange(Role::RESPONDER, &Params::default(), BodyLen::Empty, ())
        .unwrap();
    loop {
        match exchange.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended well"),
            Err(error) => return error.kind(),
        }
    }
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart() {
    let half = record(STDOUT, 1, b"half of it");
    assert_eq!(against(&half).await, ErrorKind::Closed);
    assert_eq!(against(&half[..12]).await, ErrorKind::Closed);
    assert_eq!(against(b"").await, ErrorKind::Closed);
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    assert_eq!(against(http).await, ErrorKind::Protocol);
    assert_eq!(against(&record(3, 1, b"short")).await, ErrorKind::Protocol);
}

#[tokio::test]
async fn answer_written_before_the_peer_closed_is_read_although_writing_fails() {
    let (near, far) = UnixStream::pair().unwrap();
    let mut connection = ClientConnection::new(Stream::from(near), Config::default());
    let answering = tokio::spawn(async move {
        let mut far = far;
        let mut some = [0; 4096];
        far.read_exact(&mut some).await.unwrap();
        let answer = [record(STDOUT, 1, b"413"), end(1, 0, 0)].concat();
        far.write_all(&answer).await.unwrap();
        // It closes with input unread.
    });
    let body = Full::new(vec![0; 8 << 20]);
    let mut exchange = connection
        .exchange(
            Role::RESPONDER,
            &length(8 << 20),
            BodyLen::Exact(8 << 20),
            body,
        )
        .unwrap();
    let mut events = Vec::new();
    loop {
        match exchange.next().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => break,
            // The reset may overtake the answer; then it is an error.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Io);
                assert_ne!(exchange.retry_class(), RetryClass::NotSent);
                return;
            }
        }
    }
    assert!(matches!(events.last(), Some(Event::End { .. })));
    answering.await.unwrap();
}

#[tokio::test]
async fn without_keep_conn_the_server_closes_and_the_whole_answer_arrives() {
    let app = app(async |mut request: Request| {
        request
            .responder
            .stdout(vec![b'a'; 300_000].into())
            .await
            .unwrap();
        request.responder.stderr("done".into()).await.unwrap();
        Answer::End(0)
    })
    .await;
    let Address::Unix(path) = &app.address else {
        panic!()
    };
    let mut raw = UnixStream::connect(path).await.unwrap();
    let wire = [
        support::begin(1, 1, 0),
        record(support::PARAMS, 1, b""),
        // A body that the handler never reads.
        record(support::STDIN, 1, &[b'b'; 60_000]),
        record(support::STDIN, 1, b""),
    ]
    .concat();
    raw.write_all(&wire).await.unwrap();
    let mut answer = Vec::new();
    raw.read_to_end(&mut answer).await.unwrap();
    let records = support::read_records(&answer);
    let out: usize = records
        .iter()
        .filter(|record| record.record_type == STDOUT)
        .map(|record| record.content.len())
        .sum();
    assert_eq!(out, 300_000);
    assert_eq!(
        records.last().map(|record| record.record_type),
        Some(support::END)
    );
}

#[tokio::test]
async fn half_closed_peer_still_gets_its_answer() {
    let app = app(echo).await;
    let Address::Unix(path) = &app.address else {
        panic!()
    };
    let mut raw = UnixStream::connect(path).await.unwrap();
    let wire = [
        support::begin(1, 1, 1),
        record(support::PARAMS, 1, b""),
        record(support::STDIN, 1, b"hello"),
        record(support::STDIN, 1, b""),
    ]
    .concat();
    raw.write_all(&wire).await.unwrap();
    raw.shutdown().await.unwrap();
    let mut answer = Vec::new();
    raw.read_to_end(&mut answer).await.unwrap();
    assert_eq!(support::read_records(&answer)[0].content, b"hello");
}

#[tokio::test]
async fn refusal_reaches_the_web_server() {
    let app = app(async |_: Request| Answer::Reject(ProtocolStatus::OVERLOADED)).await;
    let mut connection = connect(&app).await;
    let mut exchange = connection
        .exchange(Role::RESPONDER, &Params::default(), BodyLen::Empty, ())
        .unwrap();
    let event = exchange.next().await.unwrap();
    assert!(matches!(
        event,
        Some(Event::End {
            protocol_status: ProtocolStatus::OVERLOADED,
            ..
        })
    ));
}

#[tokio::test]
async fn server_over_tcp_answers_values_and_requests() {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let address = listener.local_address().unwrap();
    tokio::spawn(Server::new(echo).serve(listener, pending()));
    let stream = Stream::connect(&address).await.unwrap();
    let mut connection = ClientConnection::new(stream, Config::default());
    let values = connection
        .query_values(fastcgi_proto::ValueNames::ALL)
        .await
        .unwrap();
    assert_eq!(values.mpxs_conns, Some(true));
    assert_eq!(output(&mut connection, 4, Full::new("ping")).await, b"ping");
}

#[tokio::test]
async fn stop_lets_active_requests_end_and_closes_idle_connections() {
    let (go, started) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (gate, begun) = (Arc::clone(&go), Arc::clone(&started));
    let server = Server::new(move |mut request: Request| {
        let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
        async move {
            begun.notify_one();
            gate.notified().await;
            request.responder.stdout("late".into()).await.unwrap();
            Answer::End(0)
        }
    });
    let folder = peers::Peer::folder();
    let address = Address::Unix(folder.path().join("app.sock"));
    let listener = Listener::bind(&address).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(listener, async {
        let _ = stopped.await;
    }));
    let _idle = Stream::connect(&address).await.unwrap();
    let stream = Stream::connect(&address).await.unwrap();
    let mut connection = ClientConnection::new(stream, Config::default());
    let asking = tokio::spawn(async move { output(&mut connection, 0, ()).await });
    started.notified().await;
    stop.send(()).unwrap();
    go.notify_one();
    assert_eq!(asking.await.unwrap(), b"late");
    serving.await.unwrap();
}

#[tokio::test]
async fn idle_connection_notices_that_the_peer_left() {
    let (near, far) = UnixStream::pair().unwrap();
    let mut connection = ClientConnection::new(Stream::from(near), Config::default());
    let closed = std::future::poll_fn(|cx| Poll::Ready(connection.poll_closed(cx)));
    assert!(closed.await.is_pending());
    drop(far);
    std::future::poll_fn(|cx| connection.poll_closed(cx)).await;
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::PeerClosed));
}

#[tokio::test]
async fn body_is_sent_while_nothing_is_read() {
    const LEN: u64 = 2 << 20;
    let app = app(async |mut request: Request| {
        let hello = Bytes::from_static(b"\r\nhello");
        if request.responder.stdout(hello).await.is_err() {
            return Answer::End(1);
        }
        let mut len = 0_u64;
        while let Ok(Some(content)) = request.stdin.next().await {
            len += content.len() as u64;
        }
        Answer::End(u32::try_from(len).unwrap())
    })
    .await;
    let mut connection = connect(&app).await;
    let body = ReaderBody::new(tokio::io::repeat(7).take(LEN));
    let mut exchange = connection
        .exchange(Role::RESPONDER, &length(LEN), BodyLen::Exact(LEN), body)
        .unwrap();
    assert!(!exchange.is_input_complete());
    exchange.send().await.unwrap();
    assert!(exchange.is_input_complete());
    exchange.send().await.unwrap();
    let mut status = None;
    while let Some(event) = exchange.next().await.unwrap() {
        if let Event::End { app_status, .. } = event {
            status = Some(app_status);
        }
    }
    assert_eq!(status.map(u64::from), Some(LEN));
    drop(exchange);
    assert_eq!(connection.reuse(), Reuse::Ready);
    assert!(connection.received() > 0);
    connection.shrink();
}

#[tokio::test]
async fn body_that_fails_while_nothing_is_read_ends_the_exchange() {
    let (near, _far) = tokio::io::duplex(1 << 16);
    let mut connection = ClientConnection::<DuplexStream>::new(near, Config::default());
    let body = Full::new("short");
    let mut exchange = connection
        .exchange(Role::RESPONDER, &length(9), BodyLen::Exact(9), body)
        .unwrap();
    let error = exchange.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodyLength);
    assert!(error.into_source().is_some());
    assert!(exchange.next().await.unwrap().is_none());
}
