//! A worker while a request has it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::greet::adopt;
use super::lines::{Origin, RequestLines};
use super::slot::Fate;
use super::{Generation, Inner, Shared, now};
use crate::exchange::Connection;
use crate::machine::{Breach, Finish, Outcome};
use crate::process::Process;
use crate::{Error, ErrorKind, ExitReason, OnClientGone, WorkerId};

/// How long the exit status of a worker whose connection ended is waited
/// for; longer than the machine gives it to end by itself.
const EXIT_WAIT: Duration = Duration::from_secs(2);

/// The right to use a worker for one request. Dropping it unfinished hands
/// the worker over for clean-up, as the policy for lost clients says.
pub(crate) struct Lease {
    shared: Arc<Shared>,
    pub(crate) worker: WorkerId,
    pub(crate) process_id: u32,
    pub(crate) generation: Arc<Generation>,
    pub(crate) queue_wait: Duration,
    pub(crate) started: Instant,
    connection: Option<Box<Connection>>,
    process: Option<Arc<dyn Process>>,
    fate: Option<Arc<Fate>>,
    saw_first_byte: bool,
    /// What dropping it means.
    pub(crate) on_drop: OnClientGone,
    open: bool,
}

/// What a worker did with its request, when it ended.
#[derive(Debug)]
pub(crate) enum Served {
    /// The connection is ready for the next.
    Reusable(Box<Connection>),
    /// It is not.
    Spent,
}

impl Lease {
    /// Takes the worker that the machine chose; `None` if it has ended since.
    pub(super) fn claim(
        shared: &Arc<Shared>,
        inner: &mut Inner,
        worker: WorkerId,
        queue_wait: Duration,
        started: Instant,
        head: &Bytes,
    ) -> Option<Self> {
        if !inner.machine.begin(worker) {
            return None;
        }
        let mut this = Self {
            shared: Arc::clone(shared),
            worker,
            process_id: 0,
            generation: Arc::clone(&inner.newest),
            queue_wait,
            started,
            connection: None,
            process: None,
            fate: None,
            saw_first_byte: false,
            on_drop: OnClientGone::Abort,
            open: true,
        };
        if let Some(slot) = inner.slots.get_mut(&worker) {
            slot.request = Some(head.clone());
            this.process_id = slot.process_id().unwrap_or(0);
            this.generation = Arc::clone(&slot.generation);
            this.on_drop = slot.generation.on_client_gone;
            this.connection = slot.connection.take();
            this.fate = Some(Arc::clone(&slot.fate));
            this.process.clone_from(&slot.process);
        }
        Some(this)
    }

    /// The connection that is there, if one is.
    pub(crate) const fn connection(&mut self) -> Option<Box<Connection>> {
        self.connection.take()
    }

