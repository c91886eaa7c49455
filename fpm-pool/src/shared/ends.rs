//! Taking note of workers that fail to start, and of those that end.

use std::sync::Arc;

use super::{Inner, Shared, now};
use crate::{ErrorKind, Event, EventKind, ExitReason, WorkerId};

impl Shared {
    pub(super) fn send(&self, kind: EventKind) {
        if self.events.receiver_count() > 0 {
            // Nobody may be listening any more.
            let _ = self.events.send(Event { at: now(), kind });
        }
    }

    /// A worker's process could not be started, or ended before it was ready.
    pub(super) fn start_failed(self: &Arc<Self>, worker: WorkerId, kind: ErrorKind, reason: &str) {
        let (wanted, slot) = self.with(|inner, now| {
            let wanted = inner.machine.is_starting(worker);
            inner.note_failure(worker, kind, reason);
            inner.machine.start_failed(now, worker, kind, reason);
            let slot = inner.slots.remove(&worker);
            inner.forget_generations();
            (wanted, slot)
        });
        // It may be the last to hold the process, whose end takes time.
        drop(slot);
        if wanted {
            tracing::error!(pool = &*self.name, reason, "a worker cannot be started");
        }
        self.progress.notify_waiters();
        self.stopped.notify_waiters();
    }

    /// A worker runs, and is of no use.
    pub(super) fn not_ready(self: &Arc<Self>, worker: WorkerId, kind: ErrorKind, reason: &str) {
        self.with(|inner, now| {
            inner.note_failure(worker, kind, reason);
            inner.machine.not_ready(now, worker, kind, reason);
        });
        tracing::error!(pool = &*self.name, reason, "a worker cannot be started");
        self.progress.notify_waiters();
    }

    pub(super) fn exited(self: &Arc<Self>, worker: WorkerId, process_id: u32, natural: ExitReason) {
        let (reason, slot) = self.with(|inner, now| {
            let reason = inner.machine.exited(now, worker, natural);
            let mut slot = inner.slots.remove(&worker);
            if let Some(slot) = &mut slot {
                slot.fate.exit.send_replace(Some(reason));
                slot.cut();
            }
            inner.forget_generations();
            (reason, slot)
        });
        // It may be the last to hold the process, whose end takes time.
        drop(slot);
        let pool = &*self.name;
        match reason {
            ExitReason::Stopped(_) | ExitReason::Exited(0) => {
                tracing::debug!(pool, %worker, pid = process_id, %reason, "worker ended");
            }
            _ => tracing::warn!(pool, %worker, pid = process_id, %reason, "worker ended"),
        }
        self.progress.notify_waiters();
        self.stopped.notify_waiters();
    }
}

impl Inner {
    fn note_failure(&mut self, worker: WorkerId, kind: ErrorKind, reason: &str) {
        if self.machine.is_starting(worker) {
            self.last_failure = Some((kind, reason.into()));
        }
    }
}
