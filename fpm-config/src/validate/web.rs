//! Paths that the pool answers itself: status and ping.

use crate::diagnostic::{Code, Diagnostic, LogSeverity};
use crate::draft::Section;
use crate::schema::{Id, ProcessManager, Value};

use super::Checks;

/// `pm.status_listen` makes a pool of its own, at the end of the list.
pub(super) fn status_listen(checks: &mut Checks<'_>) {
    let Some(listen) = checks
        .section()
        .text(Id::PmStatusListen)
        .map(<[u8]>::to_vec)
    else {
        return;
    };
    if !checks.section().is_set(Id::PmStatusPath) {
        checks.set_text(Id::PmStatusPath, b"/".to_vec());
    }
    let pool = checks.section();
    let name = [pool.name.as_slice(), b"_status"].concat();
    let header = pool.span(Id::PmStatusListen);
    let mut status = Section::new(name, header);
    status.status_of = Some(checks.pool);
    for id in [Id::User, Id::PmStatusPath] {
        if let Some(text) = pool.text(id) {
            status.derive(id, Value::Text(text.to_vec()));
        }
    }
    status.derive(Id::Listen, Value::Text(listen));
    status.derive(Id::Pm, Value::ProcessManager(ProcessManager::Ondemand));
    status.derive(Id::PmMaxChildren, Value::Integer(2));
    checks.draft.pools.push(status);
}

pub(super) fn status_path(checks: &mut Checks<'_>) {
    let section = checks.section();
    let Some(path) = section.filled(Id::PmStatusPath).map(<[u8]>::to_vec) else {
        return;
    };
    let may_be_short = section.is_set(Id::PmStatusListen) || section.status_of.is_some();
    let shortest = if may_be_short { 1 } else { 2 };
    let error = checks.error(Code::StatusPath, Id::PmStatusPath, String::new());
    path_rules(checks, error, "status", &path, shortest);
}

pub(super) fn ping(checks: &mut Checks<'_>) {
    let Some(path) = checks.section().filled(Id::PingPath).map(<[u8]>::to_vec) else {
        if checks.section().is_set(Id::PingResponse) {
            checks.section_mut().unset(Id::PingResponse);
        }
        return;
    };
    let error = checks.error(Code::PingPath, Id::PingPath, String::new());
    path_rules(checks, error, "ping", &path, 2);
    match checks.section().text(Id::PingResponse) {
        None => checks.set_text(Id::PingResponse, b"pong".to_vec()),
        Some(b"") => {
            let message = "ping.response is empty";
            let error = checks.error(Code::PingResponse, Id::PingResponse, message);
            let line = "the ping response page '' is not long enough";
            checks.refuse(error, LogSeverity::Error, line);
        }
        Some(_) => {}
    }
}

/// The rules that both paths share; the first that is broken counts.
fn path_rules(
    checks: &mut Checks<'_>,
    mut error: Diagnostic,
    what: &str,
    path: &[u8],
    shortest: usize,
) {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let (message, end) = if path.first() != Some(&b'/') {
        ("does not start with `/`", "must start with a '/'")
    } else if path.len() < shortest {
        ("is only `/`", "is not long enough")
    } else if !path.iter().all(is_allowed) {
        (
            "has other characters than letters, digits and `/_-.~`",
            "must contain only the following characters '[alphanum]/_-.~'",
        )
    } else {
        return;
    };
    error.message = format!("the {what} path {message}");
    let start = format!("the {what} path '");
    let line = [start.as_bytes(), path, b"' ", end.as_bytes()].concat();
    checks.refuse(error, LogSeverity::Error, line);
}
