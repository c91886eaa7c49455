//! The task that wakes the machine in time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use crate::{Error, ErrorKind, StopSignal};

/// Runs until the pool is closed.
pub(super) fn start(shared: &Arc<Shared>) {
    let unless_stopped = UnlessStopped(Arc::clone(shared));
    shared.runtime.spawn(async move {
        let shared = &unless_stopped.0;
        loop {
            let wake = {
                let mut inner = shared.lock();
                if inner.machine.is_stopped() {
                    return;
                }
                inner.armed = inner.machine.wake_at();
                inner.armed
            };
            let changed = shared.timer.notified();
            let due = match wake {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => true,
                    () = changed => false,
                },
                None => {
                    changed.await;
                    false
                }
            };
            if due {
                shared.with(|inner, now| inner.machine.tick(now));
            }
        }
    });
}

/// Gives the pool up when its runtime ends under it.
struct UnlessStopped(Arc<Shared>);

impl Drop for UnlessStopped {
    fn drop(&mut self) {
        let stopped = self.0.lock().machine.is_stopped();
        if !stopped {
            self.0.lose_runtime();
        }
    }
}

impl Shared {
    /// Nothing is driven any more: tells all that wait, and kills the
    /// workers, which nobody watches.
    fn lose_runtime(self: &Arc<Self>) {
        self.lost.store(true, Ordering::Release);
        let mut slots = self.with(|inner, now| {
            inner.machine.shut_down(now);
            std::mem::take(&mut inner.slots)
        });
        for slot in slots.values_mut() {
            // First of all: a script must not run on with a part of its
            // request.
            if let Some(process) = &slot.process
                && let Err(error) = process.signal(StopSignal::Kill)
            {
                let pool = &*self.name;
                tracing::error!(pool, pid = process.id(), %error, "cannot kill a worker");
            }
            slot.cut();
        }
        self.progress.notify_waiters();
        self.drained.notify_waiters();
        self.stopped.notify_waiters();
    }

    /// Whether the pool's runtime is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// The error, unless it only follows from the loss of the runtime.
    pub(crate) fn or_lost(&self, error: Error) -> Error {
        if self.is_lost() {
            Error::new(ErrorKind::Runtime).caused_by("the runtime that the pool runs on has ended")
        } else {
            error
        }
    }
}
