//! Keeps a lease alive while its request runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::held::SharedLease;
use crate::Store;

/// Renews at a third of the lease's life, so that two renewals may fail
/// before it ends. Stops when dropped.
#[derive(Debug)]
pub(super) struct Renewal {
    task: JoinHandle<()>,
    lost: Arc<AtomicBool>,
}

impl Renewal {
    pub(super) fn start(store: &Store, lease: SharedLease, every: Duration) -> Self {
        let lost = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(run(store.clone(), lease, every, lost.clone()));
        Self { task, lost }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(store: Store, lease: SharedLease, every: Duration, lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(every).await;
        let guard = lease.lock().await;
        let Some(lease) = guard.as_ref() else { return };
        match store
            .within("renew lease", store.backend().renew(lease))
            .await
        {
            Ok(true) => {}
            Ok(false) => {
                lost.store(true, Ordering::Relaxed);
                store.counters().leases_lost.add_one();
                tracing::warn!(id = ?lease.id(), "the lease was lost, its request cannot write");
                return;
            }
            // The next third of the lease may bring a better answer.
            Err(error) => tracing::warn!(id = ?lease.id(), %error, "lease not renewed"),
        }
    }
}
