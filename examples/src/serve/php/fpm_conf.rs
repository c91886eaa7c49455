//! A pool of a php-fpm configuration as the settings of our workers.

use std::env;
use std::fmt::Write;
use std::path::Path;

use fpm_config::diagnostic::Severity;
use fpm_config::model::{self, Rlimit};
use fpm_config::schema::ProcessManager;
use fpm_config::world::{System, World};
use fpm_config::{Config, Options, StartedAs};
use fpm_pool::{Environment, PoolConfig, ResourceLimit, Sizing, Timeouts, WorkerCommand};

use crate::serve::failure::Failure;

/// Reads `file` and returns its pool `name`, or its first one.
///
/// # Errors
///
/// When php-fpm would refuse the file, or there is no such pool.
pub(super) fn read(file: &Path, name: Option<&str>) -> Result<model::Pool, Failure> {
    let mut options = Options::default();
    options.started_as = match is_root() {
        true => StartedAs::RootAllowed,
        false => StartedAs::User,
    };
    let config = Config::load(file, &options, &World::of(&System::new()));
    if !config.opened() {
        let text = format!("the configuration file {} cannot be read", file.display());
        return Err(Failure::Config(text));
    }
    if !config.would_start() {
        return Err(Failure::Config(findings(file, &config)));
    }
    let pool = match name {
        Some(name) => config.pool(name),
        None => config.pools().first(),
    };
    pool.cloned().ok_or_else(|| {
        let wanted = name.map_or_else(String::new, |name| format!(" [{name}]"));
        Failure::Config(format!("{} has no pool{wanted}", file.display()))
    })
}

fn findings(file: &Path, config: &Config) -> String {
    let mut text = format!("the configuration file {} cannot be used", file.display());
    let errors = config
        .diagnostics()
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    for finding in errors {
        let source = config.sources().file(finding.span.file).path().display();
        let line = config.sources().position(finding.span).line;
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {source}:{line}: {}", finding.message);
    }
    text
}

/// What the pool says about the workers' processes, on top of `command`.
pub(super) fn apply_to_command(pool: &model::Pool, mut command: WorkerCommand) -> WorkerCommand {
    if is_root() {
        if let Some(user) = &*pool.user {
            command = command.user(user.to_string());
        }
        if let Some(group) = &*pool.group {
            command = command.group(group.to_string());
        }
        if let Some(folder) = &*pool.chroot {
            command = command.chroot(folder.as_path());
        }
        if let Some(nice) = *pool.process_priority {
            command = command.nice(nice);
        }
    }
    if let Some(folder) = &*pool.chdir {
        command = command.chdir(folder.as_path());
    }
    if let Rlimit::Limit(files) = *pool.rlimit_files {
        command = command.limit(ResourceLimit::Files(files));
    }
    if let Rlimit::Limit(bytes) = *pool.rlimit_core_bytes {
        command = command.limit(ResourceLimit::Core(bytes));
    }
    if !*pool.clear_env {
        command = command.environment(Environment::Inherit);
    }
    for variable in &pool.env {
        let value = match variable.variable() {
            Some(name) => env::var_os(name.as_os_str()).unwrap_or_default(),
            None => variable.value.as_os_str().to_owned(),
        };
        command = command.env(variable.key.as_os_str(), value);
    }
    // What the administrator sets comes last and wins.
    for admin in [false, true] {
        for value in pool.php_values.iter().filter(|value| value.admin == admin) {
            command = command.define(value.name.to_string(), value.value.to_string());
        }
    }
    command
}

/// The pool's name and number of workers.
pub(super) fn pool_config(pool: &model::Pool, command: WorkerCommand) -> PoolConfig {
    let mut config = PoolConfig::new(pool.name.to_string(), command)
        .sizing(sizing(pool))
        .max_requests(pool.max_requests.unwrap_or(0).into());
    if *pool.pm == ProcessManager::Dynamic {
        config = config.max_spawn_rate(number(*pool.max_spawn_rate));
    }
    config
}

/// The pool's time limits.
pub(super) fn timeouts(pool: &model::Pool) -> Timeouts {
    Timeouts {
        total: *pool.request_terminate_timeout,
        ..Timeouts::default()
    }
}

fn sizing(pool: &model::Pool) -> Sizing {
    let max_children = number(*pool.max_children);
    match *pool.pm {
        ProcessManager::Static => Sizing::Static { max_children },
        ProcessManager::Dynamic => Sizing::Dynamic {
            max_children,
            start_servers: number(*pool.start_servers),
            min_spare_servers: number(*pool.min_spare_servers),
            max_spare_servers: number(*pool.max_spare_servers),
        },
        _ => Sizing::Ondemand {
            max_children,
            process_idle_timeout: *pool.process_idle_timeout,
        },
    }
}

/// Who the workers run as, if not who we do.
///
/// # Errors
///
/// When they are locked into a folder without our socket.
pub(super) fn worker_user(pool: &model::Pool) -> Result<Option<String>, Failure> {
    if !is_root() {
        return Ok(None);
    }
    if pool.chroot.is_some() {
        let text = "--sessions cannot be used with chroot: the workers do not reach our socket";
        return Err(Failure::Config(text.to_owned()));
    }
    Ok(pool.user.as_ref().map(ToString::to_string))
}

fn number(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// php-fpm changes user, root and priority for root alone.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
