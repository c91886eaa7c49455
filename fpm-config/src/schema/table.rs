//! The table. Its order is that of php-fpm's own dump (`php-fpm -tt`).

use super::directive::DefaultValue::{Boolean as Bool, Integer as Int, Text as Str, Unset};
use super::directive::{Directive, Kind, Scope};
use super::version::PhpVersion;

/// Declares [`Id`] and [`DIRECTIVES`] from one list.
macro_rules! directives {
    ($($id:ident: $scope:ident $name:literal $kind:ident, $default:expr, $unit:literal,
        $major:literal, $minor:literal, $doc:literal, $rules:expr;)*) => {
        /// Names a directive in code. `process.priority`, `rlimit_files` and
        /// `rlimit_core` exist twice, once a scope.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Id {
            $(#[doc = concat!("`", $name, "`")] $id,)*
        }

        /// Every directive of php-fpm.
        pub static DIRECTIVES: &[Directive] = &[
            $(Directive {
                id: Id::$id,
                name: $name,
                scope: Scope::$scope,
                kind: Kind::$kind,
                default: $default,
                unit: $unit,
                since: PhpVersion::new($major, $minor),
                doc: $doc,
                rules: $rules,
            },)*
        ];
    };
}

impl Id {
    /// The row of this directive.
    #[must_use]
    pub fn directive(self) -> &'static Directive {
        &DIRECTIVES[self as usize]
    }
}

