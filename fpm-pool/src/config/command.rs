//! The program that workers run, and the world it runs in.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The environment of a worker, before [`WorkerCommand::env`] adds to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Environment {
    /// Empty, as with php-fpm's `clear_env = yes`.
    #[default]
    Clear,
    /// That of the supervisor.
    Inherit,
}

/// How a new worker proves that it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// It answers `FCGI_GET_VALUES`, as the specification asks of every
    /// application (FastCGI 1.0, section 4.1). One that closes the
    /// connection instead (PHP before 8.2.13 does so afterwards) is ready
    /// too.
    #[default]
    GetValues,
    /// It runs. For programs that ignore management records.
    Started,
    /// There is a connection to it: the one that it came with
    /// ([`Process::take_connection`](crate::Process::take_connection)), or a
    /// new one. Nothing is asked on it.
    Connected,
}

/// How the kernel schedules workers beside the supervisor (`sched(7)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheduling {
    /// `SCHED_BATCH`: a worker that gets a request does not interrupt the
    /// server that sent it, which saves a task switch per request when
    /// processors are scarce. Its share of processor time stays the same. A
    /// supervisor that was given another policy than the usual one keeps it
    /// for its workers.
    #[default]
    Batch,
    /// That of the supervisor.
    Inherit,
}

/// A resource limit (`setrlimit(2)`), for the soft and the hard limit alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceLimit {
    /// Open descriptors (`RLIMIT_NOFILE`; php-fpm's `rlimit_files`).
    Files(u64),
    /// Bytes of a core dump (`RLIMIT_CORE`; php-fpm's `rlimit_core`). 0 for
    /// php-cgi unless set, as it dumps core when it is asked to stop.
    Core(u64),
    /// Bytes of address space (`RLIMIT_AS`).
    AddressSpace(u64),
    /// Seconds of processor time (`RLIMIT_CPU`).
    CpuSecs(u64),
    /// Processes of the worker's user (`RLIMIT_NPROC`).
    Processes(u64),
}

/// The program that workers run, and the world it runs in.
///
/// Its descriptor 0 is a listening socket (`FCGI_LISTENSOCK_FILENO`),
/// descriptors 1 and 2 are read line by line, all others are closed, and no
/// signal is ignored.
///
/// # What it starts
///
/// Everything that a worker starts inherits a mark (a value of
/// `RLIMIT_RTTIME`, which limits nothing that is not real-time): the php-cgi
/// behind a wrapper script, programs that a script runs, those that it leaves
/// running in the background, in whatever process group and under whatever
/// parent.
///
/// - `SIGQUIT` and `SIGTERM` go to the worker's process group, so that a
///   wrapper script need not `exec`.
/// - When the worker ends, or has to be killed, every process that is left of
///   what it started is killed, before the end is reported and before
///   [`shutdown`](crate::PoolHandle::shutdown) returns.
/// - When the supervisor dies, even by `SIGKILL`, a tiny process (`fpm-pool
///   guard`), which the pool keeps for this and lets go at shutdown, kills
///   them all.
///
/// What begins a session of its own leaves on purpose, and stays: a daemon
/// that a script starts with `setsid`. Control groups would be firmer, and are
/// not used: few containers let a program make any, and they would end such
/// daemons, too. Processes that run as another user than the supervisor's can
/// be killed by one with the right to do so only.
///
/// # Examples
///
/// ```
/// use fpm_pool::{ResourceLimit, WorkerCommand};
///
/// let command = WorkerCommand::php_cgi("php-cgi")
///     .user("www-data")
///     .define("memory_limit", "256M")
///     .env("APP_ENV", "production")
///     .limit(ResourceLimit::Files(1024));
/// assert_eq!(command.program(), "php-cgi");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) php_ini: Option<PathBuf>,
    pub(crate) defines: Vec<(String, String)>,
    pub(crate) environment: Environment,
    pub(crate) env: BTreeMap<OsString, OsString>,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) supplementary_groups: Option<Vec<String>>,
    pub(crate) chroot: Option<PathBuf>,
    pub(crate) chdir: Option<PathBuf>,
    pub(crate) umask: Option<u32>,
    pub(crate) nice: Option<i32>,
    pub(crate) scheduling: Scheduling,
    pub(crate) limits: Vec<ResourceLimit>,
    pub(crate) readiness: Readiness,
    pub(crate) php: bool,
}

