//! A pool, typed.

use std::time::Duration;

use crate::draft::{ArrayEntry, Section};
use crate::schema::{Id, ProcessManager};
use crate::source::Span;

use super::read::{Read, source};
use super::{Address, Setting, Text, ValueSource};

/// A limit of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Rlimit {
    /// What the system has set.
    Keep,
    /// This many.
    Limit(u64),
    /// None.
    Unlimited,
}

/// A variable for the workers' environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ArrayValue {
    /// The key between the brackets.
    pub key: Text,
    /// The value; one that starts with `$` takes the master's variable of
    /// that name.
    pub value: Text,
    /// Where the value stands.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub span: Span,
}

impl ArrayValue {
    /// The name of the master's variable that the value stands for.
    ///
    /// A missing variable counts as empty.
    #[must_use]
    pub fn variable(&self) -> Option<Text> {
        let name = self.value.as_bytes().strip_prefix(b"$")?;
        Some(name.into())
    }
}

/// A setting of PHP for the workers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PhpValue {
    /// The name in php.ini.
    pub name: Text,
    /// The value; flags are `1` and `0`.
    pub value: Text,
    /// `php_admin_…`: scripts cannot change it.
    pub admin: bool,
    /// Where the value stands.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub span: Span,
}

/// Settings of one pool. Relative paths are completed, `$pool` is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Pool {
    /// The name, in its first spelling.
    pub name: Text,
    /// Where the pool begins.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub header: Span,
    /// Folder that relative paths of the pool start at.
    pub prefix: Setting<Option<Text>>,
    /// Account of the workers, name or number.
    pub user: Setting<Option<Text>>,
    /// Group of the workers, name or number; else the user's own.
    pub group: Setting<Option<Text>>,
    /// Where the pool takes connections.
    pub listen: Setting<Address>,
    /// Length of the queue of connections; -1: as long as the system allows.
    pub listen_backlog: Setting<i32>,
    /// Users who may connect to the Unix socket.
    pub listen_acl_users: Setting<Vec<Text>>,
    /// Groups that may connect to the Unix socket.
    pub listen_acl_groups: Setting<Vec<Text>>,
    /// Owner of the Unix socket, name or number.
    pub listen_owner: Setting<Option<Text>>,
    /// Group of the Unix socket, name or number.
    pub listen_group: Setting<Option<Text>>,
    /// Permission bits of the Unix socket.
    pub listen_mode: Setting<u32>,
    /// Addresses that may connect over TCP; `None`: any.
    pub listen_allowed_clients: Setting<Option<Vec<Text>>>,
    /// Nice value of the workers, from -19 to 20.
    pub process_priority: Setting<Option<i32>>,
    /// Whether workers may dump core and be traced.
    pub process_dumpable: Setting<bool>,
    /// How the number of workers is chosen.
    pub pm: Setting<ProcessManager>,
    /// Most workers.
    pub max_children: Setting<u32>,
    /// Workers at the start (dynamic).
    pub start_servers: Setting<u32>,
    /// Least idle workers (dynamic).
    pub min_spare_servers: Setting<u32>,
    /// Most idle workers (dynamic).
    pub max_spare_servers: Setting<u32>,
    /// Most workers started at once (dynamic).
    pub max_spawn_rate: Setting<u32>,
    /// How long a worker may be idle (ondemand).
    pub process_idle_timeout: Setting<Duration>,
    /// Requests after which a worker is replaced.
    pub max_requests: Setting<Option<u32>>,
    /// Path of the status page.
    pub status_path: Setting<Option<Text>>,
    /// A further address for the status page.
    pub status_listen: Setting<Option<Address>>,
    /// Path of the ping page.
    pub ping_path: Setting<Option<Text>>,
    /// What the ping page answers.
    pub ping_response: Setting<Text>,
    /// File of the access log.
    pub access_log: Setting<Option<Text>>,
    /// Format of its lines.
    pub access_format: Setting<Option<Text>>,
    /// Paths that it leaves out.
    pub access_suppress_paths: Setting<Vec<Text>>,
    /// File for stacks of slow requests.
    pub slowlog: Setting<Option<Text>>,
    /// When a request counts as slow.
    pub request_slowlog_timeout: Setting<Option<Duration>>,
    /// Most frames of such a stack.
    pub request_slowlog_trace_depth: Setting<u32>,
    /// When the worker of a request is ended.
    pub request_terminate_timeout: Setting<Option<Duration>>,
    /// Whether that counts after fastcgi_finish_request() too.
    pub request_terminate_timeout_track_finished: Setting<bool>,
    /// Limit of open files.
    pub rlimit_files: Setting<Rlimit>,
    /// Limit of core dumps, in bytes.
    pub rlimit_core_bytes: Setting<Rlimit>,
    /// Root of the workers' file system.
    pub chroot: Setting<Option<Text>>,
    /// Folder that workers start in.
    pub chdir: Setting<Option<Text>>,
    /// Whether output of workers goes to the error log.
    pub catch_workers_output: Setting<bool>,
    /// Whether such lines get a prefix.
    pub decorate_workers_output: Setting<bool>,
    /// Whether workers start with an empty environment.
    pub clear_env: Setting<bool>,
    /// Ends of names of files that may run; empty: any.
    pub limit_extensions: Setting<Vec<Text>>,
    /// AppArmor hat of the workers.
    pub apparmor_hat: Setting<Option<Text>>,
    /// Variables of the workers, each key once: the first entry counts.
    pub env: Vec<ArrayValue>,
    /// Settings of PHP, each name once for scripts and once for the
    /// administrator, whose value counts: the first entry of each.
    pub php_values: Vec<PhpValue>,
}

