//! A web server that leaves: `Responder::aborted` over real sockets.
//!
//! nginx, Apache, lighttpd, caddy, h2o and HAProxy abort by closing, and none
//! of them closes its sending side alone (`examples/tests/web_servers` has the
//! table). What the kernel tells an application then:
//!
//! | the peer | Unix socket | TCP |
//! |---|---|---|
//! | closed, all read | hang-up | FIN |
//! | closed with output unread | hang-up and an error | RST |
//! | closed its sending side | end of input alone | FIN |
#![cfg(feature = "tokio")]

mod support;

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use fastcgi_proto::driver::{
    Address, Answer, Error, ErrorKind, Handler, Input, Listener, Request, Server, Stopped, Stream,
};
use fastcgi_proto::server::Config;
use support::{ABORT, END, PARAMS, STDIN, STDOUT, begin, pairs, read_records, record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, yield_now};

const KINDS: [Kind; 2] = [Kind::Unix, Kind::Tcp];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Unix,
    Tcp,
}

/// What a handler has come to.
#[derive(Debug, PartialEq)]
enum Said {
    Begun,
    /// Its output does not fit.
    Full,
    Aborted,
    Stopped,
    Ended,
}

/// One connection that an application serves.
struct Chain {
    peer: Stream,
    said: mpsc::UnboundedReceiver<Said>,
    served: JoinHandle<Result<(), Error>>,
}

impl Chain {
    async fn next(&mut self) -> Said {
        self.said.recv().await.expect("a handler runs")
    }

    async fn send(&mut self, wire: &[u8]) {
        self.peer.write_all(wire).await.unwrap();
    }

    /// Leaves, and returns how the connection ended.
    async fn close(self) -> (mpsc::UnboundedReceiver<Said>, JoinHandle<Result<(), Error>>) {
        drop(self.peer);
        (self.said, self.served)
    }
}

type Say = mpsc::UnboundedSender<Said>;

async fn chain<H: Handler>(
    kind: Kind,
    change: impl FnOnce(&mut Config),
    handler: impl FnOnce(Say) -> H,
) -> Chain {
    let folder = peers::Peer::folder();
    let address = match kind {
        Kind::Unix => Address::Unix(folder.path().join("app.sock")),
        Kind::Tcp => "127.0.0.1:0".parse().unwrap(),
    };
    let listener = Listener::bind(&address).await.unwrap();
    let address = listener.local_address().unwrap();
    let peer = Stream::connect(&address).await.unwrap();
    let accepted = listener.accept().await.unwrap();
    let mut config = Config::default();
    change(&mut config);
    let (say, said) = mpsc::unbounded_channel();
    let server = Server::new(handler(say)).config(config);
    let served = tokio::spawn(async move { server.serve_connection(accepted).await });
    Chain { peer, said, served }
}

/// Waits for the abort and reads nothing. What is left of the request stays
/// alive: an async block takes no more than it names.
fn waits(say: Say) -> impl Handler {
    move |request: Request| {
        let say = say.clone();
        async move {
            let request = request;
            say.send(Said::Begun).unwrap();
            request.responder.aborted().await;
            say.send(Said::Aborted).unwrap();
            Answer::End(0)
        }
    }
}

/// Writes until there is no room, then waits for the abort.
fn fills(say: Say) -> impl Handler {
    move |request: Request| {
        let say = say.clone();
        async move {
            let mut request = request;
            say.send(Said::Begun).unwrap();
            let piece = Bytes::from(vec![b'x'; 64 << 10]);
            loop {
                let ready = poll_fn(|cx| Poll::Ready(request.responder.poll_ready(cx))).await;
                if ready.is_pending() {
                    break;
                }
                if request.responder.stdout(piece.clone()).await.is_err() {
                    break;
                }
                // The connection writes what it can.
                for _ in 0..8 {
                    yield_now().await;
                }
            }
            say.send(Said::Full).unwrap();
            request.responder.aborted().await;
            say.send(Said::Aborted).unwrap();
            Answer::End(0)
        }
    }
}

/// Lets all that is ready happen, also what the kernel has to tell.
async fn turns() {
    for _ in 0..1000 {
        yield_now().await;
    }
}

/// The beginning of request `id`, up to the end of `PARAMS`.
fn head(id: u16, flags: u8, len: usize) -> Vec<u8> {
    let len = len.to_string();
    let params = pairs(&[(b"CONTENT_LENGTH", len.as_bytes())]);
    let mut wire = begin(id, 1, flags);
    wire.extend(record(PARAMS, id, &params));
    wire.extend(record(PARAMS, id, b""));
    wire
}

