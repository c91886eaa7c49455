//! The task that wakes the machine in time.

use std::sync::Arc;

use super::Shared;

/// Runs until the pool is closed.
pub(super) fn start(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
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
