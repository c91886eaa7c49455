//! A pool's address, priority and process manager.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, LogSeverity, Stage};
use crate::model::Address;
use crate::schema::Id;
use crate::syntax::atoi;

use super::Checks;
use super::global::{UNSET_PRIORITY, in_range};

pub(super) fn listen(checks: &mut Checks<'_>) {
    let Some(address) = checks.section().filled(Id::Listen) else {
        let error = checks
            .error(Code::ListenMissing, Id::Listen, "the pool has no address")
            .help("listen = /run/php/site.sock, or listen = 127.0.0.1:9000");
        let line = "no listen address have been defined!";
        checks.refuse(error, LogSeverity::Alert, line);
        return;
    };
    if Address::is_path(address) {
        checks.complete_path(Id::Listen);
    }
}

pub(super) fn priority(checks: &mut Checks<'_>) {
    let section = checks.section();
    let nice = section.integer(Id::PoolProcessPriority);
    if section.is_set(Id::PoolProcessPriority) && nice != UNSET_PRIORITY && !in_range(nice) {
        let message = "process.priority is not from -19 to 20";
        let error = checks.error(Code::PriorityRange, Id::PoolProcessPriority, message);
        let line = "process.priority must be included into [-19,20]";
        checks.refuse(error, LogSeverity::Error, line);
    }
}

pub(super) fn process_manager(checks: &mut Checks<'_>) {
    if checks.section().process_manager().is_none() {
        let error = checks.error(Code::PmMissing, Id::Pm, "the pool has no process manager");
        let line = "the process manager is missing (static, dynamic or ondemand)";
        checks.refuse(
            error.help("pm = ondemand suits most sites"),
            LogSeverity::Alert,
            line,
        );
    }
}

/// After all pools: php-fpm compares each pool with each other, in order.
pub(super) fn duplicate_listen(checks: &mut Checks<'_>) {
    let mut first: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (index, pool) in checks.draft.pools.iter().enumerate() {
        if let Some(address) = pool.filled(Id::Listen) {
            let owner = *first.entry(address.to_vec()).or_insert(index);
            if owner != index {
                pairs.push((owner, index));
            }
        }
    }
    pairs.sort_unstable();
    for (owner, index) in pairs {
        let name = checks.draft.pools[owner].name.clone();
        let used = checks.draft.pools[owner].span(Id::Listen);
        checks.pool = index;
        let error = checks
            .error(
                Code::DuplicateListen,
                Id::Listen,
                "another pool has this address",
            )
            .label(used, "here it is used first");
        let line = [
            b"unable to set listen address as it's already used in another pool '",
            name.as_slice(),
            b"'",
        ];
        checks.refuse(error, LogSeverity::Error, line.concat());
    }
}

/// A real start looks at the port (from 8.2 on), `-t` does not.
pub(super) fn port(checks: &mut Checks<'_>) {
    let address = checks.section().filled(Id::Listen);
    let address = address.filter(|address| !Address::is_path(address));
    let Some(address) = address.filter(|_| checks.options.php.at_least(8, 2)) else {
        return;
    };
    let port = address
        .rsplit(|&byte| byte == b':')
        .next()
        .unwrap_or(address)
        .to_vec();
    if (1..=65_535).contains(&atoi(&port)) {
        return;
    }
    let span = checks.section().span(Id::Listen);
    let message = "the port is not from 1 to 65535";
    let error = Diagnostic::new(Code::InvalidPort, Stage::Start, span, message);
    let line = [b"invalid port value '", port.as_slice(), b"'"].concat();
    checks.sink.report(error.line(LogSeverity::Error, line));
}

/// Bytes of a Unix socket's path, without the NUL at its end.
const MAX_SOCKET_PATH: usize = 107;

pub(super) fn path_length(checks: &mut Checks<'_>) {
    let address = checks.section().filled(Id::Listen);
    let Some(path) = address.filter(|address| Address::is_path(address)) else {
        return;
    };
    if path.len() <= MAX_SOCKET_PATH {
        return;
    }
    let mut error = checks.error(
        Code::SocketPathTooLong,
        Id::Listen,
        format!(
            "the path has {} bytes, a socket takes {MAX_SOCKET_PATH}",
            path.len()
        ),
    );
    if !checks.options.php.at_least(8, 3) {
        // Older versions cut it without a word.
        error.severity = crate::diagnostic::Severity::Warning;
        error.stage = Stage::Lint;
        checks.sink.report(error);
        return;
    }
    error.stage = Stage::Test;
    let end = format!(
        "' as path is too long (found length: {}, maximal length: {MAX_SOCKET_PATH})",
        path.len()
    );
    let line = [
        b"cannot bind to UNIX socket '".as_slice(),
        path,
        end.as_bytes(),
    ];
    checks.refuse(error, LogSeverity::Error, line.concat());
}
