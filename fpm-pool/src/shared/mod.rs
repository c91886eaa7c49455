//! The shell around the machine: one short lock, never held across an await.

mod actions;
mod ends;
mod generation;
mod greet;
mod keeper;
mod lease;
mod lines;
mod meter;
mod pipes;
mod place;
mod reading;
mod slot;
mod supervisor;
mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, oneshot};
use tokio::task::JoinSet;

use crate::machine::{Action, Machine, Settings, Ticket};
use crate::{Error, ErrorKind, Event, PoolConfig, RequestStatus, Sizing, Spawn, Status, WorkerId};

use actions::Effects;
pub(crate) use generation::Generation;
pub(crate) use lease::{Cause, Lease, Served};
pub(crate) use lines::RequestLines;
use place::Hopefuls;
pub(crate) use place::Place;
use slot::Slot;
use waiting::Waiter;

/// How long a worker may take to end once it was killed, when nobody needs
/// the pool any more. One that is stuck in the kernel may never.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// A pool, as its tasks and handles share it.
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    pub(crate) runtime: Handle,
    pub(crate) events: broadcast::Sender<Event>,
    inner: Mutex<Inner>,
    /// The runtime has ended under the pool.
    lost: AtomicBool,
    /// Lines that workers wrote, and those that were not logged.
    output_lines: [AtomicU64; 2],
    /// The supervisor's timer has to be set anew.
    timer: Notify,
    drained: Notify,
    stopped: Notify,
    /// A worker became ready, or failed to.
    progress: Notify,
}

struct Inner {
    machine: Machine,
    slots: BTreeMap<WorkerId, Slot>,
    waiters: HashMap<Ticket, Waiter>,
    hopefuls: Hopefuls,
    generations: BTreeMap<u64, Arc<Generation>>,
    newest: Arc<Generation>,
    /// Generations that are over, until their spawners are told.
    over: Vec<Arc<Generation>>,
    /// How many of those have not been closed yet.
    closing: usize,
    reload: Option<oneshot::Sender<Result<u64, String>>>,
    /// Why the last start failed.
    last_failure: Option<(ErrorKind, Arc<str>)>,
    /// When the supervisor wakes by itself.
    armed: Option<Instant>,
    /// Kept for its memory.
    actions: Vec<Action>,
}

