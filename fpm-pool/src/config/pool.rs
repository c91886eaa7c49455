//! The settings of one pool.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{OnClientGone, PoolLimits, Queue, Sizing, Timeouts, WorkerCommand};
use crate::{CommandSpawner, Error, ErrorKind, Output};

/// Everything a pool is told, as a builder.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use fpm_pool::{PoolConfig, Sizing, Timeouts, WorkerCommand};
///
/// let config = PoolConfig::new("www")
///     .command(WorkerCommand::php_cgi("php-cgi"))
///     .sizing(Sizing::Ondemand {
///         max_children: 8,
///         process_idle_timeout: Duration::from_secs(60),
///     })
///     .max_requests(500)
///     .timeouts(Timeouts::default().total(Duration::from_secs(30)));
/// assert_eq!(config.name(), "www");
/// ```
#[derive(Clone)]
pub struct PoolConfig {
    pub(crate) name: Arc<str>,
    pub(crate) command: Option<WorkerCommand>,
    pub(crate) sizing: Sizing,
    pub(crate) queue: Queue,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: PoolLimits,
    pub(crate) max_processes: Option<usize>,
    pub(crate) max_spawn_rate: usize,
    pub(crate) max_requests: u64,
    pub(crate) backoff: (Duration, Duration),
    pub(crate) on_client_gone: OnClientGone,
    pub(crate) output: Option<OutputSink>,
}

pub(crate) type OutputSink = Arc<dyn Fn(&Output<'_>) + Send + Sync>;

impl PoolConfig {
    /// Settings of the pool `name` with the defaults of each part.
    ///
    /// A pool whose workers a [`Spawn`](crate::Spawn) starts needs no more;
    /// for others [`command`](Self::command) says what they run.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            command: None,
            sizing: Sizing::default(),
            queue: Queue::default(),
            timeouts: Timeouts::default(),
            limits: PoolLimits::default(),
            max_processes: None,
            max_spawn_rate: 32,
            max_requests: 0,
            backoff: (Duration::from_millis(100), Duration::from_secs(3)),
            on_client_gone: OnClientGone::default(),
            output: None,
        }
    }

    /// The pool's name, as logs and the status say it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most workers at a time.
    #[must_use]
    pub const fn max_children(&self) -> usize {
        self.sizing.max_children()
    }

    /// The program that workers run, and the world it runs in.
    #[must_use]
    pub fn command(mut self, command: WorkerCommand) -> Self {
        self.command = Some(command);
        self
    }

    /// Runs another program with the same settings.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        self.command = Some(match self.command {
            Some(command) => WorkerCommand { program, ..command },
            None => WorkerCommand::new(program),
        });
        self
    }

    /// Sets a php.ini value of PHP workers, over all that were set before
    /// ([`WorkerCommand::define`]). Without a [`command`](Self::command) it
    /// does nothing.
    #[must_use]
    pub fn define(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.command = (self.command).map(|command| command.define(name, value));
        self
    }

    /// How many workers there are.
    #[must_use]
    pub const fn sizing(mut self, sizing: Sizing) -> Self {
        self.sizing = sizing;
        self
    }

    /// The bounds of the queue.
    #[must_use]
    pub const fn queue(mut self, queue: Queue) -> Self {
        self.queue = queue;
        self
    }

    /// How long things may take.
    #[must_use]
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// What a peer can make the pool hold.
    #[must_use]
    pub const fn limits(mut self, limits: PoolLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The most processes at a time: workers, those that a reload starts
    /// beside them, and those that were told to stop and have not ended, such
    /// as one that is stuck in the kernel. Twice `max_children` by default; at
    /// least `max_children`.
    #[must_use]
    pub const fn max_processes(mut self, processes: usize) -> Self {
        self.max_processes = Some(processes);
        self
    }

    /// The most workers that are starting at a time (php-fpm's
    /// `pm.max_spawn_rate`); at least 1, 32 by default.
    #[must_use]
    pub const fn max_spawn_rate(mut self, workers: usize) -> Self {
        self.max_spawn_rate = workers;
        self
    }

    /// Requests after which a worker is replaced; 0, the default, is never.
    ///
    /// Each worker's own number is up to a tenth lower, so that workers that
    /// started together do not restart together.
    #[must_use]
    pub const fn max_requests(mut self, requests: u64) -> Self {
        self.max_requests = requests;
        self
    }

    /// The wait before a worker is started again after failures in a row, and
    /// the most it grows to by doubling; 100 ms and 3 s by default. The first
    /// failures, as many as there are workers and at most four, are made good
    /// at once. A pool without a worker goes on trying, one at a time.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = (first, most);
        self
    }

    /// What happens to a running request whose client has left;
    /// [`Request::on_client_gone`](crate::Request::on_client_gone) overrides
    /// it.
    #[must_use]
    pub const fn on_client_gone(mut self, policy: OnClientGone) -> Self {
        self.on_client_gone = policy;
        self
    }

    /// Passes each line that a worker writes to `sink` too. It runs on the
    /// pool's tasks and must not block.
    #[must_use]
    pub fn output(mut self, sink: impl Fn(&Output<'_>) + Send + Sync + 'static) -> Self {
        self.output = Some(Arc::new(sink));
        self
    }

    /// What starts workers that run the configured command.
    pub(crate) fn spawner(&self) -> Result<CommandSpawner, Error> {
        let command = self.command.clone().ok_or_else(|| {
            Error::new(ErrorKind::Config)
                .caused_by("no command is set: call PoolConfig::command, or give a spawner")
        })?;
        CommandSpawner::new(command)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.sizing
            .check()
            .map_err(|reason| Error::new(ErrorKind::Config).caused_by(reason))
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("name", &self.name)
            .field("command", &self.command)
            .field("sizing", &self.sizing)
            .field("queue", &self.queue)
            .field("timeouts", &self.timeouts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
