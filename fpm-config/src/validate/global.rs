//! `[global]`.

use crate::diagnostic::{Code, Diagnostic, LogSeverity, Stage};
use crate::schema::{Id, LogLevel, Value};

use super::{Checks, paths};

pub(super) fn check(checks: &mut Checks<'_>) {
    pid(checks);
    log_level(checks);
    numbers(checks);
    systemd_interval(checks);
    error_log(checks);
    events_mechanism(checks);
}

fn error(checks: &Checks<'_>, code: Code, id: Id, message: &str) -> Diagnostic {
    let span = checks.draft.global.span(id);
    Diagnostic::new(code, Stage::Validate, span, message)
}

fn pid(checks: &mut Checks<'_>) {
    let options = checks.options;
    if let Some(path) = checks.draft.global.text(Id::Pid) {
        let path = paths::absolute(path, None, options, &options.state_folder);
        checks.draft.global.derive(Id::Pid, Value::Text(path));
    }
}

/// From here on php-fpm prints nothing below its log level.
fn log_level(checks: &mut Checks<'_>) {
    let Some(slot) = checks.draft.global.slot(Id::LogLevel) else {
        return;
    };
    if checks.sink.stopped.is_some() {
        return;
    }
    checks.sink.log_level = match slot.value {
        Value::LogLevel(LogLevel::Warning) => LogSeverity::Warning,
        Value::LogLevel(LogLevel::Error) => LogSeverity::Error,
        Value::LogLevel(LogLevel::Alert) => LogSeverity::Alert,
        _ => LogSeverity::Notice,
    };
}

fn numbers(checks: &mut Checks<'_>) {
    let global = &checks.draft.global;
    let priority = global.slot(Id::GlobalProcessPriority);
    let priority = priority.map(|_| global.integer(Id::GlobalProcessPriority));
    let bad_priority = priority.is_some_and(|nice| nice != UNSET_PRIORITY && !in_range(nice));
    let rules = [
        (
            global.integer(Id::LogLimit) < 512,
            Code::LogLimit,
            Id::LogLimit,
            "log_limit is below 512",
            "log_limit must be greater than 512",
        ),
        (
            global.integer(Id::ProcessMax) < 0,
            Code::ProcessMaxNegative,
            Id::ProcessMax,
            "process.max is negative",
            "process_max can't be negative",
        ),
        (
            bad_priority,
            Code::PriorityRange,
            Id::GlobalProcessPriority,
            "process.priority is not from -19 to 20",
            "process.priority must be included into [-19,20]",
        ),
    ];
    for (broken, code, id, message, line) in rules {
        if broken {
            let error = error(checks, code, id, message);
            checks.sink.report(error.line(LogSeverity::Error, line));
        }
    }
}

/// php-fpm's own mark for a priority that is not set; writing it unsets.
pub(crate) const UNSET_PRIORITY: i32 = 64;

pub(super) fn in_range(nice: i32) -> bool {
    (-19..=20).contains(&nice)
}

/// Kept in milliseconds by php-fpm, in 32 bits; negative stands for unset.
fn systemd_interval(checks: &mut Checks<'_>) {
    let seconds = checks.draft.global.integer(Id::SystemdInterval);
    let seconds = if seconds < 0 { 10 } else { seconds };
    let seconds = seconds.wrapping_mul(1000) / 1000;
    if checks.draft.global.is_set(Id::SystemdInterval) {
        let value = Value::Integer(seconds);
        checks.draft.global.derive(Id::SystemdInterval, value);
    }
}

fn error_log(checks: &mut Checks<'_>) {
    let options = checks.options;
    let Some(path) = checks.draft.global.text(Id::ErrorLog) else {
        return;
    };
    if path.eq_ignore_ascii_case(b"syslog") {
        checks.sink.syslog = true;
        return;
    }
    let path = paths::absolute(path, None, options, &options.state_folder);
    if let Err(why) = checks.world.files.can_append(paths::native(&path)) {
        let message = format!("the error log cannot be opened: {}", why.text);
        let error = error(checks, Code::ErrorLogUnwritable, Id::ErrorLog, &message);
        let end = format!("): {why}");
        let line = [
            b"failed to open error_log (",
            path.as_slice(),
            end.as_bytes(),
        ];
        checks
            .sink
            .report(error.line(LogSeverity::Error, line.concat()));
    }
    checks.draft.global.derive(Id::ErrorLog, Value::Text(path));
}

/// What Linux has; the first is the default. php-fpm's documentation names
/// `auto`, but refuses it.
const MECHANISMS: [&str; 3] = ["epoll", "poll", "select"];

fn events_mechanism(checks: &mut Checks<'_>) {
    let wanted = checks.draft.global.text(Id::EventsMechanism);
    let Some(wanted) = wanted.map(<[u8]>::to_vec) else {
        return;
    };
    let known = |name: &&str| wanted.eq_ignore_ascii_case(name.as_bytes());
    match MECHANISMS.into_iter().find(known) {
        Some(name) => {
            let value = Value::Text(name.into());
            checks.draft.global.derive(Id::EventsMechanism, value);
        }
        None => {
            let message = "Linux has no such way to wait for events";
            let error = error(checks, Code::EventsMechanism, Id::EventsMechanism, message)
                .help("use epoll, poll or select, or leave it out");
            let line = [
                b"event mechanism '".as_slice(),
                &wanted,
                b"' is not available on this system",
            ];
            checks
                .sink
                .report(error.line(LogSeverity::Error, line.concat()));
        }
    }
}
