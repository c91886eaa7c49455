//! The one thread that writes: what arrives during a flush shares the next.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::Wanted;
use super::file::File;
use super::records::Tables;
use crate::{Change, Committed, Error, ErrorKind, Result, SessionId};

/// Jobs in one transaction, so that nobody waits for all others.
const MAX_BATCH: usize = 256;

/// A change of the database.
#[derive(Debug)]
pub(super) enum Job {
    Apply {
        id: SessionId,
        wanted: Wanted,
        change: Change,
        ttl: Duration,
        now: SystemTime,
    },
    Purge {
        budget: usize,
        now: SystemTime,
    },
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Done {
    Applied(Committed),
    Purged(u64),
}

/// Hands jobs to the thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Writer(Sender<(Job, oneshot::Sender<Result<Done>>)>);

impl Writer {
    pub(super) fn start(file: Arc<File>) -> Result<Self> {
        let (sender, receiver) = channel();
        let name = file.name().to_owned();
        std::thread::Builder::new()
            .name("session-redb".into())
            .spawn(move || run(&file, &receiver))
            .map_err(|error| {
                Error::new(ErrorKind::Backend, name, "start its thread").with_source(error)
            })?;
        Ok(Self(sender))
    }

    /// Does a job; `None` if the thread has ended.
    pub(super) async fn run(&self, job: Job) -> Option<Result<Done>> {
        let (sender, receiver) = oneshot::channel();
        self.0.send((job, sender)).ok()?;
        receiver.await.ok()
    }
}

fn run(file: &File, jobs: &Receiver<(Job, oneshot::Sender<Result<Done>>)>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(MAX_BATCH - 1));
        let (jobs, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        match file.write("write sessions", |transaction| {
            let mut tables = Tables::open(transaction)?;
            jobs.iter().map(|job| carry_out(&mut tables, job)).collect()
        }) {
            Ok(done) => reply(replies, done),
            Err(error) => retry_alone(file, jobs, replies, error),
        }
    }
}

type Replies = Vec<oneshot::Sender<Result<Done>>>;

fn reply(replies: Replies, done: Vec<Done>) {
    for (reply, done) in replies.into_iter().zip(done) {
        // Whoever asked may have left.
        let _ = reply.send(Ok(done));
    }
}

/// One job too many, or too large, must not fail the others.
fn retry_alone(file: &File, jobs: Vec<Job>, replies: Replies, error: Error) {
    let mut error = Some(error);
    let is_alone = jobs.len() == 1;
    for (job, reply) in jobs.into_iter().zip(replies) {
        let done = match error.take().filter(|_| is_alone) {
            Some(error) => Err(error),
            None => file.write("write session", |transaction| {
                carry_out(&mut Tables::open(transaction)?, &job)
            }),
        };
        let _ = reply.send(done);
    }
}

fn carry_out(tables: &mut Tables<'_>, job: &Job) -> std::result::Result<Done, redb::Error> {
    match job {
        Job::Apply {
            id,
            wanted,
            change,
            ttl,
            now,
        } => Ok(Done::Applied(tables.apply(id, wanted, change, *ttl, *now)?)),
        Job::Purge { budget, now } => Ok(Done::Purged(tables.purge(*budget, *now)?)),
    }
}
