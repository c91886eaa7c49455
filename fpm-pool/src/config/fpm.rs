//! Settings from a php-fpm configuration.

use std::path::PathBuf;

use fpm_config::model::{Pool, Rlimit, Text};
use fpm_config::schema::ProcessManager;

use super::{Environment, PoolConfig, ResourceLimit, Sizing, Timeouts, WorkerCommand};
use crate::{Error, ErrorKind};

/// The pool of a php-fpm configuration, with workers that run `php-cgi` from
/// `PATH`; [`PoolConfig::program`] names another.
///
/// As with php-fpm, `user`, `group`, `chroot` and `process.priority` count
/// for root alone. `php_value` and `php_admin_value` become `-d` settings,
/// that is php.ini's own: a script may change what `ini_set` may change.
/// What concerns listening sockets and logs is the host's.
///
/// # Errors
///
/// [`Config`](ErrorKind::Config) for a value that is not UTF-8 where it has
/// to be, and for `apparmor_hat`, which would otherwise be silently missing.
///
/// # Examples
///
/// ```
/// use fpm_config::world::{System, World};
/// use fpm_config::{Config, Options};
/// use fpm_pool::PoolConfig;
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("php-fpm.conf");
/// std::fs::write(&file, "[www]\nlisten = 9000\npm = static\npm.max_children = 3\n")?;
///
/// let parsed = Config::load(&file, &Options::default(), &World::of(&System::new()));
/// let config = PoolConfig::try_from(&parsed.pools()[0])?.program("/usr/bin/php-cgi");
/// assert_eq!(config.name(), "www");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl TryFrom<&Pool> for PoolConfig {
    type Error = Error;

    fn try_from(pool: &Pool) -> Result<Self, Error> {
        Self::from_fpm(pool, WorkerCommand::php_cgi("php-cgi"))
    }
}

impl PoolConfig {
    /// The pool of a php-fpm configuration, with workers that run `command`,
    /// whose own settings the configuration wins over: what
    /// [`try_from`](Self::try_from) does for a host that has defaults.
    ///
    /// # Errors
    ///
    /// As [`try_from`](Self::try_from).
    pub fn from_fpm(pool: &Pool, command: WorkerCommand) -> Result<Self, Error> {
        if pool.apparmor_hat.is_some() {
            return Err(refuse("apparmor_hat is not supported"));
        }
        let timeouts = Timeouts::default().total(*pool.request_terminate_timeout);
        let mut config = Self::new(text(&pool.name)?)
            .command(on_top(command, pool)?)
            .sizing(sizing(pool))
            .timeouts(timeouts)
            .max_requests(pool.max_requests.unwrap_or(0).into());
        if *pool.pm == ProcessManager::Dynamic {
            config = config.max_spawn_rate(count(*pool.max_spawn_rate));
        }
        Ok(config)
    }
}

/// What the pool says about its workers' processes, on top of `command`.
fn on_top(mut command: WorkerCommand, pool: &Pool) -> Result<WorkerCommand, Error> {
    if nix::unistd::geteuid().is_root() {
        command.user = pool.user.as_ref().map(text).transpose()?;
        command.group = pool.group.as_ref().map(text).transpose()?;
        command.chroot = folder(pool.chroot.as_ref());
        command.nice = *pool.process_priority;
    }
    command.chdir = folder(pool.chdir.as_ref()).or(command.chdir);
    let limits = [
        limit(*pool.rlimit_files).map(ResourceLimit::Files),
        limit(*pool.rlimit_core_bytes).map(ResourceLimit::Core),
    ];
    command.limits.extend(limits.into_iter().flatten());
    if !*pool.clear_env {
        command = command.environment(Environment::Inherit);
    }
    for variable in &pool.env {
        let value = match variable.variable() {
            Some(name) => std::env::var_os(name.as_os_str()).unwrap_or_default(),
            None => variable.value.as_os_str().to_owned(),
        };
        command = command.env(variable.key.as_os_str(), value);
    }
    // What the administrator sets comes last and wins.
    for admin in [false, true] {
        for value in pool.php_values.iter().filter(|value| value.admin == admin) {
            command = command.define(text(&value.name)?, text(&value.value)?);
        }
    }
    Ok(command)
}