directives! {
    Pid: Global "pid" Path, Unset, "", 5, 3,
        "File that the master writes its process id to, without a newline. Relative paths start at the state folder (Debian: /var).",
        &[];
    ErrorLog: Global "error_log" Path, Str("log/php-fpm.log"), "", 5, 3,
        "File of the master's messages, or `syslog`. Created with mode 0600, as the user who starts php-fpm. Relative paths start at the state folder (Debian: /var).",
        &["It must be possible to open the file for appending, even for a test of the configuration."];
    SyslogIdent: Global "syslog.ident" Text, Str("php-fpm"), "", 5, 4,
        "Name in front of each message when error_log is `syslog`.",
        &[];
    SyslogFacility: Global "syslog.facility" Facility, Int(24), "", 5, 4,
        "Facility of the messages when error_log is `syslog`: auth, authpriv, cron, daemon, ftp, kern, lpr, mail, news, syslog, user, uucp or local0 to local7.",
        &[];
    LogBuffering: Global "log_buffering" Boolean, Bool(true), "", 7, 3,
        "Whether a line of worker output is put together in memory before it is written.",
        &[];
    LogLevel: Global "log_level" LogLevel, Unset, "", 5, 3,
        "Least severity that is logged; notice if unset. `warning` and higher hide the messages about starts and stops.",
        &[];
    LogLimit: Global "log_limit" Integer, Int(1024), "bytes", 7, 3,
        "Length at which lines of worker output are wrapped.",
        &["At least 512."];
    EmergencyRestartInterval: Global "emergency_restart_interval" Time, Int(0), "seconds", 5, 3,
        "Time in which emergency_restart_threshold crashes make the master restart itself; 0 turns it off.",
        &[];
    EmergencyRestartThreshold: Global "emergency_restart_threshold" Integer, Int(0), "crashes", 5, 3,
        "Number of workers that crash (SIGSEGV, SIGBUS) within emergency_restart_interval before the master restarts; 0 turns it off.",
        &[];
    ProcessControlTimeout: Global "process_control_timeout" Time, Int(0), "seconds", 5, 3,
        "How long workers may finish their requests at a reload or graceful stop. With 0 they are ended at once: a reload then loses requests.",
        &[];
    ProcessMax: Global "process.max" Integer, Int(0), "workers", 5, 4,
        "Most workers of all pools together; 0 sets no limit.",
        &["Not negative."];
    GlobalProcessPriority: Global "process.priority" Integer, Unset, "", 5, 4,
        "Nice value of the master, inherited by workers; works only when started as root.",
        &["From -19 to 20."];
    Daemonize: Global "daemonize" Boolean, Bool(true), "", 5, 3,
        "Whether php-fpm goes to the background. Service managers and containers want `no`.",
        &[];
    GlobalRlimitFiles: Global "rlimit_files" Integer, Int(0), "descriptors", 5, 3,
        "Limit of open files of the master; 0 leaves what the system set. A limit that cannot be set stops the start.",
        &[];
    GlobalRlimitCore: Global "rlimit_core" RlimitCore, Int(0), "bytes", 5, 3,
        "Limit of core dumps of the master, or `unlimited`; 0 leaves what the system set.",
        &["Not negative."];
    EventsMechanism: Global "events.mechanism" Text, Unset, "", 5, 4,
        "How the master waits for events: epoll, poll or select on Linux; epoll if unset.",
        &["One that this system has."];
    SystemdInterval: Global "systemd_interval" Time, Int(10), "seconds", 5, 4,
        "How often the state is told to systemd; 0 turns it off. Known only to builds with systemd, such as Debian's.",
        &[];
    Include: Global "include" Include, Unset, "", 5, 3,
        "Reads other files at this place. Patterns as in a shell (`*`, `?`, `[a-z]`), sorted by name; relative ones start at the installation prefix, not at this file. May stand in any section; the section that an included file ends in goes on behind it.",
        &["Five files deep at most.", "A folder in a pattern must be readable."];
    Prefix: Pool "prefix" Path, Unset, "", 5, 3,
        "Folder that relative paths of this pool start at: listen, access.log, slowlog, chroot, chdir and file names in php values.",
        &["The folder must exist."];
    User: Pool "user" Text, Unset, "", 5, 3,
        "Account that workers run as, by name or number. A name also sets the group, HOME and USER.",
        &["Needed when php-fpm starts as root.", "Must exist, and must not be root."];
    Group: Pool "group" Text, Unset, "", 5, 3,
        "Group that workers run as, by name or number; the user's own if unset.",
        &["Must exist."];
    Listen: Pool "listen" Path, Unset, "", 5, 3,
        "Where the pool takes connections: a path (Unix socket), `port`, or `host:port`. Anything with a colon is taken for TCP.",
        &["Needed.", "No two pools may have the same."];
    ListenBacklog: Pool "listen.backlog" Integer, Int(-1), "connections", 5, 3,
        "Length of the queue of connections that no worker has taken yet; -1 takes the system's most (net.core.somaxconn).",
        &[];
    ListenAclUsers: Pool "listen.acl_users" Text, Unset, "", 5, 6,
        "Users who may connect to the Unix socket, separated by commas without blanks. If set, listen.owner and listen.group are ignored. Needs a build with ACLs.",
        &[];
    ListenAclGroups: Pool "listen.acl_groups" Text, Unset, "", 5, 6,
        "Groups that may connect to the Unix socket, separated by commas without blanks. If set, listen.owner and listen.group are ignored. Needs a build with ACLs.",
        &[];
    ListenOwner: Pool "listen.owner" Text, Unset, "", 5, 3,
        "Owner of the Unix socket, by name or number; a name also sets its group.",
        &["Must exist."];
    ListenGroup: Pool "listen.group" Text, Unset, "", 5, 3,
        "Group of the Unix socket, by name or number. The web server's group is the usual choice.",
        &["Must exist."];
    ListenMode: Pool "listen.mode" Text, Unset, "", 5, 3,
        "Mode of the Unix socket in octal; 0660 if unset. Text that is not octal ends up as mode 0000.",
        &[];
    ListenAllowedClients: Pool "listen.allowed_clients" Text, Unset, "", 5, 3,
        "Addresses of web servers that may connect over TCP, separated by commas without blanks. No names, no networks. Unset: anyone.",
        &[];
    ListenSetfib: Pool "listen.setfib" Integer, Int(-1), "", 8, 2,
        "Routing table of the socket; known only to builds for FreeBSD.",
        &[];
    PoolProcessPriority: Pool "process.priority" Integer, Unset, "", 5, 4,
        "Nice value of the workers; works only when started as root.",
        &["From -19 to 20."];
    ProcessDumpable: Pool "process.dumpable" Boolean, Bool(false), "", 7, 1,
        "Whether workers may dump core and be traced by their own user, although they changed it.",
        &[];
    Pm: Pool "pm" ProcessManager, Unset, "", 5, 3,
        "How the number of workers is chosen: `static` (always pm.max_children), `dynamic` (between spare limits), `ondemand` (none until needed).",
        &["Needed."];
    PmMaxChildren: Pool "pm.max_children" Integer, Int(0), "workers", 5, 3,
        "Most workers, and so most requests at the same time. Memory of the machine divided by memory of a worker bounds it.",
        &["Needed, at least 1."];
    PmStartServers: Pool "pm.start_servers" Integer, Int(0), "workers", 5, 3,
        "Workers at the start (dynamic only); halfway between the spare limits if unset.",
        &["From pm.min_spare_servers to pm.max_spare_servers."];
    PmMinSpareServers: Pool "pm.min_spare_servers" Integer, Int(0), "workers", 5, 3,
        "Least idle workers (dynamic only). php-fpm starts no more than this many a second.",
        &["At least 1 with dynamic, not above pm.max_children."];
    PmMaxSpareServers: Pool "pm.max_spare_servers" Integer, Int(0), "workers", 5, 3,
        "Most idle workers (dynamic only); one above it is stopped each second.",
        &["At least pm.min_spare_servers, not above pm.max_children."];
    PmMaxSpawnRate: Pool "pm.max_spawn_rate" Integer, Int(32), "workers", 8, 1,
        "Most workers started at once (dynamic only).",
        &["At least 1."];
    PmProcessIdleTimeout: Pool "pm.process_idle_timeout" Time, Int(10), "seconds", 5, 3,
        "How long a worker may be idle before it is stopped (ondemand only).",
        &["At least 1 with ondemand."];
    PmMaxRequests: Pool "pm.max_requests" Integer, Int(0), "requests", 5, 3,
        "Requests after which a worker is replaced, against leaks; 0 never.",
        &[];
    PmStatusPath: Pool "pm.status_path" Text, Unset, "", 5, 3,
        "Path that answers with the state of the pool. Empty or unset: off.",
        &["Starts with `/`, at least two characters, of letters, digits and `/_-.~` only."];
    PmStatusListen: Pool "pm.status_listen" Path, Unset, "", 8, 0,
        "A second address that answers pm.status_path even when every worker is busy.",
        &["An address that no pool has."];
    PingPath: Pool "ping.path" Text, Unset, "", 5, 3,
        "Path that answers `ping.response`, for health checks.",
        &["Starts with `/`, at least two characters, of letters, digits and `/_-.~` only."];
    PingResponse: Pool "ping.response" Text, Unset, "", 5, 3,
        "What ping.path answers; `pong` if unset.",
        &["Not empty if ping.path is set."];
    AccessLog: Pool "access.log" Path, Unset, "", 5, 3,
        "File with one line for each request. Opened by the master, as root if it is.",
        &["Not empty if written, and must open for appending."];
    AccessFormat: Pool "access.format" Text, Unset, "", 5, 3,
        "What a line of access.log holds; unset: `%R - %u %t \"%m %r\" %s`.",
        &["Known codes only."];
    AccessSuppressPath: Pool "access.suppress_path" Array, Unset, "", 8, 2,
        "Paths whose successful GET and HEAD requests are not logged: `access.suppress_path[] = /ping`.",
        &["No key.", "Starts with `/`."];
    Slowlog: Pool "slowlog" Path, Unset, "", 5, 3,
        "File for the stack of slow requests.",
        &[];
    RequestSlowlogTimeout: Pool "request_slowlog_timeout" Time, Int(0), "seconds", 5, 3,
        "Time after which the stack of a request is written to slowlog; 0 never.",
        &["Needs slowlog.", "Not above request_terminate_timeout."];
    RequestSlowlogTraceDepth: Pool "request_slowlog_trace_depth" Integer, Int(20), "frames", 7, 2,
        "Most frames of such a stack.",
        &["Needs slowlog, positive."];
    RequestTerminateTimeout: Pool "request_terminate_timeout" Time, Int(0), "seconds", 5, 3,
        "Time after which the worker of a request is ended, whatever PHP's own limits say; 0 never.",
        &[];
    RequestTerminateTimeoutTrackFinished: Pool "request_terminate_timeout_track_finished" Boolean, Bool(false), "", 7, 3,
        "Whether that time also counts after fastcgi_finish_request().",
        &[];
    PoolRlimitFiles: Pool "rlimit_files" Integer, Int(0), "descriptors", 5, 3,
        "Limit of open files of a worker; 0 leaves the master's.",
        &[];
    PoolRlimitCore: Pool "rlimit_core" RlimitCore, Int(0), "bytes", 5, 3,
        "Limit of core dumps of a worker, or `unlimited`; 0 leaves the master's.",
        &["Not negative."];
    Chroot: Pool "chroot" Path, Unset, "", 5, 3,
        "Folder that is the root of the workers' file system. `$prefix` at its start stands for the pool's prefix.",
        &["An absolute path to a folder that exists."];
    Chdir: Pool "chdir" Path, Unset, "", 5, 3,
        "Folder that workers start in; within chroot if there is one.",
        &["The folder must exist."];
    CatchWorkersOutput: Pool "catch_workers_output" Boolean, Bool(false), "", 5, 3,
        "Whether what workers write to stdout and stderr goes to the error log instead of nowhere.",
        &[];
    DecorateWorkersOutput: Pool "decorate_workers_output" Boolean, Bool(true), "", 7, 3,
        "Whether such lines get the pool, process id and stream in front.",
        &[];
    ClearEnv: Pool "clear_env" Boolean, Bool(true), "", 5, 4,
        "Whether workers start with an empty environment but for env[]. With `no` they see all variables of the master, secrets included.",
        &[];
    SecurityLimitExtensions: Pool "security.limit_extensions" Text, Str(".php .phar"), "", 5, 3,
        "Ends of file names that may run as scripts, separated by blanks. Empty lets every file run: an uploaded image becomes a program.",
        &[];
    ApparmorHat: Pool "apparmor_hat" Text, Unset, "", 5, 6,
        "AppArmor hat that workers change to; needs a build with AppArmor.",
        &[];
    Env: Pool "env" Array, Unset, "", 5, 3,
        "Environment variable of the workers: `env[NAME] = value`; `$NAME` takes the master's. Of two with one name the first counts.",
        &["Not empty."];
    PhpValue: Pool "php_value" Array, Unset, "", 5, 3,
        "Setting of php.ini that scripts may change: `php_value[memory_limit] = 128M`. Of two with one name the first counts.",
        &[];
    PhpFlag: Pool "php_flag" FlagArray, Unset, "", 5, 3,
        "The same for settings that are on or off.",
        &[];
    PhpAdminValue: Pool "php_admin_value" Array, Unset, "", 5, 3,
        "Setting of php.ini that scripts cannot change. Of two with one name the first counts.",
        &[];
    PhpAdminFlag: Pool "php_admin_flag" FlagArray, Unset, "", 5, 3,
        "The same for settings that are on or off.",
        &[];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_names_its_own_row() {
        for (row, directive) in DIRECTIVES.iter().enumerate() {
            assert_eq!(directive.id as usize, row);
            assert!(directive.doc.ends_with('.'), "{}", directive.name);
        }
    }
}
