//! Output of workers that is no pipe.
#![cfg(feature = "test-util")]

mod common;

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::until;
use fpm_pool::testing::FakeSpawner;
use fpm_pool::{
    ConnectFuture, ExitFuture, Pool, PoolConfig, PoolHandle, Process, Sizing, Spawn, SpawnFuture,
    StopSignal, WorkerId,
};
use nix::pty::openpty;

/// Workers that write to whatever descriptors they are given.
struct Writing {
    inner: FakeSpawner,
    output: Mutex<[Option<OwnedFd>; 2]>,
}

#[derive(Debug)]
struct Writer {
    inner: Arc<dyn Process>,
    output: Mutex<[Option<OwnedFd>; 2]>,
}

impl Spawn for Writing {
    fn spawn(&self, worker: WorkerId) -> SpawnFuture {
        let inner = self.inner.spawn(worker);
        let output = std::mem::take(&mut *self.output.lock().unwrap());
        Box::pin(async move {
            let inner = Arc::from(inner.await?);
            let output = Mutex::new(output);
            Ok(Box::new(Writer { inner, output }) as Box<dyn Process>)
        })
    }
}

impl Process for Writer {
    fn id(&self) -> u32 {
        self.inner.id()
    }

    fn connect(&self) -> ConnectFuture {
        self.inner.connect()
    }

    fn signal(&self, signal: StopSignal) -> io::Result<()> {
        self.inner.signal(signal)
    }

    fn exit(&self) -> ExitFuture {
        self.inner.exit()
    }

    fn output(&self) -> [Option<OwnedFd>; 2] {
        std::mem::take(&mut *self.output.lock().unwrap())
    }
}

/// A pool with one worker, and the lines that it writes.
async fn writing(output: [OwnedFd; 2]) -> (PoolHandle, Arc<Mutex<Vec<Vec<u8>>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sizing = Sizing::Static { max_children: 1 };
    let config = PoolConfig::new("output").sizing(sizing).output({
        let lines = Arc::clone(&lines);
        move |output| lines.lock().unwrap().push(output.line.to_vec())
    });
    let output = Mutex::new(output.map(Some));
    let inner = FakeSpawner::new(|_| async { "" });
    let pool = Pool::start_with(config, Writing { inner, output }).unwrap();
    pool.ready().await.unwrap();
    (pool, lines)
}

#[tokio::test]
async fn output_may_be_a_socket_or_a_terminal() {
    let (here, mut socket) = UnixStream::pair().unwrap();
    let terminal = openpty(None, None).unwrap();
    let (pool, lines) = writing([here.into(), terminal.master]).await;
    socket.write_all(b"by socket\n").unwrap();
    nix::unistd::write(&terminal.slave, b"by terminal\n").unwrap();
    until("both lines came", || lines.lock().unwrap().len() == 2).await;
    // Hanging up is the end of a terminal, and no more than that.
    drop(terminal.slave);
    socket.write_all(b"more\n").unwrap();
    until("another came", || lines.lock().unwrap().len() == 3).await;
    let mut lines = lines.lock().unwrap().clone();
    lines.sort();
    assert_eq!(lines, [&b"by socket"[..], b"by terminal", b"more"]);
    pool.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_descriptor_that_is_never_empty_keeps_no_other_waiting() {
    let (here, mut endless) = UnixStream::pair().unwrap();
    let (there, mut socket) = UnixStream::pair().unwrap();
    let (pool, lines) = writing([here.into(), there.into()]).await;
    let flood = std::thread::spawn(move || while endless.write_all(&[b'x'; 4096]).is_ok() {});
    until("it floods", || !lines.lock().unwrap().is_empty()).await;
    socket.write_all(b"a word\n").unwrap();
    until("the word came", || {
        lines.lock().unwrap().iter().any(|line| line == b"a word")
    })
    .await;
    pool.shutdown(Duration::ZERO).await;
    flood.join().unwrap();
}

#[tokio::test]
async fn output_that_cannot_be_watched_does_no_harm() {
    let (here, mut socket) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let (pool, lines) = writing([file.into(), here.into()]).await;
    socket.write_all(b"by socket\nand its end").unwrap();
    until("a line came", || lines.lock().unwrap().len() == 1).await;
    pool.shutdown(Duration::ZERO).await;
    assert_eq!(*lines.lock().unwrap(), [&b"by socket"[..], b"and its end"]);
}
