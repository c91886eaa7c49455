//! Waiting for a lock that another process holds.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::locked::try_lock;
use crate::LockOptions;
use crate::backend::Backoff;

/// Threads that may wait in the kernel at a time. More waiters poll.
const MAX_THREADS: usize = 64;

/// Lets the kernel queue a bounded number of waiters, in fair order with
/// PHP's own. A thread, not a blocking task: `flock` has no timeout, and a
/// runtime that shuts down waits for its blocking tasks.
#[derive(Debug)]
pub(super) struct Waiters(Arc<Semaphore>);

impl Waiters {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_THREADS)))
    }

    /// Locks a file that somebody else has locked; `None` at the deadline.
    pub(super) async fn lock(&self, file: File, options: &LockOptions) -> io::Result<Option<File>> {
        match self.0.clone().try_acquire_owned() {
            Ok(permit) => wait_in_kernel(file, options.remaining(), permit).await,
            Err(_) => poll(file, options).await,
        }
    }
}

async fn wait_in_kernel(
    file: File,
    limit: Duration,
    permit: tokio::sync::OwnedSemaphorePermit,
) -> io::Result<Option<File>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("session-lock".into())
        .stack_size(64 << 10)
        .spawn(move || {
            let locked = file.lock().map(|()| file);
            drop(permit);
            // If nobody waits any more, dropping the file frees the lock.
            let _ = sender.send(locked);
        })?;
    match tokio::time::timeout(limit, receiver).await {
        Ok(Ok(locked)) => locked.map(Some),
        Ok(Err(_)) => Err(io::Error::other("the waiting thread died")),
        Err(_) => Ok(None),
    }
}

async fn poll(file: File, options: &LockOptions) -> io::Result<Option<File>> {
    let mut backoff = Backoff::new();
    loop {
        if try_lock(&file)? {
            return Ok(Some(file));
        }
        if !backoff.sleep(options.deadline).await {
            return Ok(None);
        }
    }
}
