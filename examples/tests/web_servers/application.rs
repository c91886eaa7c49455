//! An application in this process whose handler waits for the abort.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use fastcgi_proto::driver::{Answer, Listener, Request, Responder, Server};
use tokio::runtime;
use tokio::sync::{oneshot, watch};

const HEAD: &str = "Content-Type: text/plain\r\n\r\n";

/// What a handler of the path `/wait` has come to.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Begun,
    /// Aborted before it wrote anything.
    Aborted,
    /// Aborted after that.
    Stopped,
    /// It wrote what it was to write.
    Ended,
}

/// How much a handler is to write.
#[derive(Clone, Copy)]
pub(crate) enum Writing {
    UntilStopped,
    Lines(usize),
}

/// A FastCGI application; it ends with its value.
pub(crate) struct Application {
    pub(crate) port: u16,
    said: Receiver<Said>,
    writing: watch::Sender<Option<Writing>>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Application {
    pub(crate) fn start() -> Self {
        let (say, said) = channel();
        let (writing, may_write) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let (tell_port, port) = channel();
        let serving = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let any_port = "127.0.0.1:0".parse().unwrap();
                let listener = Listener::bind(&any_port).await.unwrap();
                let address = listener.local_address().unwrap().to_string();
                tell_port.send(address).unwrap();
                let server = Server::new(move |request: Request| {
                    answer(request, say.clone(), may_write.clone())
                });
                let stop = async {
                    let _ = stopped.await;
                };
                server
                    .stop_timeout(Duration::ZERO)
                    .serve(listener, stop)
                    .await;
            });
        });
        let address = port.recv().unwrap();
        Self {
            port: address.rsplit_once(':').unwrap().1.parse().unwrap(),
            said,
            writing,
            stop: Some(stop),
            serving: Some(serving),
        }
    }

    /// What the handler says next; far more time than it takes.
    #[track_caller]
    pub(crate) fn next(&self) -> Said {
        let said = self.said.recv_timeout(Duration::from_secs(60));
        said.expect("the handler comes to something")
    }

    /// Lets the handler that waits write.
    pub(crate) fn write(&self, writing: Writing) {
        self.writing.send_replace(Some(writing));
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

async fn answer(
    mut request: Request,
    say: Sender<Said>,
    mut writing: watch::Receiver<Option<Writing>>,
) -> Answer {
    let uri = request.params.get_bytes("REQUEST_URI");
    if !uri.is_some_and(|uri| uri.starts_with(b"/wait")) {
        let _ = request.responder.stdout(format!("{HEAD}ok").into()).await;
        return Answer::End(0);
    }
    writing.mark_unchanged();
    // The test may be over.
    let _ = say.send(Said::Begun);
    let said = tokio::select! {
        () = request.responder.aborted() => Said::Aborted,
        _ = writing.changed() => {
            let how = *writing.borrow();
            write(&mut request.responder, how.unwrap_or(Writing::Lines(0))).await
        }
    };
    let _ = say.send(said);
    // Until here the input is unread: none of it is needed to see the abort.
    drop(request.stdin);
    Answer::End(1)
}

/// Sends a line now and then, as a script does that reports its progress.
async fn write(responder: &mut Responder, writing: Writing) -> Said {
    let line = Bytes::from_static(&[b'x'; 1000]);
    let mut content = Bytes::from_static(HEAD.as_bytes());
    let mut sent = 0;
    while !matches!(writing, Writing::Lines(lines) if sent > lines) {
        if responder.stdout(content).await.is_err() {
            return Said::Stopped;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
            () = responder.aborted() => return Said::Stopped,
        }
        content = line.clone();
        sent += 1;
    }
    Said::Ended
}
