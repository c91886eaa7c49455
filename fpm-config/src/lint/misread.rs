//! Values that php-fpm reads differently from what is written.

use super::{Subject, finding};
use crate::diagnostic::{Code, Diagnostic, Sink};
use crate::draft::Section;
use crate::schema::{Directive, Id, Kind};
use crate::source::Span;

pub(super) fn misread_values(subject: &Subject<'_>, sink: &mut Sink) {
    let pools = subject.pools().map(|(_, section)| section);
    for section in std::iter::once(&subject.draft.global).chain(pools) {
        for (id, span) in section.all_written() {
            let directive = id.directive();
            let written = subject.sources.text(span);
            if let Some(found) = misread(section, directive, written, span) {
                sink.report(found);
            }
        }
        for entry in &section.arrays {
            let written = subject.sources.text(entry.value_span);
            if is_computed(written) {
                let value = &entry.value;
                sink.report(computed(entry.id.directive(), value, entry.value_span));
            }
        }
    }
}

fn misread(
    section: &Section,
    directive: &Directive,
    written: &[u8],
    span: Span,
) -> Option<Diagnostic> {
    // What a variable holds may be right.
    if written.contains(&b'$') {
        return None;
    }
    let plain = unquoted(written);
    let name = directive.name;
    let number = section.integer(directive.id);
    match directive.kind {
        Kind::Time if !is_time(plain) => {
            let message = format!("`{name}` is read as {number} seconds");
            let help = "write a whole number with one of s, m, h or d";
            Some(finding(Code::MisreadValue, span, message).help(help))
        }
        Kind::Integer | Kind::Time if !is_number(plain, directive.kind) => {
            let message = format!("`{name}` is read as {number}");
            let help = "write a whole number in decimal digits that fits in 31 bits";
            Some(finding(Code::MisreadValue, span, message).help(help))
        }
        Kind::Text if directive.id == Id::ListenMode && !is_mode(plain) => {
            let mode = crate::model::read::octal(section.text(directive.id)?);
            let message = format!("`{name}` is read as {mode:04o}");
            let help = "write three or four octal digits, such as 0660";
            Some(finding(Code::MisreadValue, span, message).help(help))
        }
        Kind::Text | Kind::Path if is_computed(written) => {
            Some(computed(directive, section.text(directive.id)?, span))
        }
        _ => None,
    }
}

fn computed(directive: &Directive, value: &[u8], span: Span) -> Diagnostic {
    let (name, shown) = (directive.name, String::from_utf8_lossy(value));
    let message = format!("`{name}` is computed to `{shown}`: & | ^ ~ ! ( ) are operators");
    let found = finding(Code::MisreadValue, span, message);
    found.help("put the value in double quotes")
}

/// An operator outside quotes.
fn is_computed(written: &[u8]) -> bool {
    let quoted = written.iter().any(|byte| b"\"'".contains(byte));
    !quoted && written.iter().any(|byte| b"&|^~!()".contains(byte))
}

fn unquoted(written: &[u8]) -> &[u8] {
    let written = written.trim_ascii();
    for quote in [b"\"", b"'"] {
        let inner = written.strip_prefix(quote);
        if let Some(inner) = inner.and_then(|inner| inner.strip_suffix(quote)) {
            return inner;
        }
    }
    written
}

fn is_time(text: &[u8]) -> bool {
    let digits = match text.split_last() {
        Some((suffix, digits)) if b"smhd".contains(suffix) => digits,
        _ => text,
    };
    is_digits(digits)
}

fn is_digits(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Digits without a leading zero, which looks octal, that fit.
fn is_number(text: &[u8], kind: Kind) -> bool {
    if kind == Kind::Time {
        // Its form was looked at before.
        return true;
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let looks_octal = digits.len() > 1 && digits.first() == Some(&b'0');
    let text = std::str::from_utf8(text).ok();
    !looks_octal && text.is_some_and(|text| text.parse::<i32>().is_ok())
}

fn is_mode(text: &[u8]) -> bool {
    let is_octal = text.iter().all(|byte| (b'0'..=b'7').contains(byte));
    is_octal && (3..=5).contains(&text.len())
}