fn folder(path: Option<&Text>) -> Option<PathBuf> {
    path.map(|folder| folder.as_path().to_owned())
}

fn sizing(pool: &Pool) -> Sizing {
    let max_children = count(*pool.max_children);
    match *pool.pm {
        ProcessManager::Static => Sizing::Static { max_children },
        ProcessManager::Dynamic => Sizing::Dynamic {
            max_children,
            start_servers: count(*pool.start_servers),
            min_spare_servers: count(*pool.min_spare_servers),
            max_spare_servers: count(*pool.max_spare_servers),
        },
        _ => Sizing::Ondemand {
            max_children,
            process_idle_timeout: *pool.process_idle_timeout,
        },
    }
}

const fn limit(limit: Rlimit) -> Option<u64> {
    match limit {
        Rlimit::Limit(limit) => Some(limit),
        // The system's word for it (`RLIM_INFINITY`).
        Rlimit::Unlimited => Some(u64::MAX),
        _ => None,
    }
}

fn count(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn text(text: &Text) -> Result<String, Error> {
    let text = text.as_str().map(ToOwned::to_owned);
    text.ok_or_else(|| refuse("a value of the configuration is not UTF-8"))
}

fn refuse(reason: &'static str) -> Error {
    Error::new(ErrorKind::Config).caused_by(reason)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use fpm_config::world::{System, World};
    use fpm_config::{Config, Options};

    use super::*;

    fn read(text: &str) -> Result<PoolConfig, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("php-fpm.conf");
        fs::write(&file, text).unwrap();
        let config = Config::load(&file, &Options::default(), &World::of(&System::new()));
        PoolConfig::try_from(&config.pools()[0])
    }

    #[test]
    fn every_setting_of_workers_is_taken_over() {
        let config = read(
            "[shop]\nlisten = 9000\npm = dynamic\npm.max_children = 9\npm.start_servers = 3\n\
             pm.min_spare_servers = 2\npm.max_spare_servers = 4\npm.max_requests = 500\n\
             request_terminate_timeout = 30s\nrlimit_files = 512\nchdir = /usr\n\
             env[STAGE] = live\nphp_admin_value[memory_limit] = 64M\nphp_flag[log_errors] = on\n",
        )
        .unwrap();
        assert_eq!(config.name(), "shop");
        let sizing = Sizing::Dynamic {
            max_children: 9,
            start_servers: 3,
            min_spare_servers: 2,
            max_spare_servers: 4,
        };
        assert_eq!((config.sizing, config.max_requests), (sizing, 500));
        assert_eq!(config.timeouts.total, Some(Duration::from_secs(30)));
        let command = config.command.as_ref().unwrap();
        assert_eq!(command.limits, [ResourceLimit::Files(512)]);
        assert_eq!(command.env["STAGE".as_ref() as &std::ffi::OsStr], "live");
        let arguments = command.arguments();
        assert_eq!(arguments, ["-d", "log_errors=1", "-d", "memory_limit=64M"]);
    }

    #[test]
    fn the_file_wins_over_the_hosts_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("php-fpm.conf");
        let text = "[a]\nlisten = 9000\npm = static\npm.max_children = 1\n\
                    env[STAGE] = live\nphp_flag[log_errors] = off\n";
        fs::write(&file, text).unwrap();
        let parsed = Config::load(&file, &Options::default(), &World::of(&System::new()));
        let command = WorkerCommand::php_cgi("/opt/php-cgi")
            .env("STAGE", "test")
            .define("log_errors", "1");
        let config = PoolConfig::from_fpm(&parsed.pools()[0], command).unwrap();
        let command = config.command.as_ref().unwrap();
        assert_eq!(command.program(), "/opt/php-cgi");
        assert_eq!(command.env["STAGE".as_ref() as &std::ffi::OsStr], "live");
        assert_eq!(command.arguments().last().unwrap(), "log_errors=0");
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let text = "[a]\nlisten = 9000\npm = static\npm.max_children = 1\napparmor_hat = x\n";
        assert_eq!(read(text).unwrap_err().kind(), ErrorKind::Config);
    }
}
