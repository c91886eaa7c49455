//! The codes of findings, and which lints are wanted.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::Severity;

/// Declares [`Code`] from one list.
macro_rules! codes {
    ($($id:ident $name:literal $severity:ident $doc:literal;)*) => {
        /// What kind of finding it is. The text form is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`: ", $doc)] $id,)*
        }

        impl Code {
            /// Every code, errors first.
            pub const ALL: &[Self] = &[$(Self::$id,)*];

            /// The stable text form, such as `unknown-directive`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$id => $name,)* }
            }

            /// What it means and why it matters.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$id => $doc,)* }
            }

            /// How bad it is unless the finding says otherwise.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$id => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    SyntaxError "syntax-error" Error
        "The line is not well formed in PHP's ini language. php-fpm reads each physical line alone, so no value can go on in the next one, and an open quote ends with its line.";
    MissingValue "missing-value" Error
        "A name stands alone. php-fpm wants `name = value`; an empty value is written `name =`.";
    UnknownDirective "unknown-directive" Error
        "php-fpm knows no directive of this name in this section. Names of pools' directives do not count in `[global]`, and the other way round.";
    NewerDirective "newer-directive" Error
        "The directive came with a later PHP version than the one checked for; that version refuses it as unknown.";
    InvalidValue "invalid-value" Error
        "The value is not of the directive's type.";
    PoolVariableInGlobal "pool-variable-in-global" Error
        "`$pool` stands for the name of a pool, and there is none in `[global]`.";
    EndlessPoolName "endless-pool-name" Error
        "The name of the pool contains `$pool`, and php-fpm replaces that text until none is left: it never starts.";
    ArrayKey "array-key" Error
        "`env`, `php_value` and their likes need a key, `name[key] = value`; `access.suppress_path[]` takes none.";
    ArrayInGlobal "array-in-global" Error
        "Arrays such as env[] belong into a pool.";
    ArrayValue "array-value" Error
        "The value is missing, or does not start with a slash as a path to suppress must.";
    UnreadableFile "unreadable-file" Error
        "A file of the configuration cannot be opened.";
    IncludeFolder "include-folder" Error
        "The pattern of an `include` leads through a folder that does not exist or cannot be read.";
    IncludeDepth "include-depth" Error
        "Files include each other more than five deep, often in a loop.";
    TwoIncludes "two-includes" Error
        "One line, cut by a carriage return, holds two `include` statements.";
    IncludeNothing "include-nothing" Warning
        "No file matches an `include`. php-fpm goes on without.";
    LogLimit "log-limit" Error
        "log_limit must be at least 512.";
    ProcessMaxNegative "process-max-negative" Error
        "process.max must not be negative.";
    PriorityRange "priority-range" Error
        "process.priority goes from -19 to 20.";
    ErrorLogUnwritable "error-log-unwritable" Error
        "error_log cannot be opened for appending. `php-fpm -t` opens it too.";
    EventsMechanism "events-mechanism" Error
        "This way to wait for events does not exist on Linux.";
    NoPools "no-pools" Error
        "There is no pool: no section but `[global]`.";
    PrefixMissing "prefix-missing" Error
        "The pool's prefix is no folder.";
    UserMissing "user-missing" Error
        "A php-fpm that starts as root must know which user the workers run as.";
    ListenMissing "listen-missing" Error
        "A pool needs an address to listen on.";
    PmMissing "pm-missing" Error
        "A pool needs `pm = static`, `dynamic` or `ondemand`.";
    MaxChildren "max-children" Error
        "pm.max_children must be written, and at least 1.";
    SpareServers "spare-servers" Error
        "With `pm = dynamic`: 1 <= pm.min_spare_servers <= pm.max_spare_servers <= pm.max_children.";
    StartServersRange "start-servers-range" Error
        "pm.start_servers must lie between both spare limits.";
    StartServersDefault "start-servers-default" Note
        "pm.start_servers is not set; php-fpm takes the middle of both spare limits and says so at each start.";
    SpawnRate "spawn-rate" Error
        "pm.max_spawn_rate must be at least 1.";
    IdleTimeout "idle-timeout" Error
        "With `pm = ondemand`, pm.process_idle_timeout must be at least 1 second.";
    BacklogRaised "backlog-raised" Warning
        "`pm = ondemand` needs a long listen.backlog; php-fpm raises a short one.";
    StatusPath "status-path" Error
        "pm.status_path must be a path of letters, digits and `/_-.~` that starts with a slash.";
    PingPath "ping-path" Error
        "ping.path must be a path of letters, digits and `/_-.~` that starts with a slash.";
    PingResponse "ping-response" Error
        "ping.response must not be empty.";
    EmptyPingPath "empty-ping-path" Warning
        "`ping.path =` with nothing behind it passes php-fpm's test, but then each worker dies at its start and is replaced without end.";
    AccessLogUnwritable "access-log-unwritable" Error
        "access.log cannot be opened for appending. `php-fpm -t` opens it too.";
    AccessFormat "access-format" Error
        "access.format has a code that php-fpm does not know.";
    SlowlogMissing "slowlog-missing" Error
        "A slow log timeout or trace depth needs `slowlog`.";
    SlowlogUnwritable "slowlog-unwritable" Error
        "slowlog cannot be opened for appending. `php-fpm -t` opens it too.";
    SlowlogTimeout "slowlog-timeout" Error
        "request_slowlog_timeout must not be longer than request_terminate_timeout: the request would be gone by then.";
    TraceDepth "trace-depth" Error
        "request_slowlog_trace_depth must be positive.";
    ChrootInvalid "chroot-invalid" Error
        "chroot must be the absolute path of a folder that exists.";
    ChdirInvalid "chdir-invalid" Error
        "chdir must be the absolute path of a folder that exists, seen from within chroot.";
    DuplicateListen "duplicate-listen" Error
        "Two pools listen on the same address.";
    UnknownUser "unknown-user" Error
        "There is no such user on this machine.";
    UnknownGroup "unknown-group" Error
        "There is no such group on this machine.";
    SocketPathTooLong "socket-path-too-long" Error
        "A Unix socket's path holds 107 bytes at most. Before PHP 8.3 a longer one is cut silently.";
    InvalidPort "invalid-port" Error
        "A TCP port goes from 1 to 65535. `php-fpm -t` does not look, the start fails.";
    RootWorkers "root-workers" Error
        "Workers would run as root. `php-fpm -t` does not look; without -R the start fails, with it each hole in an application is a hole in the machine.";
    FileTooLarge "file-too-large" Warning
        "The file is larger than this check reads; what stands behind the limit was not looked at.";
    TooManyFiles "too-many-files" Warning
        "The configuration has more files than this check reads.";
    TooManyFindings "too-many-findings" Note
        "Only the first findings are listed.";
    OpenSocket "open-socket" Warning
        "Every user of the machine can connect to the Unix socket, and so run any PHP file as the pool's user. Let the web server's group in: listen.group and mode 0660.";
    OpenListen "open-listen" Warning
        "The pool listens on all network interfaces and takes connections from anyone: whoever reaches the port runs code. Listen on 127.0.0.1 or set listen.allowed_clients.";
    NoControlTimeout "no-control-timeout" Warning
        "With process_control_timeout = 0, the default, a reload ends running requests at once.";
    NoTerminateTimeout "no-terminate-timeout" Warning
        "With request_terminate_timeout = 0, the default, a request that hangs keeps its worker for ever; PHP's own limit does not count time in system calls.";
    AllExtensions "all-extensions" Warning
        "With security.limit_extensions empty any file runs as PHP: an uploaded image becomes a program.";
    PathIsScript "path-is-script" Warning
        "The status or ping path ends like a script. If such a file exists the web server may pass requests for it, and the pool answers its own page instead; or the page is public together with the scripts.";
    SameListen "same-listen" Warning
        "Two pools' addresses differ in writing but mean the same, or overlap: the second cannot bind.";
    FirstWins "first-wins" Warning
        "Of two array entries with one key the first counts; for all other directives it is the last.";
    MisreadValue "misread-value" Warning
        "php-fpm reads something else than what is written: `1.5s` is 1 second, `5ms` is 5 seconds, a mode that is not octal is 0.";
    WritableLog "writable-log" Warning
        "The log lies in a folder that the pool's user can write. php-fpm opens logs as root: the user can put a link in its place and have any file written.";
    MemoryOvercommit "memory-overcommit" Warning
        "If each worker used as much memory as its memory_limit allows, the machine would run out of it.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no code of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no code of this name")]
#[non_exhaustive]
pub struct UnknownCode;

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(name: &str) -> Result<Self, UnknownCode> {
        let mut all = Self::ALL.iter().copied();
        all.find(|code| code.as_str() == name).ok_or(UnknownCode)
    }
}

/// What happens to a finding that is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LintLevel {
    /// It is left out.
    Allow,
    /// It is shown.
    #[default]
    Warn,
    /// It is shown, and counts as a failure.
    Deny,
}

/// The caller's choice for each code; what is not named is shown. Errors of
/// php-fpm cannot be turned off.
#[derive(Debug, Clone, Default)]
pub struct LintLevels {
    levels: HashMap<Code, LintLevel>,
    others: LintLevel,
}

impl LintLevels {
    /// Chooses for one code.
    pub fn set(&mut self, code: Code, level: LintLevel) {
        self.levels.insert(code, level);
    }

    /// Chooses for every code that is not named by [`Self::set`].
    pub fn set_others(&mut self, level: LintLevel) {
        self.others = level;
    }

    /// The choice for `code`.
    #[must_use]
    pub fn level(&self, code: Code) -> LintLevel {
        self.levels.get(&code).copied().unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for &code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
    }
}
