//! Users and groups.

use crate::diagnostic::{Code, Diagnostic, LogSeverity, Severity, Stage};
use crate::options::StartedAs;
use crate::schema::Id;

use super::Checks;

pub(super) fn user_is_set(checks: &mut Checks<'_>) {
    if checks.options.started_as == StartedAs::Root && !checks.section().is_set(Id::User) {
        let error = checks
            .error(Code::UserMissing, Id::User, "the pool has no user")
            .help("php-fpm started as root needs one: user = www-data");
        checks.refuse(error, LogSeverity::Alert, "user has not been defined");
    }
}

/// A name, unless it is empty or a number (which php-fpm takes as it is).
fn name_of(checks: &Checks<'_>, id: Id) -> Option<Vec<u8>> {
    let text = checks.section().filled(id)?;
    let is_number = text.iter().all(u8::is_ascii_digit);
    (!is_number).then(|| text.to_vec())
}

/// What `php-fpm -t` looks up.
pub(super) fn exist(checks: &mut Checks<'_>) {
    for id in [Id::User, Id::Group, Id::ListenOwner, Id::ListenGroup] {
        let Some(name) = name_of(checks, id) else {
            continue;
        };
        let is_user = matches!(id, Id::User | Id::ListenOwner);
        let accounts = checks.world.accounts;
        let found = if is_user {
            accounts.user(&name).is_some()
        } else {
            accounts.group(&name).is_some()
        };
        if found {
            continue;
        }
        let (code, what, kind) = if is_user {
            (Code::UnknownUser, "uid", "user")
        } else {
            (Code::UnknownGroup, "gid", "group")
        };
        // For the socket php-fpm adds an error number that it never set.
        let is_socket = matches!(id, Id::ListenOwner | Id::ListenGroup);
        let end: &[u8] = if is_socket { b"': Success (0)" } else { b"'" };
        let start = format!("cannot get {what} for {kind} '");
        let shown = String::from_utf8_lossy(&name);
        let message = format!("there is no {kind} `{shown}` on this machine");
        let mut error = checks.error(code, id, message);
        error.stage = Stage::Test;
        checks.refuse(
            error,
            LogSeverity::Error,
            [start.as_bytes(), &name, end].concat(),
        );
    }
}

/// What a start as root refuses, and `-t` does not look at.
pub(super) fn not_root(checks: &mut Checks<'_>) {
    if checks.options.started_as == StartedAs::User || !runs_as_root(checks) {
        return;
    }
    let span = checks.section().span(Id::User);
    let message = "the workers would run as root";
    let mut found = Diagnostic::new(Code::RootWorkers, Stage::Start, span, message)
        .help("take an account that owns nothing but the application's data");
    if checks.options.started_as == StartedAs::RootAllowed {
        found.severity = Severity::Warning;
        found.stage = Stage::Lint;
        checks.sink.report(found);
        return;
    }
    let line = "please specify user and group other than root";
    checks.refuse(found, LogSeverity::Error, line);
}

/// Whether user id or group id come out as 0.
fn runs_as_root(checks: &Checks<'_>) -> bool {
    let section = checks.section();
    let accounts = checks.world.accounts;
    let Some(user) = section.text(Id::User) else {
        // Only -R comes here without a user.
        return checks.options.started_as == StartedAs::RootAllowed;
    };
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
    let account = match number(user) {
        Some(uid) => Some((
            uid,
            accounts.user_by_id(uid).map_or(0, |account| account.gid),
        )),
        None if user.is_empty() => Some((0, 0)),
        None => accounts
            .user(user)
            .map(|account| (account.uid, account.gid)),
    };
    // An unknown user is another finding.
    let Some((uid, primary)) = account else {
        return false;
    };
    let gid = match section.filled(Id::Group) {
        None => primary,
        Some(group) => match number(group) {
            Some(gid) => gid,
            None => accounts.group(group).map_or(primary, |group| group.gid),
        },
    };
    uid == 0 || gid == 0
}
