//! Workers that this process supervises.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use fpm_pool::{Pool, PoolConfig, PoolHandle, Queue, Sizing, Status, Timeouts, WorkerCommand};

use super::backend::with_causes;
use super::fpm_conf;
use crate::serve::failure::Failure;
use crate::serve::settings::PhpSettings;

/// Settings of every PHP worker; `-d` and the configuration file win over
/// them. Errors belong into the log, not into a page for strangers.
const DEFINES: [(&str, &str); 3] = [
    ("display_errors", "0"),
    ("log_errors", "1"),
    ("html_errors", "0"),
];
/// Variables that workers keep of an environment that is cleared otherwise.
const KEPT: [&str; 7] = [
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PATH",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_ALL",
];
const MAX_QUEUE: usize = 1024;
const MIN_WORKERS: usize = 4;

/// A pool of workers.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    pub(super) pool: PoolHandle,
}

impl Workers {
    /// The settings of the pool.
    ///
    /// # Errors
    ///
    /// When php-cgi is missing, or a setting cannot be used.
    pub(super) fn configure(settings: &PhpSettings) -> Result<PoolConfig, Failure> {
        let program = find(
            settings
                .program
                .as_deref()
                .unwrap_or_else(|| Path::new("php-cgi")),
        )?;
        let command = with_environment(command(&program));
        let mut config = match &settings.config {
            Some(file) => {
                let pool = fpm_conf::read(file, settings.pool.as_deref())?;
                PoolConfig::from_fpm(&pool, command)
                    .map_err(|error| Failure::Config(with_causes(&error)))?
            }
            None => {
                let max_children = default_workers();
                PoolConfig::new("www")
                    .command(command)
                    .sizing(Sizing::Static { max_children })
            }
        };
        // The command line wins over the file.
        for define in &settings.defines {
            let (name, value) = define.split_once('=').unwrap_or((define, "1"));
            config = config.define(name, value);
        }
        if let Some(max_children) = settings.workers {
            config = config.sizing(Sizing::Static { max_children });
        }
        if let Some(limit) = settings.request_timeout {
            config = config
                .timeouts(Timeouts::default().total(Some(limit).filter(|limit| !limit.is_zero())));
        }
        let max_wait = settings
            .queue_timeout
            .unwrap_or_else(|| Queue::default().max_wait);
        let max_len = settings.queue.unwrap_or(MAX_QUEUE);
        // As many as could run or wait without a session, and of one session
        // no more than a part of these.
        let max_blocked = max_len.saturating_add(config.max_children());
        let queue = Queue::default()
            .max_len(max_len)
            .max_wait(max_wait)
            .max_blocked(max_blocked)
            .max_blocked_per_key(max_blocked.div_ceil(4).saturating_mul(3));
        Ok(config.queue(queue))
    }

    /// Starts the workers and waits for the first one.
    ///
    /// # Errors
    ///
    /// When they do not start.
    pub(super) async fn start(config: PoolConfig) -> Result<Self, Failure> {
        let failed = |error| Failure::Workers(with_causes(&error));
        let pool = Pool::start(config).map_err(failed)?;
        if let Err(error) = pool.ready().await {
            pool.shutdown(Duration::ZERO).await;
            return Err(failed(error));
        }
        Ok(Self { pool })
    }

    pub(super) async fn reload(&self, settings: &PhpSettings) -> Result<u64, String> {
        let config = Self::configure(settings).map_err(|failure| failure.to_string())?;
        self.pool
            .reload(config)
            .await
            .map_err(|error| with_causes(&error))
    }

    pub(super) async fn stop(&self, grace: Duration) {
        self.pool.shutdown(grace).await;
    }

    pub(super) fn status(&self) -> Status {
        self.pool.status()
    }
}

/// What every worker gets of our environment: where PHP finds its settings,
/// and what programs that scripts start cannot do without.
fn with_environment(command: WorkerCommand) -> WorkerCommand {
    KEPT.iter()
        .fold(command, |command, name| match std::env::var_os(name) {
            Some(value) => command.env(name, value),
            None => command,
        })
}

/// A program that is not PHP gets no arguments of PHP.
fn command(program: &Path) -> WorkerCommand {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    if !name.contains("php") {
        return WorkerCommand::new(program);
    }
    let command = WorkerCommand::php_cgi(program);
    DEFINES.into_iter().fold(command, |command, (name, value)| {
        command.define(name, value)
    })
}

/// Looks a program up as a shell does.
fn find(program: &Path) -> Result<PathBuf, Failure> {
    let missing = || Failure::NoPhp {
        looked_for: program.to_owned(),
    };
    if program.components().count() > 1 {
        let found = program.is_file().then(|| std::path::absolute(program).ok());
        return found.flatten().ok_or_else(missing);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(missing)
}

/// Two for each processor, because scripts also wait; at least four.
fn default_workers() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    (2 * processors).max(MIN_WORKERS)
}
