//! The task of one worker: started, proven, read, and seen off.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::TryFutureExt;

use super::Shared;
use super::greet::{Unwilling, greet};
use super::lines::Pipe;
use crate::exchange::Connection;
use crate::process::Process;
use crate::text::Printable;
use crate::{ErrorKind, EventKind, ExitFuture, ExitReason, OutputSource, StopSignal, WorkerId};

/// Why a worker did not become ready.
struct NotReady {
    kind: ErrorKind,
    reason: String,
    /// How its process ended, if it did.
    gone: Option<ExitReason>,
}

/// Starts a worker and stays with it until its process is gone.
pub(super) async fn keep(shared: Arc<Shared>, worker: WorkerId) {
    let known = {
        let inner = shared.lock();
        let slot = inner.slots.get(&worker);
        slot.map(|slot| (Arc::clone(&slot.generation), Arc::clone(&slot.fate)))
    };
    let Some((generation, fate)) = known else {
        return;
    };
    let _unless_done = UnlessDone(Arc::clone(&shared), worker);
    let started = tokio::select! {
        biased;
        started = generation.spawner.spawn(worker) => started,
        () = fate.unwanted.notified() => Err(io::Error::other("it was stopped meanwhile")),
    };
    match started {
        Ok(process) => {
            let keeper = Keeper::new(shared, worker, Arc::from(process));
            keeper.run(generation.start_limit).await;
        }
        Err(error) => shared.start_failed(worker, ErrorKind::NoWorker, &error.to_string()),
    }
}

/// Gives up a worker whose task panicked, in a spawner's or a sink's code.
struct UnlessDone(Arc<Shared>, WorkerId);

impl Drop for UnlessDone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.exited(self.1, 0, ExitReason::Unknown);
        }
    }
}

struct Keeper {
    shared: Arc<Shared>,
    worker: WorkerId,
    process: Arc<dyn Process>,
    pipes: Vec<Pipe>,
    last_line: Option<Bytes>,
}

impl Keeper {
    fn new(shared: Arc<Shared>, worker: WorkerId, process: Arc<dyn Process>) -> Self {
        let process_id = process.id();
        let wanted = shared.with(|inner, _| {
            let generation = inner.slots.get_mut(&worker).map(|slot| {
                slot.process = Some(Arc::clone(&process));
                Arc::clone(&slot.generation)
            });
            generation.filter(|_| inner.machine.is_starting(worker))
        });
        if wanted.is_none() {
            // It was stopped before it existed, and missed the signals.
            let _ = process.signal(StopSignal::Kill);
        }
        let limit = wanted.map_or(1024, |generation| generation.limits.line_bytes);
        let sources = [OutputSource::Stdout, OutputSource::Stderr];
        let pipes = (process.output().into_iter().zip(sources))
            .filter_map(|(fd, source)| Pipe::new(fd, source, limit).ok())
            .collect();
        let pool = &*shared.name;
        tracing::debug!(pool, %worker, pid = process_id, "worker started");
        shared.send(EventKind::WorkerStarted { worker, process_id });
        Self {
            shared,
            worker,
            process,
            pipes,
            last_line: None,
        }
    }

    async fn run(mut self, limit: Duration) {
        let mut exit = self.process.exit();
        let proven = self.prove(limit, &mut exit).await;
        let exited = match proven {
            Ok(connection) => {
                let (shared, worker) = (&self.shared, self.worker);
                shared.with(|inner, now| {
                    if let Some(slot) = inner.slots.get_mut(&worker) {
                        slot.connect(connection);
                    }
                    inner.last_failure = None;
                    inner.machine.ready(now, worker);
                });
                shared.progress.notify_waiters();
                self.watch(exit.as_mut()).await
            }
            Err(failure) => {
                let reason = failure.reason + &self.last_words();
                let starting = self.shared.lock().machine.is_starting(self.worker);
                match failure.gone {
                    Some(_) if starting => {
                        self.shared.start_failed(self.worker, failure.kind, &reason);
                        return;
                    }
                    // It was stopped before it became ready.
                    Some(natural) => natural,
                    None => {
                        self.shared.not_ready(self.worker, failure.kind, &reason);
                        self.watch(exit.as_mut()).await
                    }
                }
            }
        };
        self.exited(exited);
    }

    /// Waits until the worker answers as it should.
    async fn prove(
        &mut self,
        limit: Duration,
        exit: &mut ExitFuture,
    ) -> Result<Option<Box<Connection>>, NotReady> {
        let process = Arc::clone(&self.process);
        let mut answer = pin!(greet(&*process, limit).or_else(|unwilling| async {
            let (kind, reason) = match unwilling {
                // The way it ends says more.
                Unwilling::Dying => std::future::pending().await,
                Unwilling::Useless(why) => (
                    ErrorKind::NoWorker,
                    format!("a new worker is of no use: {why}"),
                ),
                Unwilling::Garbage(what) => (
                    ErrorKind::NotFastCgi,
                    format!("a new worker does not speak FastCGI: {what}"),
                ),
            };
            let gone = None;
            Err(NotReady { kind, reason, gone })
        }));
        let proven = poll_fn(|cx| {
            while let Poll::Ready(line) = self.poll_line(cx) {
                self.fatal(&line)?;
            }
            if let Poll::Ready(reason) = exit.as_mut().poll(cx) {
                return Poll::Ready(Err(NotReady {
                    kind: ErrorKind::NoWorker,
                    reason: format!("a new worker {reason}"),
                    gone: Some(reason),
                }));
            }
            answer.as_mut().poll(cx)
        })
        .await?;
        // What it wrote before it answered has been written by now.
        for index in 0..self.pipes.len() {
            while let Some(line) = self.pipes[index].written_line() {
                self.line(index, &line);
                self.fatal(&line)?;
            }
        }
        Ok(proven)
    }

    fn fatal(&self, line: &[u8]) -> Result<(), NotReady> {
        if !self.process.is_fatal_at_start(line) {
            return Ok(());
        }
        Err(NotReady {
            kind: ErrorKind::NoWorker,
            reason: Printable(line).to_string(),
            gone: None,
        })
    }

    /// Reads what it writes until its process has ended.
    async fn watch(
        &mut self,
        mut exit: Pin<&mut (dyn Future<Output = ExitReason> + Send)>,
    ) -> ExitReason {
        poll_fn(|cx| {
            while self.poll_line(cx).is_ready() {}
            exit.as_mut().poll(cx)
        })
        .await
    }

    fn poll_line(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Bytes> {
        for index in 0..self.pipes.len() {
            if let Poll::Ready(line) = self.pipes[index].poll_line(cx) {
                self.line(index, &line);
                return Poll::Ready(line);
            }
        }
        Poll::Pending
    }

    fn line(&mut self, index: usize, line: &Bytes) {
        let source = self.pipes[index].source;
        self.shared
            .process_line(self.worker, self.process.id(), source, line);
        self.last_line = Some(line.clone());
    }

    /// What a process wrote before its end, as the end of a sentence.
    fn last_words(&mut self) -> String {
        self.drain();
        match &self.last_line {
            Some(line) => format!(" (its last line: {})", Printable(line)),
            None => String::new(),
        }
    }

    fn drain(&mut self) {
        for index in 0..self.pipes.len() {
            while let Some(line) = self.pipes[index].written_line() {
                self.line(index, &line);
            }
            if let Some(line) = self.pipes[index].rest() {
                self.line(index, &line);
            }
        }
    }

    fn exited(mut self, natural: ExitReason) {
        self.drain();
        self.shared.exited(self.worker, self.process.id(), natural);
    }
}
