//! The task of one worker: started, proven, read, and seen off.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::TryFutureExt;
use tokio::time::Sleep;

use super::greet::{Unwilling, greet};
use super::pipes::Pipes;
use super::reading::Start;
use super::slot::Fate;
use super::{Generation, Shared};
use crate::exchange::Connection;
use crate::process::Process;
use crate::text::Printable;
use crate::{ErrorKind, EventKind, ExitFuture, ExitReason, StopSignal, WorkerId};

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
            let process = Arc::from(process);
            let keeper = Keeper::new(shared, worker, process, (&generation, fate));
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

pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) worker: WorkerId,
    pub(super) process: Arc<dyn Process>,
    pub(super) fate: Arc<Fate>,
    pub(super) pipes: Pipes,
    pub(super) line_bytes: usize,
    /// Wakes when dropped lines have to be told of.
    pub(super) report: Option<Pin<Box<Sleep>>>,
    /// Until it is ready, or is not going to be.
    pub(super) start: Option<Start>,
}

impl Keeper {
    fn new(
        shared: Arc<Shared>,
        worker: WorkerId,
        process: Arc<dyn Process>,
        (generation, fate): (&Generation, Arc<Fate>),
    ) -> Self {
        let process_id = process.id();
        let wanted = shared.with(|inner, _| {
            if let Some(slot) = inner.slots.get_mut(&worker) {
                slot.process = Some(Arc::clone(&process));
            }
            inner.machine.is_starting(worker)
        });
        if !wanted {
            // It was stopped before it existed, and missed the signals.
            let _ = process.signal(StopSignal::Kill);
        }
        let pool = &*shared.name;
        tracing::debug!(pool, %worker, pid = process_id, "worker started");
        shared.send(EventKind::WorkerStarted { worker, process_id });
        Self {
            pipes: Pipes::new(process.output(), process_id),
            shared,
            worker,
            process,
            fate,
            line_bytes: generation.limits.line_bytes,
            report: None,
            start: Some(Start::default()),
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
            self.poll_output(cx);
            self.fatal()?;
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
        self.drain(false);
        self.fatal()?;
        self.start = None;
        Ok(proven)
    }

    fn fatal(&self) -> Result<(), NotReady> {
        match self.start.as_ref().and_then(|start| start.fatal.as_ref()) {
            None => Ok(()),
            Some(line) => Err(NotReady {
                kind: ErrorKind::NoWorker,
                reason: Printable(line).to_string(),
                gone: None,
            }),
        }
    }

    /// Reads what it writes until its process has ended.
    async fn watch(
        &mut self,
        mut exit: Pin<&mut (dyn Future<Output = ExitReason> + Send)>,
    ) -> ExitReason {
        poll_fn(|cx| {
            self.poll_output(cx);
            exit.as_mut().poll(cx)
        })
        .await
    }

    /// What a process wrote before its end, as the end of a sentence.
    fn last_words(&mut self) -> String {
        self.drain(true);
        match self.start.take().and_then(|start| start.last_line) {
            Some(line) => format!(" (its last line: {})", Printable(&line)),
            None => String::new(),
        }
    }

    fn exited(mut self, natural: ExitReason) {
        self.drain(true);
        self.tell(true);
        self.shared.exited(self.worker, self.process.id(), natural);
    }
}
