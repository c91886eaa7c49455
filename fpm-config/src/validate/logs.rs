//! Access log and slow log.

use crate::diagnostic::{Code, LogSeverity};
use crate::schema::{Id, Value};

use super::{Checks, paths};

const DEFAULT_FORMAT: &[u8] = b"%R - %u %t \"%m %r\" %s";

pub(super) fn access_log(checks: &mut Checks<'_>) {
    checks.complete_path(Id::AccessLog);
    let has_log = checks.section().filled(Id::AccessLog).is_some();
    if has_log && !checks.section().is_set(Id::AccessFormat) {
        checks.set_text(Id::AccessFormat, DEFAULT_FORMAT.to_vec());
    }
}

/// After all pools php-fpm opens every access log.
pub(super) fn open_access_logs(checks: &mut Checks<'_>) {
    for pool in 0..checks.draft.pools.len() {
        checks.pool = pool;
        let section = checks.section();
        let Some(path) = section.text(Id::AccessLog) else {
            continue;
        };
        let Err(why) = checks.world.files.can_append(paths::native(path)) else {
            continue;
        };
        let line = [
            b"failed to open access log (",
            path,
            format!("): {why}").as_bytes(),
        ]
        .concat();
        let message = format!("the access log cannot be opened: {}", why.text);
        let error = checks.error(Code::AccessLogUnwritable, Id::AccessLog, message);
        checks.sink.report(error.line(LogSeverity::Error, line));
    }
}

pub(super) fn slowlog(checks: &mut Checks<'_>) {
    checks.complete_path(Id::Slowlog);
    let section = checks.section();
    let timeout = section.integer(Id::RequestSlowlogTimeout);
    if timeout == 0 {
        return;
    }
    let Some(path) = section.filled(Id::Slowlog).map(<[u8]>::to_vec) else {
        slowlog_missing(checks, Id::RequestSlowlogTimeout);
        return;
    };
    if let Err(why) = checks.world.files.can_append(paths::native(&path)) {
        let message = format!("the slow log cannot be opened: {}", why.text);
        let error = checks.error(Code::SlowlogUnwritable, Id::Slowlog, message);
        let end = format!("): {why}");
        let line = [
            b"Unable to create or open slowlog(",
            path.as_slice(),
            end.as_bytes(),
        ];
        checks
            .sink
            .report(error.line(LogSeverity::Error, line.concat()));
    }
    let terminate = checks.section().integer(Id::RequestTerminateTimeout);
    if terminate != 0 && timeout > terminate {
        let message = "request_slowlog_timeout is longer than request_terminate_timeout";
        let mut error = checks.error(Code::SlowlogTimeout, Id::RequestSlowlogTimeout, message);
        if let Some(span) = checks.section().written(Id::RequestTerminateTimeout) {
            error = error.label(span, "the request is ended here");
        }
        let line = format!(
            "'request_slowlog_timeout' ({timeout}) can't be greater than \
             'request_terminate_timeout' ({terminate})"
        );
        checks.refuse(error, LogSeverity::Error, line);
    }
}

fn slowlog_missing(checks: &mut Checks<'_>, id: Id) {
    let name = id.directive().name;
    let error = checks.error(
        Code::SlowlogMissing,
        id,
        format!("`{name}` needs `slowlog`"),
    );
    let line = format!("'slowlog' must be specified for use with '{name}'");
    checks.refuse(error, LogSeverity::Error, line);
}

pub(super) fn trace_depth(checks: &mut Checks<'_>) {
    let id = Id::RequestSlowlogTraceDepth;
    let depth = checks.section().integer(id);
    if !checks.section().is_set(id) || depth == 0 {
        checks.section_mut().derive(id, Value::Integer(20));
        return;
    }
    if checks.section().filled(Id::Slowlog).is_none() {
        slowlog_missing(checks, id);
    } else if depth < 0 {
        let message = "request_slowlog_trace_depth is negative";
        let error = checks.error(Code::TraceDepth, id, message);
        let line = format!("'request_slowlog_trace_depth' ({depth}) must be a positive value");
        checks.refuse(error, LogSeverity::Error, line);
    }
}
