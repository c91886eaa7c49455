//! What happens to requests.

use super::{Subject, finding};
use crate::diagnostic::{Code, Sink};
use crate::model::{Pool, Setting, Text};
use crate::schema::Id;

pub(super) fn control_timeout(subject: &Subject<'_>, sink: &mut Sink) {
    let timeout = &subject.global.process_control_timeout;
    if !timeout.is_zero() {
        return;
    }
    let span = subject.draft.global.span(Id::ProcessControlTimeout);
    let message = "a reload ends running requests at once";
    let help = "set process_control_timeout in [global] to what a request may take, such as 30s";
    let found = finding(Code::NoControlTimeout, span, message).help(help);
    subject.report(&subject.draft.global, found, sink);
}

pub(super) fn terminate_timeout(subject: &Subject<'_>, sink: &mut Sink) {
    for (pool, section) in subject.pools() {
        if pool.request_terminate_timeout.is_some() {
            continue;
        }
        let span = section.span(Id::RequestTerminateTimeout);
        let message = format!("nothing ends a request of pool `{}` that hangs", pool.name);
        let help = "set request_terminate_timeout above PHP's max_execution_time, such as 60s";
        let found = finding(Code::NoTerminateTimeout, span, message).help(help);
        subject.report(section, found, sink);
    }
}

pub(super) fn all_extensions(subject: &Subject<'_>, sink: &mut Sink) {
    for (pool, section) in subject.pools() {
        if !pool.limit_extensions.is_empty() {
            continue;
        }
        let span = section.span(Id::SecurityLimitExtensions);
        let message = "files of any name run as PHP";
        let open = finding(Code::AllExtensions, span, message)
            .help("leave the directive out: .php and .phar are the default");
        let found = match section.written(Id::SecurityLimitExtensions) {
            Some(span) => open.fix("allow `.php` alone", span, b" .php".to_vec()),
            None => open,
        };
        subject.report(section, found, sink);
    }
}

pub(super) fn path_is_script(subject: &Subject<'_>, sink: &mut Sink) {
    for (pool, section) in subject.pools() {
        for (setting, id) in [
            (&pool.status_path, Id::PmStatusPath),
            (&pool.ping_path, Id::PingPath),
        ] {
            if is_script(setting, pool) {
                let message = "the path looks like a script of the site";
                let help = "take a path that no file can have, such as /fpm-status";
                let span = section.span(id);
                sink.report(finding(Code::PathIsScript, span, message).help(help));
            }
        }
    }
}

fn is_script(path: &Setting<Option<Text>>, pool: &Pool) -> bool {
    let Some(path) = path.as_ref().map(Text::as_bytes) else {
        return false;
    };
    let mut ends = pool.limit_extensions.iter().map(Text::as_bytes);
    path.ends_with(b".php") || ends.any(|end| path.ends_with(end))
}

pub(super) fn empty_ping_path(subject: &Subject<'_>, sink: &mut Sink) {
    for (_, section) in subject.pools() {
        if section.text(Id::PingPath) == Some(b"") {
            let span = section.span(Id::PingPath);
            let message = "with an empty ping.path php-fpm's workers die at their start";
            let help = "leave the directive out";
            sink.report(finding(Code::EmptyPingPath, span, message).help(help));
        }
    }
}