impl Shared {
    /// A pool whose first workers are on their way.
    pub(crate) fn start(config: &PoolConfig, spawner: Arc<dyn Spawn>) -> Result<Arc<Self>, Error> {
        config.check()?;
        let runtime = Handle::try_current()
            .map_err(|error| Error::new(ErrorKind::Runtime).caused_by(error))?;
        let generation = Arc::new(Generation::new(config, spawner));
        let shared = Arc::new(Self {
            name: Arc::clone(&config.name),
            runtime,
            events: broadcast::Sender::new(config.limits.events.max(1)),
            inner: Mutex::new(Inner {
                machine: Machine::new(Settings::from(config), now(), seed()),
                slots: BTreeMap::new(),
                waiters: HashMap::new(),
                hopefuls: Hopefuls::default(),
                newest: Arc::clone(&generation),
                generations: BTreeMap::from([(1, generation)]),
                over: Vec::new(),
                closing: 0,
                reload: None,
                last_failure: None,
                armed: None,
                actions: Vec::new(),
            }),
            lost: AtomicBool::new(false),
            output_lines: Default::default(),
            timer: Notify::new(),
            drained: Notify::new(),
            stopped: Notify::new(),
            progress: Notify::new(),
        });
        shared.with(|inner, now| inner.machine.start(now));
        supervisor::start(&shared);
        Ok(shared)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f` on the state and carries out what follows from it.
    fn with<R>(self: &Arc<Self>, f: impl FnOnce(&mut Inner, Instant) -> R) -> R {
        let now = now();
        let mut inner = self.lock();
        inner.machine.watch(self.events.receiver_count() > 0);
        let result = f(&mut inner, now);
        let effects = inner.settle();
        drop(inner);
        self.perform(effects, now);
        result
    }

    fn perform(self: &Arc<Self>, effects: Effects, now: Instant) {
        if effects.rearm {
            self.timer.notify_one();
        }
        effects.wake();
        for action in effects.actions {
            self.carry_out(action, now);
        }
        for generation in effects.over {
            self.retire(generation);
        }
    }

    pub(crate) fn status(self: &Arc<Self>) -> Status {
        self.with(|inner, now| {
            let mut status = inner.machine.status(now, Arc::clone(&self.name));
            let [lines, dropped] = &self.output_lines;
            status.totals.output_lines = lines.load(Ordering::Relaxed);
            status.totals.output_lines_dropped = dropped.load(Ordering::Relaxed);
            for worker in &mut status.workers {
                let Some(slot) = inner.slots.get(&worker.id) else {
                    continue;
                };
                worker.process_id = slot.process_id();
                let running = inner.machine.running(now, worker.id);
                if let (Some((queue_wait, running)), Some(params)) = (running, &slot.request) {
                    worker.request = Some(RequestStatus {
                        running,
                        queue_wait,
                        params: params.clone(),
                    });
                }
            }
            status
        })
    }

    pub(crate) fn resize(self: &Arc<Self>, sizing: Sizing) {
        self.with(|inner, now| inner.machine.resize(now, sizing));
    }

    /// Orders a new generation; the receiver gets what became of it.
    pub(crate) fn reload(
        self: &Arc<Self>,
        config: &PoolConfig,
        spawner: Arc<dyn Spawn>,
    ) -> Result<oneshot::Receiver<Result<u64, String>>, Error> {
        let generation = Arc::new(Generation::new(config, spawner));
        self.with(|inner, now| {
            let number = (inner.machine)
                .reload(now, Settings::from(config))
                .map_err(|reason| Error::new(ErrorKind::Reload).caused_by(reason))?;
            inner.generations.insert(number, generation);
            let (sender, receiver) = oneshot::channel();
            inner.reload = Some(sender);
            Ok(receiver)
        })
    }

    /// Completes when a worker is ready, or with why none is.
    pub(crate) async fn ready(self: &Arc<Self>) -> Result<(), Error> {
        loop {
            let progress = self.progress.notified();
            let state = self.with(|inner, now| {
                if inner.machine.is_ready() {
                    return Some(Ok(()));
                }
                if inner.machine.is_stopping_all() || inner.machine.has_ended() {
                    return Some(Err(Error::new(ErrorKind::Closed)));
                }
                if inner.machine.has_failed_starts() {
                    return Some(Err(inner.start_error(ErrorKind::NoWorker)));
                }
                inner.machine.warm(now);
                None
            });
            if let Some(result) = state {
                return result;
            }
            progress.await;
        }
    }

    pub(crate) async fn drain(self: &Arc<Self>) {
        self.with(|inner, _| inner.machine.drain());
        loop {
            let drained = self.drained.notified();
            if self.lock().machine.is_drained() {
                return;
            }
            drained.await;
        }
    }

    pub(crate) async fn shut_down(self: &Arc<Self>, grace: Duration) {
        if !grace.is_zero() {
            let this = Arc::clone(self);
            // What is not done by then is interrupted.
            self.for_at_most(grace, async move { this.drain().await })
                .await;
        }
        self.close();
        let limit = self.lock().machine.longest_stop(now());
        let this = Arc::clone(self);
        let stopped = async move { this.until(|this| this.lock().machine.is_stopped()).await };
        self.for_at_most(limit.saturating_add(LAST_WAIT), stopped)
            .await;
        let stuck = self.lock().machine.processes();
        if stuck > 0 && !self.is_lost() {
            let pool = &*self.name;
            tracing::error!(
                pool,
                stuck,
                "workers do not end: they are left to the system"
            );
            return;
        }
        self.until(Self::is_gone).await;
    }

    /// Waits until something is so that `stopped` tells of.
    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            let stopped = self.stopped.notified();
            if self.is_lost() || is_so(self) {
                return;
            }
            stopped.await;
        }
    }

    /// Runs `future` to its end, or until `limit` has passed, on the pool's
    /// runtime: that of the caller may have no timers.
    async fn for_at_most(
        &self,
        limit: Duration,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut task = JoinSet::new();
        let limited = async move { tokio::time::timeout(limit, future).await };
        task.spawn_on(limited, &self.runtime);
        // Either way it is over.
        let _ = task.join_next().await;
    }

    /// Whether all processes are gone, their output read, their spawners closed.
    fn is_gone(&self) -> bool {
        let inner = self.lock();
        inner.machine.is_stopped() && inner.slots.is_empty() && inner.closing == 0
    }

    /// Stops everything, without waiting for it.
    pub(crate) fn close(self: &Arc<Self>) {
        self.with(|inner, now| inner.machine.shut_down(now));
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The pool's clock is tokio's, so that tests can hold it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Jitter has to differ between processes, and to be no secret.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
