//! Ending what a worker started, off the runtime's threads.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use tokio::sync::oneshot;

use crate::sys::{kill_descendants, open_proc};

/// How long processes that were killed are waited for: one may be held up in
/// the kernel. It dies when it gets out, and can start nothing before.
const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Kills what workers started by walking all processes; those who ask at
/// the same time share the walks. It has a thread while there is work.
#[derive(Debug)]
pub(super) struct Sweeper {
    proc_dir: Mutex<OwnedFd>,
    orders: Mutex<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    waiting: Vec<Order>,
    has_thread: bool,
}

#[derive(Debug)]
struct Order {
    worker: Pid,
    /// Not itself.
    others: bool,
    until: Instant,
    done: oneshot::Sender<()>,
}

impl Sweeper {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            proc_dir: Mutex::new(open_proc()?),
            orders: Mutex::default(),
        })
    }

    /// Runs `f` with a descriptor of `/proc` that nobody else uses meanwhile.
    pub(super) fn with_proc<R>(&self, f: impl FnOnce(BorrowedFd<'_>) -> R) -> R {
        let proc_dir = self.proc_dir.lock();
        f(proc_dir.unwrap_or_else(PoisonError::into_inner).as_fd())
    }

    /// Kills a worker and all that it started, or these alone, again and
    /// again until none is left; the receiver hears when that is so. One that
    /// does not die is given up after a while, with a line in the log.
    pub(super) fn sweep(self: &Arc<Self>, worker: Pid, others: bool) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        let until = Instant::now() + PATIENCE;
        let mut orders = self.lock();
        orders.waiting.push(Order {
            worker,
            others,
            until,
            done,
        });
        if !std::mem::replace(&mut orders.has_thread, true) {
            let this = Arc::clone(self);
            let name = "fpm-pool sweep".to_owned();
            if let Err(error) = thread::Builder::new().name(name).spawn(move || this.work()) {
                orders.has_thread = false;
                let waiting = std::mem::take(&mut orders.waiting);
                drop(orders);
                tracing::error!(%error, "cannot start a thread to end what workers started");
                self.round(&waiting);
            }
        }
        receiver
    }

    /// As [`sweep`](Self::sweep), in place.
    pub(super) fn sweep_now(&self, worker: Pid) {
        let until = Instant::now() + PATIENCE;
        let (done, _receiver) = oneshot::channel();
        let mut orders = vec![Order {
            worker,
            others: false,
            until,
            done,
        }];
        let mut pause = Duration::from_millis(1);
        loop {
            orders = self.rest(orders);
            if orders.is_empty() {
                return;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn work(&self) {
        let _unless_done = UnlessDone(self);
        let mut orders = Vec::new();
        let mut pause = Duration::ZERO;
        loop {
            {
                let mut new = self.lock();
                if !new.waiting.is_empty() {
                    pause = Duration::ZERO;
                }
                orders.append(&mut new.waiting);
                if orders.is_empty() {
                    new.has_thread = false;
                    return;
                }
            }
            orders = self.rest(orders);
            if !orders.is_empty() {
                pause = (pause * 2).clamp(Duration::from_millis(1), LONGEST_PAUSE);
                thread::sleep(pause);
            }
        }
    }

    /// One walk; the orders that are not done after it.
    fn rest(&self, mut orders: Vec<Order>) -> Vec<Order> {
        let found = self.round(&orders);
        let now = Instant::now();
        let over = |order: &mut Order| match found.get(&order.worker.as_raw()) {
            None => true,
            Some(_) if order.until > now => false,
            Some(left) => {
                let worker = order.worker.as_raw();
                tracing::error!(worker, left, "processes that a worker started do not die");
                true
            }
        };
        let done: Vec<_> = orders.extract_if(.., over).collect();
        for order in done {
            // Whoever asked may not be interested.
            let _ = order.done.send(());
        }
        orders
    }

    /// How many living processes each worker had.
    fn round(&self, orders: &[Order]) -> BTreeMap<i32, usize> {
        let mut found = BTreeMap::new();
        let mut all = BTreeSet::new();
        let mut others = BTreeSet::new();
        for order in orders {
            let wanted = if order.others { &mut others } else { &mut all };
            wanted.insert(order.worker.as_raw());
        }
        let wanted = |worker, process| {
            all.contains(&worker) || (process != worker && others.contains(&worker))
        };
        let mut count = |worker| *found.entry(worker).or_insert(0) += 1;
        let walked = self.with_proc(|proc_dir| kill_descendants(proc_dir, &wanted, &mut count));
        if let Err(error) = walked {
            tracing::error!(%error, "cannot look for what workers started");
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the next order start a new thread if this one panicked, in the code of
/// whoever takes the log; those who waited are told.
struct UnlessDone<'a>(&'a Sweeper);

impl Drop for UnlessDone<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut orders = self.0.lock();
            orders.has_thread = false;
            orders.waiting.clear();
        }
    }
}
