//! A worker while a request has it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::slot::Fate;
use super::{Generation, Inner, Shared, now};
use crate::exchange::Connection;
use crate::machine::{Breach, Finish};
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
    /// Takes the worker that the machine chose.
    pub(super) fn claim(
        shared: &Arc<Shared>,
        inner: &mut Inner,
        worker: WorkerId,
        queue_wait: Duration,
        started: Instant,
        head: &Bytes,
    ) -> Self {
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
        // A worker may end between the choice and this moment: then it
        // cannot be connected to, and the request goes to another.
        if let Some(slot) = inner.slots.get_mut(&worker) {
            slot.request = Some(head.clone());
            this.process_id = slot.process_id().unwrap_or(0);
            this.generation = Arc::clone(&slot.generation);
            this.on_drop = slot.generation.on_client_gone;
            this.connection = slot.connection.take();
            this.fate = Some(Arc::clone(&slot.fate));
            this.process.clone_from(&slot.process);
        }
        this
    }

    /// The connection that is there, if one is.
    pub(crate) const fn connection(&mut self) -> Option<Box<Connection>> {
        self.connection.take()
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> io::Result<Box<Connection>> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        let process = self.process.as_ref().ok_or_else(gone)?;
        let connection = Box::new(Connection::new(process.connect()?)?);
        self.shared.with(|inner, _| {
            let slot = inner.slots.get_mut(&self.worker).ok_or_else(gone)?;
            slot.connect(Some(connection));
            slot.connection.take().ok_or_else(gone)
        })
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

    /// The worker ended the request as it should.
    pub(crate) fn finish(&mut self, served: Served) {
        self.open = false;
        self.shared.with(|inner, now| {
            if !self.saw_first_byte {
                inner.machine.first_byte(now, self.worker);
            }
            let slot = inner.slots.get_mut(&self.worker);
            let how = match (served, slot) {
                (Served::Reusable(connection), Some(slot)) => {
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
            inner.machine.finish(now, self.worker, how);
        });
    }

    /// The request's own body failed; the worker is taken back.
    pub(crate) fn forsake(&mut self) {
        self.open = false;
        self.shared.with(|inner, now| {
            if let Some(slot) = inner.slots.get_mut(&self.worker) {
                slot.cut();
            }
            inner.machine.forsaken(now, self.worker);
        });
    }

    /// The worker failed, and has to go. `true`: the pool did not cut it off
    /// itself, so that another worker may try.
    pub(crate) fn fail(&mut self, breach: Breach) -> bool {
        self.open = false;
        self.shared.with(|inner, now| {
            inner.machine.broken(now, self.worker, breach);
        });
        self.fate
            .as_ref()
            .is_none_or(|fate| fate.cut.get().is_none())
    }

    /// Why the connection ended: the pool cut it, the worker died, or it did
    /// neither. Waits a moment for the exit status.
    pub(crate) async fn cause(&self) -> Cause {
        let Some(fate) = &self.fate else {
            return Cause::Closed;
        };
        if let Some(&kind) = fate.cut.get() {
            return Cause::Cut(kind);
        }
        let mut exit = fate.exit.subscribe();
        let exited = exit.wait_for(Option::is_some);
        match tokio::time::timeout(EXIT_WAIT, exited).await {
            Ok(Ok(reason)) => match *reason {
                Some(reason @ (ExitReason::Exited(_) | ExitReason::Signaled(_))) => {
                    Cause::Died(reason)
                }
                _ => Cause::Closed,
            },
            _ => Cause::Closed,
        }
    }

    /// Counts the failed request, and makes its error.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        let running = now().saturating_duration_since(self.started);
        self.shared
            .with(|inner, _| inner.machine.failed(self.worker, kind, running));
        Error::new(kind).on_worker(self.process_id)
    }

    /// The request is about to run once more elsewhere.
    pub(crate) fn replayed(&self) {
        self.shared.with(|inner, _| inner.machine.replayed());
    }

    /// The client left, and the script is to run to its end: counts it.
    pub(crate) fn left_behind(&self) {
        self.shared.with(|inner, now| {
            inner
                .machine
                .abandon(now, self.worker, OnClientGone::Finish);
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
        if self.open {
            self.shared.with(|inner, now| {
                if let Some(slot) = inner.slots.get_mut(&self.worker) {
                    slot.cut();
                }
                inner.machine.abandon(now, self.worker, self.on_drop);
            });
        }
    }
}
