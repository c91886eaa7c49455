//! The thread that starts processes.

use std::io;
use std::sync::mpsc;
use std::thread;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// The guard, which is forked here, counts on no more.
const STACK: usize = 1 << 20;

/// Runs jobs one after the other. A parent-death signal is sent when the
/// *thread* that forked ends: this one lives until it is dropped, and every
/// process that it started holds on to it.
#[derive(Debug)]
pub(super) struct SpawnThread {
    jobs: mpsc::Sender<Job>,
}

impl SpawnThread {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, received) = mpsc::channel::<Job>();
        // The system cuts names of threads at 15 bytes.
        thread::Builder::new()
            .name("fpm-pool spawn".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                for job in received {
                    job();
                }
            })?;
        Ok(Self { jobs })
    }

    /// Has `job` run; gives it back if the thread is gone.
    pub(super) fn run(&self, job: Job) -> Result<(), Job> {
        self.jobs.send(job).map_err(|unsent| unsent.0)
    }
}
