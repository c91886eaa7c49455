//! Sessions in an embedded database file.

mod fault;
mod file;
mod records;
mod view;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::file::File;
use self::writer::{Job, Writer};
use super::Backoff;
use super::local::{Records, Wanted, local_backend};
use crate::mode::Queue;
use crate::{Caps, Change, Clock, Committed, Entry, Error, ErrorKind, LockKind, Result, SessionId};

/// Sessions in one file of the embedded database `redb`: the durable default
/// of a single node.
///
/// A commit has reached the disk when it is reported. Commits that arrive
/// while one is under way share the next, so that many requests at a time
/// cost few flushes. Locks are those of the memory backend.
///
/// On a full disk, and on one that takes no writes, sessions can be read and
/// every write is refused; a full disk that has space again takes the next
/// write.
///
/// The file belongs to one process at a time; others wait for it to be
/// closed.
#[derive(Debug)]
pub struct Redb {
    file: Arc<File>,
    writer: Writer,
    locks: Queue,
    clock: Clock,
}

impl Redb {
    /// Opens or makes the file, waiting up to `wait` for another process to
    /// close it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LockTimeout`] if another process keeps it open: stop
    /// that one or use its endpoint. [`ErrorKind::Corrupt`] if the file is
    /// no database. Else as the file system fails.
    pub async fn open(path: impl AsRef<Path>, wait: Duration) -> Result<Self> {
        Self::open_with_clock(path, wait, Clock::system()).await
    }

    /// The same with another clock, for tests.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub async fn open_with_clock(
        path: impl AsRef<Path>,
        wait: Duration,
        clock: Clock,
    ) -> Result<Self> {
        let deadline = Instant::now() + wait;
        let mut backoff = Backoff::new();
        loop {
            match File::open(path.as_ref()) {
                Ok(file) => {
                    let file = Arc::new(file);
                    let writer = Writer::start(file.clone())?;
                    let locks = Queue::new();
                    return Ok(Self {
                        file,
                        writer,
                        locks,
                        clock,
                    });
                }
                Err(error) if error.kind() == ErrorKind::LockTimeout => {
                    if !backoff.sleep(deadline).await {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn write(&self, job: Job, action: &'static str) -> Result<writer::Done> {
        self.writer.run(job).await.unwrap_or_else(|| {
            let error = Error::new(ErrorKind::Backend, self.file.name().to_owned(), action);
            Err(error.with_source("the writing thread has ended"))
        })
    }
}

impl Records for Redb {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn caps(&self) -> Caps {
        let mut caps = Caps::new(LockKind::OwnedByConnection);
        caps.cas = true;
        caps.touch = true;
        caps.list = true;
        caps.durable = true;
        caps
    }

    fn locks(&self) -> &Queue {
        &self.locks
    }

    fn get(&self, id: &SessionId) -> Result<Option<Entry>> {
        let now = self.clock.now();
        self.file.read("read session", |transaction| {
            records::get(transaction, id, now)
        })
    }

    async fn apply(
        &self,
        id: &SessionId,
        wanted: Wanted,
        change: Change,
        ttl: Duration,
    ) -> Result<Committed> {
        let job = Job::Apply {
            id: id.clone(),
            wanted,
            change,
            ttl,
            now: self.clock.now(),
        };
        match self.write(job, "write session").await? {
            writer::Done::Applied(outcome) => Ok(outcome),
            writer::Done::Purged(_) => Ok(Committed::Conflict),
        }
    }

    async fn purge(&self, budget: usize) -> Result<u64> {
        let now = self.clock.now();
        match self
            .write(Job::Purge { budget, now }, "purge sessions")
            .await?
        {
            writer::Done::Purged(count) => Ok(count),
            writer::Done::Applied(_) => Ok(0),
        }
    }

    fn names(&self, limit: usize) -> Result<Vec<String>> {
        let now = self.clock.now();
        self.file.read("list sessions", |transaction| {
            records::names(transaction, limit, now)
        })
    }
}

local_backend!(Redb);
