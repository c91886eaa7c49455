//! One connection between a web server that the test plays and an application.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use fastcgi_proto::driver::{Address, Answer, Error, Handler, Listener, Request, Server, Stream};
use fastcgi_proto::server::Config;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, yield_now};

use crate::support::{PARAMS, STDIN, begin, pairs, record};

pub(crate) const KINDS: [Kind; 2] = [Kind::Unix, Kind::Tcp];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Unix,
    Tcp,
}

/// What a handler has come to.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Begun,
    /// Its output does not fit.
    Full,
    Aborted,
    Stopped,
    Ended,
}

/// One connection that an application serves.
pub(crate) struct Chain {
    pub(crate) peer: Stream,
    pub(crate) said: mpsc::UnboundedReceiver<Said>,
    pub(crate) served: JoinHandle<Result<(), Error>>,
}

impl Chain {
    pub(crate) async fn next(&mut self) -> Said {
        self.said.recv().await.expect("a handler runs")
    }

    pub(crate) async fn send(&mut self, wire: &[u8]) {
        self.peer.write_all(wire).await.unwrap();
    }

    /// Leaves, and returns how the connection ended.
    pub(crate) async fn close(
        self,
    ) -> (mpsc::UnboundedReceiver<Said>, JoinHandle<Result<(), Error>>) {
        drop(self.peer);
        (self.said, self.served)
    }
}

pub(crate) type Say = mpsc::UnboundedSender<Said>;

pub(crate) async fn chain<H: Handler>(
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
pub(crate) fn waits(say: Say) -> impl Handler {
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
pub(crate) fn fills(say: Say) -> impl Handler {
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
pub(crate) async fn turns() {
    for _ in 0..1000 {
        yield_now().await;
    }
}

/// The beginning of request `id`, up to the end of `PARAMS`.
pub(crate) fn head(id: u16, flags: u8, len: usize) -> Vec<u8> {
    let len = len.to_string();
    let params = pairs(&[(b"CONTENT_LENGTH", len.as_bytes())]);
    let mut wire = begin(id, 1, flags);
    wire.extend(record(PARAMS, id, &params));
    wire.extend(record(PARAMS, id, b""));
    wire
}

/// A whole request with a body of `len` bytes.
pub(crate) fn whole(id: u16, flags: u8, len: usize) -> Vec<u8> {
    let mut wire = head(id, flags, len);
    let body = vec![b'b'; len];
    for piece in body.chunks(32 << 10) {
        wire.extend(record(STDIN, id, piece));
    }
    wire.extend(record(STDIN, id, b""));
    wire
}
