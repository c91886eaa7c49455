//! What the shell knows of one worker.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::meter::Meter;
use super::{Generation, now};
use crate::exchange::Connection;
use crate::process::Process;
use crate::sys::shut_down_socket;
use crate::{ErrorKind, ExitReason, PoolLimits};

/// A worker's process and connection.
pub(super) struct Slot {
    pub(super) generation: Arc<Generation>,
    pub(super) process: Option<Arc<dyn Process>>,
    /// While no request uses it. `None` for an idle worker: connect first.
    pub(super) connection: Option<Box<Connection>>,
    /// Another descriptor of the connection.
    breaker: Option<OwnedFd>,
    /// The records of the request that runs.
    pub(super) request: Option<Bytes>,
    pub(super) fate: Arc<Fate>,
}

/// How it ends with a worker; those that use it hold on to this.
#[derive(Debug)]
pub(crate) struct Fate {
    /// Why the pool cut the connection of the request that ran.
    cut: OnceLock<ErrorKind>,
    /// Tells whoever makes a connection that it was.
    was_cut: Notify,
    /// Only a part of its request has been sent.
    partial: AtomicBool,
    /// How the process ended.
    pub(super) exit: watch::Sender<Option<ExitReason>>,
    /// It has to go before its process exists.
    pub(super) unwanted: Notify,
    /// What it may write.
    pub(super) meter: Mutex<Meter>,
}

impl Fate {
    pub(super) fn new(limits: &PoolLimits) -> Self {
        Self {
            cut: OnceLock::new(),
            was_cut: Notify::new(),
            partial: AtomicBool::new(false),
            exit: watch::Sender::new(None),
            unwanted: Notify::new(),
            meter: Mutex::new(Meter::new(limits, now())),
        }
    }

    /// Whether it, or what it started, writes more than is read.
    pub(super) fn is_flooded(&self) -> bool {
        let meter = self.meter();
        meter.is_behind() && meter.is_flooded(now())
    }

    /// The pool ends the request; the first reason is the one that counts.
    pub(super) fn cut(&self, kind: ErrorKind) {
        let _ = self.cut.set(kind);
        self.was_cut.notify_one();
    }

    /// Why the pool ended the request, if it did.
    pub(super) fn cause(&self) -> Option<ErrorKind> {
        self.cut.get().copied()
    }

    /// Completes when the pool ends the request.
    pub(super) async fn ended(&self) {
        while self.cause().is_none() {
            self.was_cut.notified().await;
        }
    }

    /// Whether the end of the connection would have the script run with a
    /// part of its request.
    pub(super) fn is_partial(&self) -> bool {
        self.partial.load(Ordering::Relaxed)
    }

    pub(super) fn set_partial(&self, partial: bool) {
        self.partial.store(partial, Ordering::Relaxed);
    }
}

impl Slot {
    pub(super) fn new(generation: Arc<Generation>) -> Self {
        Self {
            fate: Arc::new(Fate::new(&generation.limits)),
            generation,
            process: None,
            connection: None,
            breaker: None,
            request: None,
        }
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.id())
    }

    /// Takes a connection that is ready for a request.
    pub(super) fn connect(&mut self, connection: Option<Box<Connection>>) {
        // Without a second descriptor the worker is killed before the
        // connection ends; that only takes longer.
        self.breaker = connection
            .as_ref()
            .and_then(|connection| connection.breaker().ok());
        self.connection = connection;
    }

    /// Ends the connection, whoever uses it.
    pub(super) fn cut(&mut self) {
        self.connection = None;
        if let Some(breaker) = self.breaker.take() {
            shut_down_socket(&breaker);
        }
    }
}
