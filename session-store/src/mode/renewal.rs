//! Keeps leases alive while their requests run.
//!
//! Most requests end long before their lease needs renewal. So a lock only
//! leaves a note here; one task of the store sleeps until the first lease is
//! due, and only a lease that gets so old has a task of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::{Lease, Store};

/// The leases of a store that may need renewal.
#[derive(Clone, Debug, Default)]
pub(super) struct Renewals(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    notes: Mutex<Notes>,
    /// Tells the watching task that a lease is due before it would look.
    sooner: Notify,
}

#[derive(Debug, Default)]
struct Notes {
    waiting: BTreeMap<Place, (Store, Arc<Kept>)>,
    last: u64,
    watch: Option<Watch>,
}

/// When a lease is due, and a number of its own.
type Place = (Instant, u64);

/// The task that sleeps until the next lease is due.
#[derive(Debug)]
struct Watch {
    task: AbortHandle,
    until: Instant,
}

/// A lease that a request shares with the task that renews it; empty once it
/// is given back.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) lease: tokio::sync::Mutex<Option<Lease>>,
    lost: AtomicBool,
    task: OnceLock<AbortHandle>,
}

impl Kept {
    pub(super) fn new(lease: Lease) -> Arc<Self> {
        Arc::new(Self {
            lease: tokio::sync::Mutex::new(Some(lease)),
            lost: AtomicBool::new(false),
            task: OnceLock::new(),
        })
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Renews a lease, at a third of its life so that two renewals may fail
/// before it ends. Stops when dropped.
#[derive(Debug)]
pub(super) struct Renewal {
    renewals: Renewals,
    place: Place,
    kept: Arc<Kept>,
}

impl Renewals {
    pub(super) fn start(&self, store: &Store, kept: Arc<Kept>, life: Duration) -> Renewal {
        let mut notes = self.notes();
        notes.last += 1;
        let due = Instant::now() + life / 3;
        let place = (due, notes.last);
        notes.waiting.insert(place, (store.clone(), kept.clone()));
        // A runtime that was shut down has ended its tasks.
        match notes
            .watch
            .as_ref()
            .filter(|watch| !watch.task.is_finished())
        {
            Some(watch) if watch.until <= due => {}
            Some(_) => self.0.sooner.notify_one(),
            None => {
                let task = tokio::spawn(self.clone().watch()).abort_handle();
                notes.watch = Some(Watch { task, until: due });
            }
        }
        drop(notes);
        Renewal {
            renewals: self.clone(),
            place,
            kept,
        }
    }

    /// Runs while there are leases.
    async fn watch(self) {
        while let Some(next) = self.start_due() {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.0.sooner.notified() => {}
            }
        }
    }

    /// Starts to renew what is due; says when the next lease is.
    fn start_due(&self) -> Option<Instant> {
        let mut notes = self.notes();
        let now = Instant::now();
        while let Some(first) = notes.waiting.first_entry() {
            let due = first.key().0;
            if due > now {
                if let Some(watch) = &mut notes.watch {
                    watch.until = due;
                }
                return Some(due);
            }
            let (store, kept) = first.remove();
            let task = tokio::spawn(renew(store, kept.clone())).abort_handle();
            // Its only note is gone, so this is the only task.
            let _ = kept.task.set(task);
        }
        notes.watch = None;
        None
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        let notes = self.0.notes.lock();
        notes.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        let note = self.renewals.notes().waiting.remove(&self.place);
        if note.is_none()
            && let Some(task) = self.kept.task.get()
        {
            task.abort();
        }
    }
}

async fn renew(store: Store, kept: Arc<Kept>) {
    loop {
        let every = {
            let lease = kept.lease.lock().await;
            let Some(lease) = lease.as_ref() else { return };
            match store
                .within("renew lease", store.backend().renew(lease))
                .await
            {
                Ok(true) => {}
                Ok(false) => {
                    kept.lost.store(true, Ordering::Relaxed);
                    store.counters().leases_lost.add_one();
                    tracing::warn!(id = ?lease.id(), "the lease was lost, its request cannot write");
                    return;
                }
                // The next third of the lease may bring a better answer.
                Err(error) => tracing::warn!(id = ?lease.id(), %error, "lease not renewed"),
            }
            lease.ttl() / 3
        };
        tokio::time::sleep(every).await;
    }
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::{SessionId, Token};

    const LIFE: Duration = Duration::from_secs(30);

    fn kept() -> Arc<Kept> {
        let id = SessionId::parse("renewal").unwrap();
        Kept::new(Lease::new(id, Token::random(), LIFE, None))
    }

    fn store() -> Store {
        Store::new(crate::backend::Memory::default())
    }

    #[tokio::test(start_paused = true)]
    async fn one_task_watches_all_leases_and_ends_with_them() {
        let (store, renewals) = (store(), Renewals::default());
        let first = renewals.start(&store, kept(), LIFE);
        let second = renewals.start(&store, kept(), LIFE);
        assert_eq!(renewals.notes().waiting.len(), 2);
        let task = renewals.notes().watch.as_ref().unwrap().task.clone();
        drop((first, second));
        assert!(renewals.notes().waiting.is_empty());
        tokio::time::sleep(LIFE).await;
        assert!(task.is_finished() && renewals.notes().watch.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_gets_old_has_a_task_until_it_is_given_back() {
        let (store, renewals) = (store(), Renewals::default());
        let kept = kept();
        let renewal = renewals.start(&store, kept.clone(), LIFE);
        tokio::time::sleep(LIFE / 2).await;
        // Memory never granted this lease, so it is lost.
        assert!(kept.is_lost());
        drop(renewal);
        tokio::time::sleep(LIFE).await;
        assert!(kept.task.get().unwrap().is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_due_sooner_wakes_the_watch() {
        let (store, renewals) = (store(), Renewals::default());
        let _long = renewals.start(&store, kept(), LIFE);
        tokio::task::yield_now().await;
        let short = kept();
        let _short = renewals.start(&store, short.clone(), LIFE / 10);
        tokio::time::sleep(LIFE / 20).await;
        assert!(short.is_lost());
    }
}