/// A whole request with a body of `len` bytes.
fn whole(id: u16, flags: u8, len: usize) -> Vec<u8> {
    let mut wire = head(id, flags, len);
    let body = vec![b'b'; len];
    for piece in body.chunks(32 << 10) {
        wire.extend(record(STDIN, id, piece));
    }
    wire.extend(record(STDIN, id, b""));
    wire
}

/// The same for both transports and both values of `KEEP_CONN`.
async fn each(check: impl AsyncFn(Kind, u8)) {
    for kind in KINDS {
        for flags in [0, 1] {
            check(kind, flags).await;
        }
    }
}

#[tokio::test]
async fn close_after_the_whole_request_aborts_it() {
    each(async |kind, flags| {
        for len in [0, 100_000] {
            let mut chain = chain(kind, |_| (), waits).await;
            chain.send(&whole(1, flags, len)).await;
            assert_eq!(chain.next().await, Said::Begun);
            let (mut said, served) = chain.close().await;
            assert_eq!(said.recv().await, Some(Said::Aborted), "{kind:?} {flags}");
            let _ = served.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn close_inside_the_input_aborts_it() {
    each(async |kind, flags| {
        let mut chain = chain(kind, |_| (), waits).await;
        let wire = whole(1, flags, 100_000);
        chain.send(&wire[..wire.len() / 2]).await;
        assert_eq!(chain.next().await, Said::Begun);
        let (mut said, served) = chain.close().await;
        assert_eq!(said.recv().await, Some(Said::Aborted), "{kind:?} {flags}");
        let _ = served.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn close_inside_the_params_ends_the_connection_without_a_handler() {
    each(async |kind, flags| {
        let mut chain = chain(kind, |_| (), waits).await;
        chain.send(&head(1, flags, 5)[..30]).await;
        let (mut said, served) = chain.close().await;
        served.await.unwrap().unwrap();
        assert_eq!(said.recv().await, None, "{kind:?} {flags}");
    })
    .await;
}

/// The handler has not read, so the connection does not: nobody sees the end
/// of input by reading.
#[tokio::test]
async fn close_behind_unread_input_aborts_the_request() {
    each(async |kind, flags| {
        for missing in [0, 20_000] {
            let mut chain = chain(kind, |config| config.limits.unread_input = 4, waits).await;
            let wire = whole(1, flags, 50_000);
            let (first, second) = wire.split_at(500);
            chain.send(first).await;
            assert_eq!(chain.next().await, Said::Begun);
            chain.send(&second[..second.len() - missing]).await;
            let (mut said, served) = chain.close().await;
            assert_eq!(said.recv().await, Some(Said::Aborted), "{kind:?} {flags}");
            let _ = served.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn close_without_reading_the_answer_aborts_the_request() {
    each(async |kind, flags| {
        let mut chain = chain(kind, |_| (), fills).await;
        chain.send(&whole(1, flags, 10)).await;
        assert_eq!(chain.next().await, Said::Begun);
        assert_eq!(chain.next().await, Said::Full);
        let (mut said, served) = chain.close().await;
        assert_eq!(said.recv().await, Some(Said::Aborted), "{kind:?} {flags}");
        let _ = served.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn close_with_input_and_output_waiting_aborts_the_request() {
    each(async |kind, flags| {
        let mut chain = chain(kind, |config| config.limits.unread_input = 4, fills).await;
        chain.send(&whole(1, flags, 50_000)).await;
        assert_eq!(chain.next().await, Said::Begun);
        assert_eq!(chain.next().await, Said::Full);
        let (mut said, served) = chain.close().await;
        assert_eq!(said.recv().await, Some(Said::Aborted), "{kind:?} {flags}");
        let _ = served.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn close_aborts_all_requests_of_the_connection() {
    for kind in KINDS {
        let mut chain = chain(kind, |_| (), waits).await;
        // Complete, complete, in the middle of its body.
        let wire = [whole(1, 1, 0), whole(2, 1, 9), head(3, 1, 9)].concat();
        chain.send(&wire).await;
        for _ in 0..3 {
            assert_eq!(chain.next().await, Said::Begun);
        }
        let (mut said, served) = chain.close().await;
        for _ in 0..3 {
            assert_eq!(said.recv().await, Some(Said::Aborted), "{kind:?}");
        }
        let _ = served.await.unwrap();
        assert_eq!(said.recv().await, None);
    }
}

#[tokio::test]
async fn reset_aborts_the_request() {
    for unread_input in [4, 1 << 20] {
        let change = |config: &mut Config| config.limits.unread_input = unread_input;
        let mut chain = chain(Kind::Tcp, change, waits).await;
        chain.send(&whole(1, 1, 50_000)).await;
        assert_eq!(chain.next().await, Said::Begun);
        let Stream::Tcp(peer) = &chain.peer else {
            panic!()
        };
        socket2::SockRef::from(peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        let (mut said, _) = chain.close().await;
        assert_eq!(said.recv().await, Some(Said::Aborted));
    }
}

/// Answers when it is told to, unless the request was aborted.
fn answers_at(
    go: Arc<Notify>,
) -> impl FnOnce(Say) -> Box<dyn Fn(Request) -> Answering + Send + Sync> {
    move |say| {
        Box::new(move |mut request: Request| {
            let (say, go) = (say.clone(), Arc::clone(&go));
            Box::pin(async move {
                say.send(Said::Begun).unwrap();
                tokio::select! {
                    () = request.responder.aborted() => say.send(Said::Aborted).unwrap(),
                    () = go.notified() => {
                        request.responder.stdout("answer".into()).await.unwrap();
                    }
                }
                Answer::End(0)
            })
        })
    }
}

type Answering = std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

#[tokio::test]
async fn half_close_is_told_from_leaving_on_unix_sockets_and_is_leaving_over_tcp() {
    for (kind, allowed, goes_on) in [
        (Kind::Unix, false, true),
        (Kind::Unix, true, true),
        (Kind::Tcp, false, false),
        (Kind::Tcp, true, true),
    ] {
        let go = Arc::new(Notify::new());
        let change = |config: &mut Config| config.half_close = allowed;
        let mut chain = chain(kind, change, answers_at(Arc::clone(&go))).await;
        chain.send(&whole(1, 1, 5)).await;
        assert_eq!(chain.next().await, Said::Begun);
        chain.peer.shutdown().await.unwrap();
        if goes_on {
            // Time for the end of input to be seen, and to do no harm.
            turns().await;
            go.notify_one();
        } else {
            assert_eq!(chain.next().await, Said::Aborted);
        }
        let mut answer = Vec::new();
        chain.peer.read_to_end(&mut answer).await.unwrap();
        let records = read_records(&answer);
        assert_eq!(records[0].record_type, STDOUT);
        let content: &[u8] = if goes_on { b"answer" } else { b"" };
        assert_eq!(records[0].content, content, "{kind:?} {allowed}");
        // Also an aborted request is ended, if somebody still listens.
        assert_eq!(records.last().unwrap().record_type, END);
    }
}

#[tokio::test]
async fn close_after_half_closing_aborts_the_request() {
    let mut chain = chain(Kind::Unix, |_| (), waits).await;
    chain.send(&whole(1, 1, 5)).await;
    assert_eq!(chain.next().await, Said::Begun);
    chain.peer.shutdown().await.unwrap();
    turns().await;
    assert!(chain.said.try_recv().is_err());
    let (mut said, served) = chain.close().await;
    assert_eq!(said.recv().await, Some(Said::Aborted));
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn where_half_closing_is_allowed_over_tcp_writing_tells_that_the_peer_left() {
    let mut chain = chain(
        Kind::Tcp,
        |config| config.half_close = true,
        |say| {
            move |mut request: Request| {
                let say = say.clone();
                async move {
                    say.send(Said::Begun).unwrap();
                    while request.responder.stdout("x".into()).await.is_ok() {
                        yield_now().await;
                    }
                    say.send(Said::Stopped).unwrap();
                    Answer::End(0)
                }
            }
        },
    )
    .await;
    chain.send(&whole(1, 1, 5)).await;
    assert_eq!(chain.next().await, Said::Begun);
    let (mut said, served) = chain.close().await;
    assert_eq!(said.recv().await, Some(Said::Stopped));
    assert_eq!(served.await.unwrap().unwrap_err().kind(), ErrorKind::Io);
}

#[tokio::test]
async fn abort_request_is_told_and_the_connection_goes_on() {
    for kind in KINDS {
        let mut chain = chain(kind, |_| (), waits).await;
        chain.send(&whole(1, 1, 5)).await;
        assert_eq!(chain.next().await, Said::Begun);
        chain.send(&record(ABORT, 1, b"")).await;
        assert_eq!(chain.next().await, Said::Aborted);
        chain.send(&whole(1, 1, 5)).await;
        assert_eq!(chain.next().await, Said::Begun);
    }
}

/// A handler that takes no notice is not cut off: it may hold a lock or a
/// transaction. Its output is refused, and nothing turns meanwhile.
#[tokio::test]
async fn handler_that_ignores_the_abort_runs_to_its_end() {
    each(async |kind, flags| {
        for unread_input in [4, 1 << 20] {
            let go = Arc::new(Notify::new());
            let polls = Arc::new(AtomicUsize::new(0));
            let (gate, count) = (Arc::clone(&go), Arc::clone(&polls));
            let ignores = |say: Say| {
                move |request: Request| {
                    let (say, gate, count) = (say.clone(), Arc::clone(&gate), Arc::clone(&count));
                    async move {
                        let mut request = request;
                        say.send(Said::Begun).unwrap();
                        let mut wait = std::pin::pin!(gate.notified());
                        poll_fn(|cx| {
                            count.fetch_add(1, Ordering::Relaxed);
                            wait.as_mut().poll(cx)
                        })
                        .await;
                        let refused = request.responder.stdout("late".into()).await;
                        assert_eq!(refused, Err(Stopped));
                        let refused = request.responder.stderr("late".into()).await;
                        assert_eq!(refused, Err(Stopped));
                        say.send(Said::Ended).unwrap();
                        Answer::End(0)
                    }
                }
            };
            let change = |config: &mut Config| config.limits.unread_input = unread_input;
            let mut chain = chain(kind, change, ignores).await;
            chain.send(&whole(1, flags, 50_000)).await;
            assert_eq!(chain.next().await, Said::Begun);
            let (mut said, served) = chain.close().await;
            turns().await;
            let polls = polls.load(Ordering::Relaxed);
            assert!(polls < 100, "{kind:?} {flags}: woken {polls} times");
            assert!(!served.is_finished(), "{kind:?} {flags}");
            go.notify_one();
            assert_eq!(said.recv().await, Some(Said::Ended));
            let _ = served.await.unwrap();
        }
    })
    .await;
}

/// A peer that pauses inside its input, with or without room for more, costs
/// nothing.
#[tokio::test]
async fn waiting_for_the_close_does_not_turn() {
    for kind in KINDS {
        let polls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&polls);
        let counts = |say: Say| {
            move |request: Request| {
                let (say, count) = (say.clone(), Arc::clone(&count));
                async move {
                    let request = request;
                    say.send(Said::Begun).unwrap();
                    poll_fn(|cx| {
                        count.fetch_add(1, Ordering::Relaxed);
                        request.responder.poll_aborted(cx)
                    })
                    .await;
                    say.send(Said::Aborted).unwrap();
                    Answer::End(0)
                }
            }
        };
        let mut chain = chain(kind, |config| config.limits.unread_input = 4, counts).await;
        // More than is read at once.
        chain.send(&whole(1, 1, 150_000)).await;
        assert_eq!(chain.next().await, Said::Begun);
        turns().await;
        let polls = polls.load(Ordering::Relaxed);
        assert!(polls < 100, "{kind:?}: woken {polls} times");
        let (mut said, _) = chain.close().await;
        assert_eq!(said.recv().await, Some(Said::Aborted));
    }
}

/// Input that is dropped holds up nobody, and no `ABORT_REQUEST` behind it.
#[tokio::test]
async fn abort_request_behind_dropped_input_is_seen() {
    for kind in KINDS {
        let drops = |say: Say| {
            move |request: Request| {
                let say = say.clone();
                async move {
                    let Request {
                        stdin, responder, ..
                    } = request;
                    drop(stdin);
                    say.send(Said::Begun).unwrap();
                    responder.aborted().await;
                    say.send(Said::Aborted).unwrap();
                    Answer::End(0)
                }
            }
        };
        let mut chain = chain(kind, |config| config.limits.unread_input = 4, drops).await;
        chain.send(&whole(1, 1, 3 << 20)).await;
        chain.send(&record(ABORT, 1, b"")).await;
        assert_eq!(chain.next().await, Said::Begun);
        assert_eq!(chain.next().await, Said::Aborted);
    }
}

/// Waits in a task of its own, which outlives the handler.
fn waits_elsewhere(say: Say, end: fn() -> Answer) -> impl Handler {
    move |request: Request| {
        say.send(Said::Begun).unwrap();
        let say = say.clone();
        let waiting = tokio::spawn(async move {
            request.responder.aborted().await;
            say.send(Said::Aborted).unwrap();
        });
        async move {
            // The task waits when this goes on.
            yield_now().await;
            drop(waiting);
            end()
        }
    }
}

#[tokio::test]
async fn task_that_waits_is_told_when_the_request_ends() {
    let mut chain = chain(
        Kind::Unix,
        |_| (),
        |say| waits_elsewhere(say, || Answer::End(0)),
    )
    .await;
    chain.send(&whole(1, 1, 0)).await;
    assert_eq!(chain.next().await, Said::Begun);
    assert_eq!(chain.next().await, Said::Aborted);
}

#[tokio::test]
async fn task_that_waits_is_told_when_a_handler_panics() {
    let mut chain = chain(
        Kind::Unix,
        |_| (),
        |say| waits_elsewhere(say, || panic!("on purpose")),
    )
    .await;
    chain.send(&whole(1, 1, 0)).await;
    assert_eq!(chain.next().await, Said::Begun);
    assert_eq!(chain.next().await, Said::Aborted);
    assert!(chain.served.await.unwrap_err().is_panic());
}

/// A waker that holds what it wakes, as some executors make them.
struct Holder(Mutex<Option<Input>>);

impl Wake for Holder {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test]
async fn waker_that_drops_the_input_locks_nobody_out() {
    let holds = |say: Say| {
        move |mut request: Request| {
            let holder = Arc::new(Holder(Mutex::new(None)));
            let waker = Waker::from(Arc::clone(&holder));
            let polled = request.stdin.poll_next(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            *holder.0.lock().unwrap() = Some(request.stdin);
            // The connection has the last one.
            drop((holder, waker));
            say.send(Said::Begun).unwrap();
            let (say, responder) = (say.clone(), request.responder);
            async move {
                responder.aborted().await;
                say.send(Said::Aborted).unwrap();
                Answer::End(0)
            }
        }
    };
    let mut chain = chain(Kind::Unix, |_| (), holds).await;
    chain.send(&head(1, 1, 5)).await;
    assert_eq!(chain.next().await, Said::Begun);
    chain.send(&record(STDIN, 1, b"piece")).await;
    chain.send(&record(ABORT, 1, b"")).await;
    assert_eq!(chain.next().await, Said::Aborted);
}

/// Serves on a Unix socket until told to stop.
async fn serving<H: Handler>(
    server: Server<H>,
) -> (Stream, tokio::sync::oneshot::Sender<()>, JoinHandle<()>) {
    let folder = peers::Peer::folder();
    let address = Address::Unix(folder.path().join("app.sock"));
    let listener = Listener::bind(&address).await.unwrap();
    let peer = Stream::connect(&address).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(server.serve(listener, async {
        let _ = stopped.await;
    }));
    (peer, stop, serving)
}

#[tokio::test(start_paused = true)]
async fn stop_ends_although_a_handler_ignores_it() {
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let server = Server::new(move |_: Request| {
        told.notify_one();
        pending::<Answer>()
    });
    let (mut peer, stop, serving) = serving(server).await;
    peer.write_all(&whole(1, 1, 0)).await.unwrap();
    begun.notified().await;
    stop.send(()).unwrap();
    serving.await.unwrap();
    let mut answer = Vec::new();
    let _ = peer.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test(start_paused = true)]
async fn time_outs_may_be_for_ever() {
    let server = Server::new(async |mut request: Request| {
        let _ = request.responder.stdout("answer".into()).await;
        Answer::End(0)
    })
    .drain_timeout(Duration::MAX)
    .stop_timeout(Duration::MAX);
    let (mut peer, stop, serving) = serving(server).await;
    peer.write_all(&whole(1, 0, 0)).await.unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert_eq!(read_records(&answer)[0].content, b"answer");
    stop.send(()).unwrap();
    drop(peer);
    serving.await.unwrap();
}

/// The time-out is for peers that stand still, not for slow ones.
#[tokio::test(start_paused = true)]
async fn slow_peer_gets_the_whole_answer() {
    const LEN: usize = 4 << 20;
    let server = Server::new(async |mut request: Request| {
        let _ = request.responder.stdout(vec![b'x'; LEN].into()).await;
        Answer::End(0)
    })
    .drain_timeout(Duration::from_secs(10));
    let (mut peer, stop, serving) = serving(server).await;
    peer.write_all(&whole(1, 0, 0)).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = vec![0; 300 << 10];
    loop {
        tokio::time::sleep(Duration::from_secs(8)).await;
        let count = peer.read(&mut piece).await.unwrap();
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..count]);
    }
    let records = read_records(&answer);
    assert_eq!(records.last().unwrap().record_type, END);
    let output = records.iter().filter(|record| record.record_type == STDOUT);
    assert_eq!(
        output.map(|record| record.content.len()).sum::<usize>(),
        LEN
    );
    drop(peer);
    stop.send(()).unwrap();
    serving.await.unwrap();
}
