//! The dump of `php-fpm -tt`.

use crate::diagnostic::{LogLine, LogSeverity};
use crate::draft::Draft;
use crate::effective::{self, EffectiveValue};
use crate::schema::{Id, PhpVersion};

pub(crate) fn lines(draft: &Draft, php: PhpVersion) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let mut notice = |text: Vec<u8>| lines.push(LogLine::new(LogSeverity::Notice, text));
    for section in effective::sections(draft) {
        notice([b"[", section.name.as_slice(), b"]"].concat());
        for value in &section.values {
            if is_dumped(value.directive.id, php) {
                notice(line(value));
            }
        }
        notice(b" ".to_vec());
    }
    lines
}

/// What builds for Linux dump, in this version.
fn is_dumped(id: Id, php: PhpVersion) -> bool {
    let since = id.directive().since;
    php.at_least(since.major(), since.minor()) && !matches!(id, Id::ApparmorHat | Id::ListenSetfib)
}

fn line(value: &EffectiveValue) -> Vec<u8> {
    let name = value.directive.name.as_bytes();
    let undefined: &[u8] = match value.directive.id {
        Id::LogLevel => b"unknown value",
        _ => b"undefined",
    };
    let text = value.text.as_deref().unwrap_or(undefined);
    match &value.key {
        Some(key) => [b"\t", name, b"[", key.as_slice(), b"] = ", text].concat(),
        None => [b"\t", name, b" = ", text].concat(),
    }
}