impl Pool {
    pub(crate) fn read(section: &Section) -> Self {
        let read = Read(section);
        Self {
            name: section.name.as_slice().into(),
            header: section.header,
            prefix: read.filled(Id::Prefix),
            user: read.filled(Id::User),
            group: read.filled(Id::Group),
            listen: Setting::new(
                Address::parse(section.text(Id::Listen).unwrap_or_default()),
                source(section, Id::Listen),
            ),
            listen_backlog: read.integer(Id::ListenBacklog),
            listen_acl_users: read.list(Id::ListenAclUsers, b","),
            listen_acl_groups: read.list(Id::ListenAclGroups, b","),
            listen_owner: read.filled(Id::ListenOwner),
            listen_group: read.filled(Id::ListenGroup),
            listen_mode: read.mode(Id::ListenMode, 0o660),
            listen_allowed_clients: read.optional_list(Id::ListenAllowedClients, b","),
            process_priority: read.priority(Id::PoolProcessPriority),
            process_dumpable: read.boolean(Id::ProcessDumpable),
            pm: read.process_manager(),
            max_children: read.count(Id::PmMaxChildren),
            start_servers: read.count(Id::PmStartServers),
            min_spare_servers: read.count(Id::PmMinSpareServers),
            max_spare_servers: read.count(Id::PmMaxSpareServers),
            max_spawn_rate: read.count(Id::PmMaxSpawnRate),
            process_idle_timeout: read.time(Id::PmProcessIdleTimeout),
            max_requests: read.count_limit(Id::PmMaxRequests),
            status_path: read.filled(Id::PmStatusPath),
            status_listen: read.optional_address(Id::PmStatusListen),
            ping_path: read.filled(Id::PingPath),
            ping_response: read.text_or(Id::PingResponse, "pong"),
            access_log: read.filled(Id::AccessLog),
            access_format: read.filled(Id::AccessFormat),
            access_suppress_paths: suppressed_paths(section),
            slowlog: read.filled(Id::Slowlog),
            request_slowlog_timeout: read.limit(Id::RequestSlowlogTimeout),
            request_slowlog_trace_depth: read.count(Id::RequestSlowlogTraceDepth),
            request_terminate_timeout: read.limit(Id::RequestTerminateTimeout),
            request_terminate_timeout_track_finished: read
                .boolean(Id::RequestTerminateTimeoutTrackFinished),
            rlimit_files: read.rlimit(Id::PoolRlimitFiles),
            rlimit_core_bytes: read.rlimit(Id::PoolRlimitCore),
            chroot: read.filled(Id::Chroot),
            chdir: read.filled(Id::Chdir),
            catch_workers_output: read.boolean(Id::CatchWorkersOutput),
            decorate_workers_output: read.boolean(Id::DecorateWorkersOutput),
            clear_env: read.boolean(Id::ClearEnv),
            limit_extensions: read.list(Id::SecurityLimitExtensions, b" \t"),
            apparmor_hat: read.filled(Id::ApparmorHat),
            env: environment(section),
            php_values: php_values(section),
        }
    }
}

fn array_source(section: &Section, id: Id) -> ValueSource {
    let first = section.arrays.iter().find(|entry| entry.id == id);
    first.map_or(ValueSource::Default, |entry| {
        ValueSource::File(entry.value_span)
    })
}

fn suppressed_paths(section: &Section) -> Setting<Vec<Text>> {
    let paths = section.arrays.iter();
    let paths = paths.filter(|entry| entry.id == Id::AccessSuppressPath);
    let paths = paths.map(|entry| Text::from(entry.value.as_slice()));
    Setting::new(
        paths.collect(),
        array_source(section, Id::AccessSuppressPath),
    )
}

fn environment(section: &Section) -> Vec<ArrayValue> {
    let mut found: Vec<ArrayValue> = Vec::new();
    for entry in section.arrays.iter().filter(|entry| entry.id == Id::Env) {
        if !found.iter().any(|known| known.key.as_bytes() == entry.key) {
            found.push(ArrayValue {
                key: entry.key.as_slice().into(),
                value: entry.value.as_slice().into(),
                span: entry.value_span,
            });
        }
    }
    found
}

fn php_values(section: &Section) -> Vec<PhpValue> {
    let mut found: Vec<PhpValue> = Vec::new();
    for entry in &section.arrays {
        let Some(admin) = is_admin(entry) else {
            continue;
        };
        let same = |known: &PhpValue| known.admin == admin && known.name.as_bytes() == entry.key;
        if !found.iter().any(same) {
            found.push(PhpValue {
                name: entry.key.as_slice().into(),
                value: entry.value.as_slice().into(),
                admin,
                span: entry.value_span,
            });
        }
    }
    found
}

/// Whether an entry sets PHP for the administrator, or for scripts.
fn is_admin(entry: &ArrayEntry) -> Option<bool> {
    match entry.id {
        Id::PhpAdminValue | Id::PhpAdminFlag => Some(true),
        Id::PhpValue | Id::PhpFlag => Some(false),
        _ => None,
    }
}