    /// A new connection, made on the pool's runtime.
    pub(crate) async fn connect(&self) -> io::Result<Box<Connection>> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        let process = Arc::clone(self.process.as_ref().ok_or_else(gone)?);
        // Without a runtime of the pool it ends at once; and with the caller.
        let mut task = JoinSet::new();
        let connect = async move { process.connect().await.and_then(adopt) };
        task.spawn_on(connect, &self.shared.runtime);
        let ended = async {
            match &self.fate {
                Some(fate) => fate.ended().await,
                None => std::future::pending().await,
            }
        };
        let connected = tokio::select! {
            biased;
            () = ended => return Err(gone()),
            connected = task.join_next() => connected.ok_or_else(gone)?,
        };
        let connection = connected.map_err(io::Error::other)??;
        self.shared.with(|inner, _| {
            let slot = inner.slots.get_mut(&self.worker).ok_or_else(gone)?;
            slot.connect(Some(connection));
            slot.connection.take().ok_or_else(gone)
        })
    }

    /// Logs what the request wrote to its STDERR; `end`: nothing more comes.
    pub(crate) fn log_stderr(
        &self,
        lines: &mut RequestLines,
        bytes: &[u8],
        end: bool,
        request: &[u8],
    ) {
        let origin = Origin {
            worker: self.worker,
            process_id: self.process_id,
            generation: &self.generation,
            request: Some(request),
        };
        if let Some(fate) = &self.fate {
            self.shared
                .request_stderr(lines, bytes, end, (&origin, fate));
        }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The first byte of the answer came; counted once.
    pub(crate) fn first_byte(&mut self) {
        if !self.saw_first_byte {
            self.saw_first_byte = true;
            self.shared
                .with(|inner, now| inner.machine.first_byte(now, self.worker));
        }
    }

    /// How long that took.
    pub(crate) fn first_byte_after(&self) -> Duration {
        now().saturating_duration_since(self.started)
    }

    /// Whether the request still has the worker.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// Moves the worker to a lease of its own; this one is spent.
    pub(crate) fn split(&mut self) -> Self {
        let open = std::mem::replace(&mut self.open, false);
        Self {
            shared: Arc::clone(&self.shared),
            generation: Arc::clone(&self.generation),
            connection: self.connection.take(),
            process: self.process.take(),
            fate: self.fate.clone(),
            open,
            ..*self
        }
    }

    /// Notes whether only a part of the request has been sent.
    pub(crate) fn set_partial(&self, partial: bool) {
        if let Some(fate) = &self.fate {
            fate.set_partial(partial);
        }
    }

    fn is_partial(&self) -> bool {
        self.fate.as_ref().is_some_and(|fate| fate.is_partial())
    }

    /// The worker ended the request as it should.
    pub(crate) fn finish(&mut self, served: Served, outcome: Outcome) {
        self.open = false;
        self.shared.with(|inner, now| {
            if !self.saw_first_byte && matches!(outcome, Outcome::Finished { .. }) {
                inner.machine.first_byte(now, self.worker);
            }
            let slot = inner.slots.get_mut(&self.worker);
            let how = match (served, slot) {
                // What writes without end is ended before the next request.
                (Served::Reusable(connection), Some(slot)) if !slot.fate.is_flooded() => {
                    slot.request = None;
                    slot.connection = Some(connection);
                    Finish::Reusable
                }
                (_, slot) => {
                    if let Some(slot) = slot {
                        slot.cut();
                    }
                    Finish::Reconnect
                }
            };
            inner.machine.finish(now, self.worker, how, outcome);
        });
    }

    /// The answer is of no use, and its rest is not waited for.
    pub(crate) fn forsake(&mut self, kind: ErrorKind) {
        if self.is_partial() {
            self.fail(Breach::Partial, kind, false);
            return;
        }
        self.open = false;
        self.shared.with(|inner, now| {
            if let Some(slot) = inner.slots.get_mut(&self.worker) {
                slot.cut();
            }
            inner.machine.forsake(now, self.worker, kind);
        });
    }

    /// The connection failed for want of something of ours. `unsent`: the
    /// worker has seen nothing of the request.
    pub(crate) fn spare(&mut self, kind: ErrorKind, unsent: bool) {
        if !unsent {
            return self.forsake(kind);
        }
        self.open = false;
        self.set_partial(false);
        self.shared.with(|inner, now| {
            if let Some(slot) = inner.slots.get_mut(&self.worker) {
                slot.cut();
            }
            let outcome = Outcome::Failed(kind);
            (inner.machine).finish(now, self.worker, Finish::Reconnect, outcome);
        });
    }

    /// The worker failed, and has to go. `again`: another worker may try;
    /// returns whether it should, as the pool did not cut the request off
    /// itself. Then it has to ask at once.
    pub(crate) fn fail(&mut self, breach: Breach, kind: ErrorKind, again: bool) -> bool {
        self.open = false;
        self.shared.with(|inner, now| {
            let was_cut = |fate: &Arc<Fate>| fate.cause().is_some();
            let again = again && !self.fate.as_ref().is_some_and(was_cut);
            (inner.machine).broken(now, self.worker, breach, kind, again);
            again
        })
    }

    /// Why the connection ended: the pool cut it, the worker died, or it did
    /// neither. Waits a moment for the exit status.
    pub(crate) async fn cause(&self) -> Cause {
        let Some(fate) = &self.fate else {
            return Cause::Closed;
        };
        if let Some(kind) = fate.cause() {
            return Cause::Cut(kind);
        }
        let mut exit = fate.exit.subscribe();
        // The timer needs the pool's runtime, wherever the caller is.
        let mut task = JoinSet::new();
        let exited = async move {
            let exited = tokio::time::timeout(EXIT_WAIT, exit.wait_for(Option::is_some)).await;
            exited.ok()?.ok().and_then(|reason| *reason)
        };
        task.spawn_on(exited, &self.shared.runtime);
        match task.join_next().await {
            Some(Ok(Some(reason @ (ExitReason::Exited(_) | ExitReason::Signaled(_))))) => {
                Cause::Died(reason)
            }
            _ => Cause::Closed,
        }
    }

    /// Counts the error that the caller is told, and makes it.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        self.shared.with(|inner, _| inner.machine.told(kind));
        Error::new(kind).on_worker(self.process_id)
    }

    /// The client left, and the script is to run to its end: counts it.
    pub(crate) fn left_behind(&self) {
        self.shared.with(|inner, now| {
            inner
                .machine
                .abandon(now, self.worker, OnClientGone::Finish, false);
        });
    }

    /// The client left. A worker that has only a part of the request is dead
    /// when this returns, so that its connection can be closed.
    pub(crate) fn abandon(&mut self) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        let partial = self.is_partial();
        self.shared.with(|inner, now| {
            if let (Some(slot), false) = (inner.slots.get_mut(&self.worker), partial) {
                slot.cut();
            }
            inner
                .machine
                .abandon(now, self.worker, self.on_drop, partial);
        });
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    Cut(ErrorKind),
    Died(ExitReason),
    Closed,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.abandon();
    }
}