impl WorkerCommand {
    /// A FastCGI application. A name without `/` is looked up in `PATH`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            php_ini: None,
            defines: Vec::new(),
            environment: Environment::default(),
            env: BTreeMap::new(),
            user: None,
            group: None,
            supplementary_groups: None,
            chroot: None,
            chdir: None,
            umask: None,
            nice: None,
            scheduling: Scheduling::default(),
            limits: Vec::new(),
            readiness: Readiness::default(),
            php: false,
        }
    }

    /// `php-cgi`, told to manage neither children nor restarts: the pool
    /// does.
    ///
    /// A syntax error in php.ini fails the start; php-cgi itself would go on
    /// with half of the settings.
    #[must_use]
    pub fn php_cgi(program: impl Into<PathBuf>) -> Self {
        let mut this = Self::new(program)
            .env("PHP_FCGI_CHILDREN", "0")
            .env("PHP_FCGI_MAX_REQUESTS", "0");
        this.php = true;
        this
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        self.program.as_os_str()
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// The php.ini to read, or the folder that holds it (`-c`).
    #[must_use]
    pub fn php_ini(mut self, path: impl Into<PathBuf>) -> Self {
        self.php_ini = Some(path.into());
        self
    }

    /// Reads no php.ini at all (`-n`).
    #[must_use]
    pub fn no_php_ini(self) -> Self {
        self.arg("-n")
    }

    /// Sets a php.ini directive (`-d name=value`). A later definition of the
    /// same name wins.
    #[must_use]
    pub fn define(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.defines.push((name.into(), value.into()));
        self
    }

    /// What the environment starts from; cleared by default.
    #[must_use]
    pub const fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The user to run as, a name or a number. The group becomes the user's
    /// own unless [`group`](Self::group) says otherwise, and `USER` and
    /// `HOME` are set unless [`env`](Self::env) sets them.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The group to run as, a name or a number.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The supplementary groups. Without this call they are those that the
    /// system lists for [`user`](Self::user).
    #[must_use]
    pub fn supplementary_groups<G: Into<String>>(
        mut self,
        groups: impl IntoIterator<Item = G>,
    ) -> Self {
        self.supplementary_groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }

    /// The root folder to change to; the program is looked up inside it.
    #[must_use]
    pub fn chroot(mut self, folder: impl Into<PathBuf>) -> Self {
        self.chroot = Some(folder.into());
        self
    }

    /// The folder to start in; `/` inside a chroot, otherwise the
    /// supervisor's.
    #[must_use]
    pub fn chdir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.chdir = Some(folder.into());
        self
    }

    /// The mask for the modes of new files.
    #[must_use]
    pub const fn umask(mut self, mask: u32) -> Self {
        self.umask = Some(mask);
        self
    }

    /// The priority, -20 (highest) to 19.
    #[must_use]
    pub const fn nice(mut self, nice: i32) -> Self {
        self.nice = Some(nice);
        self
    }

    /// How the kernel schedules workers; in batches by default.
    #[must_use]
    pub const fn scheduling(mut self, scheduling: Scheduling) -> Self {
        self.scheduling = scheduling;
        self
    }

    /// Adds a resource limit.
    #[must_use]
    pub fn limit(mut self, limit: ResourceLimit) -> Self {
        self.limits.push(limit);
        self
    }

    /// How a new worker proves that it is ready.
    #[must_use]
    pub const fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// All arguments, in the order in which they are passed.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut all = Vec::new();
        if let Some(path) = &self.php_ini {
            all.extend(["-c".into(), path.clone().into_os_string()]);
        }
        for (name, value) in &self.defines {
            all.extend(["-d".into(), define(name, value).into()]);
        }
        all.extend(self.args.iter().cloned());
        all
    }

    /// Whether `line`, which a worker wrote before it was ready, means that
    /// it must not be used.
    pub(crate) fn is_fatal_at_start(&self, line: &[u8]) -> bool {
        self.php
            && (line.starts_with(b"PHP:  syntax error") || line.starts_with(b"PHP Fatal error"))
    }
}

/// php-cgi reads `-d` values as php.ini does, so that anything but a plain
/// word has to be quoted.
fn define(name: &str, value: &str) -> String {
    let plain = value.bytes().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'&' | b'~' | b'|')
    });
    // php-cgi itself puts quotes around a value that starts with a letter or
    // digit; what has quotes of its own, it takes as it is.
    if plain || value.starts_with('"') {
        format!("{name}={value}")
    } else {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{name}=\"{escaped}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_in_phps_order() {
        let command = WorkerCommand::php_cgi("php-cgi")
            .php_ini("/etc/php.ini")
            .define("memory_limit", "64M")
            .define("error_prepend_string", "a \"b\";c")
            .arg("-T1");
        assert_eq!(
            command.arguments(),
            [
                "-c",
                "/etc/php.ini",
                "-d",
                "memory_limit=64M",
                "-d",
                "error_prepend_string=\"a \\\"b\\\";c\"",
                "-T1"
            ]
        );
    }

    #[test]
    fn a_broken_php_ini_is_seen_in_the_output_of_php_alone() {
        let line = b"PHP:  syntax error, unexpected end of file in /etc/php.ini on line 4";
        assert!(WorkerCommand::php_cgi("php-cgi").is_fatal_at_start(line));
        assert!(!WorkerCommand::php_cgi("php-cgi").is_fatal_at_start(b"PHP Warning:  x"));
        assert!(!WorkerCommand::new("app").is_fatal_at_start(line));
    }
}
