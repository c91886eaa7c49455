//! How many workers: `pm.max_children` and the numbers around it.

use crate::diagnostic::{Code, Diagnostic, LogSeverity};
use crate::schema::{Id, ProcessManager, Value};

use super::Checks;

pub(super) fn max_children(checks: &mut Checks<'_>) {
    if checks.section().integer(Id::PmMaxChildren) < 1 {
        let message = "the pool has no pm.max_children of 1 or more";
        let error = checks.error(Code::MaxChildren, Id::PmMaxChildren, message);
        let line = "pm.max_children must be a positive value";
        checks.refuse(error, LogSeverity::Alert, line);
    }
}

pub(super) fn dynamic(checks: &mut Checks<'_>) {
    if checks.section().process_manager() != Some(ProcessManager::Dynamic) {
        return;
    }
    let section = checks.section();
    let most = section.integer(Id::PmMaxChildren);
    let min = section.integer(Id::PmMinSpareServers);
    let max = section.integer(Id::PmMaxSpareServers);
    if most < 1 || !spares(checks, min, max, most) {
        // The rules behind compare with these numbers.
        return;
    }
    start_servers(checks, min, max);
    if checks.section().integer(Id::PmMaxSpawnRate) < 1 {
        let message = "pm.max_spawn_rate is below 1";
        let error = checks.error(Code::SpawnRate, Id::PmMaxSpawnRate, message);
        let line = "pm.max_spawn_rate must be a positive value";
        checks.refuse(error, LogSeverity::Alert, line);
    }
}

/// Whether `1 <= min <= max <= most` holds, as php-fpm checks it.
fn spares(checks: &mut Checks<'_>, min: i32, max: i32, most: i32) -> bool {
    let (id, message, line) = if min <= 0 {
        (
            Id::PmMinSpareServers,
            "pm.min_spare_servers must be 1 or more".to_owned(),
            format!("pm.min_spare_servers({min}) must be a positive value"),
        )
    } else if max <= 0 {
        (
            Id::PmMaxSpareServers,
            "pm.max_spare_servers must be 1 or more".to_owned(),
            format!("pm.max_spare_servers({max}) must be a positive value"),
        )
    } else if min > most || max > most {
        let id = if max > most {
            Id::PmMaxSpareServers
        } else {
            Id::PmMinSpareServers
        };
        (
            id,
            format!("`{}` is above pm.max_children", id.directive().name),
            format!(
                "pm.min_spare_servers({min}) and pm.max_spare_servers({max}) \
                 cannot be greater than pm.max_children({most})"
            ),
        )
    } else if max < min {
        (
            Id::PmMaxSpareServers,
            "pm.max_spare_servers is below pm.min_spare_servers".to_owned(),
            format!(
                "pm.max_spare_servers({max}) must not be less than pm.min_spare_servers({min})"
            ),
        )
    } else {
        return true;
    };
    let error = checks.error(Code::SpareServers, id, message);
    let error = with_limit(checks, error, Id::PmMaxChildren, "the most workers");
    checks.refuse(error, LogSeverity::Alert, line);
    false
}

fn with_limit(checks: &Checks<'_>, error: Diagnostic, id: Id, text: &str) -> Diagnostic {
    match checks.section().written(id) {
        Some(span) if span != error.span => error.label(span, text),
        _ => error,
    }
}

fn start_servers(checks: &mut Checks<'_>, min: i32, max: i32) {
    let start = checks.section().integer(Id::PmStartServers);
    if start <= 0 {
        let start = min + (max - min) / 2;
        let message = format!("pm.start_servers is not set: {start} workers at start");
        let note = checks.error(Code::StartServersDefault, Id::PmStartServers, message);
        checks
            .section_mut()
            .derive(Id::PmStartServers, Value::Integer(start));
        let line = format!("pm.start_servers is not set. It's been set to {start}.");
        checks.refuse(note, LogSeverity::Notice, line);
    } else if start < min || start > max {
        let message = "`pm.start_servers` is not between both spare limits";
        let error = checks
            .error(Code::StartServersRange, Id::PmStartServers, message)
            .help(format!("use a value from {min} to {max}"));
        let error = with_limit(checks, error, Id::PmMinSpareServers, "the lower limit");
        let error = with_limit(checks, error, Id::PmMaxSpareServers, "the upper limit");
        let line = format!(
            "pm.start_servers({start}) must not be less than pm.min_spare_servers({min}) \
             and not greater than pm.max_spare_servers({max})"
        );
        checks.refuse(error, LogSeverity::Alert, line);
    }
}

pub(super) fn ondemand(checks: &mut Checks<'_>) {
    let section = checks.section();
    if section.process_manager() != Some(ProcessManager::Ondemand) {
        return;
    }
    // A status pool has php-fpm's own numbers.
    let timeout = section.integer(Id::PmProcessIdleTimeout);
    let mechanism = checks.draft.global.filled(Id::EventsMechanism);
    if mechanism.is_some_and(|name| matches!(name, b"poll" | b"select")) {
        let message = "`pm = ondemand` needs events.mechanism = epoll";
        let error = checks.error(Code::EventsMechanism, Id::Pm, message);
        let line = "ondemand process manager can ONLY be used when events.mechanism is either \
                    epoll (Linux) or kqueue (*BSD).";
        checks.refuse(error, LogSeverity::Alert, line);
        return;
    }
    if timeout < 1 {
        let message = "pm.process_idle_timeout is below 1 second";
        let error = checks.error(Code::IdleTimeout, Id::PmProcessIdleTimeout, message);
        let line = format!("pm.process_idle_timeout({timeout}s) must be greater than 0s");
        checks.refuse(error, LogSeverity::Alert, line);
        return;
    }
    backlog(checks);
    for id in [
        Id::PmStartServers,
        Id::PmMinSpareServers,
        Id::PmMaxSpareServers,
    ] {
        if checks.section().is_set(id) {
            checks.section_mut().derive(id, Value::Integer(0));
        }
    }
}

fn backlog(checks: &mut Checks<'_>) {
    let default = if checks.options.php.at_least(8, 2) {
        -1
    } else {
        511
    };
    let section = checks.section();
    let backlog = section.integer(Id::ListenBacklog);
    if !section.is_set(Id::ListenBacklog) || backlog >= default {
        return;
    }
    let message = format!("listen.backlog is too short for ondemand: {default} is used");
    let warning = checks.error(Code::BacklogRaised, Id::ListenBacklog, message);
    let line = format!(
        "listen.backlog({backlog}) was too low for the ondemand process manager. \
         I updated it for you to {default}."
    );
    checks.refuse(warning, LogSeverity::Warning, line);
    let value = Value::Integer(default);
    checks.section_mut().derive(Id::ListenBacklog, value);
}
