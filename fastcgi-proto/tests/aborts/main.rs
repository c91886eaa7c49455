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

mod chain;
mod life;
#[path = "../support/mod.rs"]
mod support;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chain::{KINDS, Kind, Said, Say, chain, fills, head, turns, waits, whole};
use fastcgi_proto::driver::{Answer, ErrorKind, Request, Stopped, Stream};
use fastcgi_proto::server::Config;
use support::{ABORT, END, STDOUT, read_records, record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::yield_now;

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
