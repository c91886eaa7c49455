//! What all workers of a command have in common: the thread that starts them,
//! and those who see to it that nothing of them stays.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use nix::unistd::Pid;

use super::sweeper::Sweeper;
use super::thread::SpawnThread;
use crate::sys::{Guard, Roll};

/// How long the guard may take to end.
const GUARD_LIMIT: Duration = Duration::from_secs(10);

/// How long the start of a worker may go on when nobody wants it any more.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);

/// Held by every worker's process: the thread must live as long as they do.
#[derive(Debug)]
pub(super) struct Family {
    thread: Mutex<Option<SpawnThread>>,
    guard: Mutex<Option<Guard>>,
    pub(super) roll: Arc<Roll>,
    pub(super) sweeper: Arc<Sweeper>,
}

impl Family {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            thread: Mutex::new(None),
            guard: Mutex::new(None),
            roll: Arc::new(Roll::new()?),
            sweeper: Arc::new(Sweeper::new()?),
        })
    }

    /// Has the thread run `job`; a new thread, should the first be gone.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut kept = lock(&self.thread);
        let mut job: super::thread::Job = Box::new(job);
        for _ in 0..2 {
            let thread = match &*kept {
                Some(thread) => thread,
                None => kept.insert(SpawnThread::start()?),
            };
            match thread.run(job) {
                Ok(()) => return Ok(()),
                Err(unused) => job = unused,
            }
            *kept = None;
        }
        Err(io::Error::other("the thread that starts workers is gone"))
    }

    /// Sees to it that a guard is there, before a worker is.
    pub(super) fn ensure_guard(&self) -> io::Result<()> {
        let mut kept = lock(&self.guard);
        if kept.as_ref().is_some_and(Guard::is_alive) {
            return Ok(());
        }
        if kept.take().is_some() {
            tracing::warn!("the guard of the workers was killed; another takes its place");
        }
        let guard = (self.sweeper).with_proc(|proc_dir| Guard::start(&self.roll, proc_dir));
        *kept = Some(guard.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start the guard: {error}"))
        })?);
        Ok(())
    }

    /// Waits until the thread has done what it was asked for: a worker that
    /// nobody wants any more is started and ended by then. Blocks.
    pub(super) fn settle(&self) {
        let (done, is_done) = mpsc::channel();
        let asked = lock(&self.thread).as_ref().is_some_and(|thread| {
            let job = move || {
                // Nobody waits any more when it comes too late.
                let _ = done.send(());
            };
            thread.run(Box::new(job)).is_ok()
        });
        if asked && is_done.recv_timeout(SETTLE_LIMIT).is_err() {
            tracing::error!("the thread that starts workers does not come to an end");
        }
    }

    /// Lets the guard go, and waits until it is gone. Blocks.
    pub(super) fn end_guard(&self) {
        let guard = lock(&self.guard).take();
        if let Some(guard) = guard
            && let Err(error) = guard.end(GUARD_LIMIT)
        {
            tracing::error!(%error, "the guard of the workers does not end");
        }
    }

    /// Forgets a worker, of which nothing may be left.
    pub(super) fn forget(&self, worker: Pid) {
        self.roll.forget(worker);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
