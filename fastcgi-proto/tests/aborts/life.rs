//! What outlives a request, and what must not: tasks, stops and slow peers.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use fastcgi_proto::driver::{Address, Answer, Handler, Input, Listener, Request, Server, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};

use crate::chain::{Kind, Said, Say, chain, head, whole};
use crate::support::{ABORT, END, STDIN, STDOUT, read_records, record};

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
