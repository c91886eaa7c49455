//! `[global]`, typed.

use std::time::Duration;

use crate::draft::Section;
use crate::schema::{Id, LogLevel, Value};

use super::pool::Rlimit;
use super::read::{Read, source};
use super::{Setting, Text};

/// Settings of the master.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Global {
    /// File for the process id of the master.
    pub pid: Setting<Option<Text>>,
    /// File of the messages, or `syslog`.
    pub error_log: Setting<Text>,
    /// Name in front of messages in syslog.
    pub syslog_ident: Setting<Text>,
    /// Facility of syslog, as Linux numbers them.
    pub syslog_facility: Setting<i32>,
    /// Whether lines of workers are put together first.
    pub log_buffering: Setting<bool>,
    /// Least severity that is logged.
    pub log_level: Setting<LogLevel>,
    /// Where long lines are wrapped, in bytes.
    pub log_limit_bytes: Setting<u32>,
    /// Time of the crash counter; zero turns it off.
    pub emergency_restart_interval: Setting<Duration>,
    /// Crashes within that time that restart the master; 0 turns it off.
    pub emergency_restart_threshold: Setting<u32>,
    /// How long requests may go on at a reload or stop; zero: not at all.
    pub process_control_timeout: Setting<Duration>,
    /// Most workers of all pools.
    pub process_max: Setting<Option<u32>>,
    /// Nice value of the master, from -19 to 20.
    pub process_priority: Setting<Option<i32>>,
    /// Whether to go to the background.
    pub daemonize: Setting<bool>,
    /// Limit of open files.
    pub rlimit_files: Setting<Rlimit>,
    /// Limit of core dumps, in bytes.
    pub rlimit_core_bytes: Setting<Rlimit>,
    /// How the master waits: epoll, poll or select.
    pub events_mechanism: Setting<Text>,
    /// How often systemd is told the state.
    pub systemd_interval: Setting<Option<Duration>>,
}

impl Global {
    pub(crate) fn read(section: &Section) -> Self {
        let read = Read(section);
        Self {
            pid: read.filled(Id::Pid),
            error_log: read.text_or(Id::ErrorLog, ""),
            syslog_ident: read.text_or(Id::SyslogIdent, ""),
            syslog_facility: read.integer(Id::SyslogFacility),
            log_buffering: read.boolean(Id::LogBuffering),
            log_level: {
                let level = match section.slot(Id::LogLevel).map(|slot| &slot.value) {
                    Some(Value::LogLevel(level)) => *level,
                    _ => LogLevel::Notice,
                };
                Setting::new(level, source(section, Id::LogLevel))
            },
            log_limit_bytes: read.count(Id::LogLimit),
            emergency_restart_interval: read.time(Id::EmergencyRestartInterval),
            emergency_restart_threshold: read.count(Id::EmergencyRestartThreshold),
            process_control_timeout: read.time(Id::ProcessControlTimeout),
            process_max: read.count_limit(Id::ProcessMax),
            process_priority: read.priority(Id::GlobalProcessPriority),
            daemonize: read.boolean(Id::Daemonize),
            rlimit_files: read.rlimit(Id::GlobalRlimitFiles),
            rlimit_core_bytes: read.rlimit(Id::GlobalRlimitCore),
            events_mechanism: read.text_or(Id::EventsMechanism, "epoll"),
            systemd_interval: read.limit(Id::SystemdInterval),
        }
    }
}
