//! `access.format`.

use crate::diagnostic::{Code, LogLine, LogSeverity};
use crate::schema::Id;

use super::Checks;

/// After all access logs are open php-fpm tries every format.
pub(super) fn check_all(checks: &mut Checks<'_>) {
    for pool in 0..checks.draft.pools.len() {
        checks.pool = pool;
        let section = checks.section();
        if section.filled(Id::AccessLog).is_none() {
            continue;
        }
        let Some(format) = section.text(Id::AccessFormat) else {
            continue;
        };
        let Err(why) = check(format) else {
            continue;
        };
        let name = section.name.as_slice();
        let line = [
            b"[pool ",
            name,
            b"] wrong format for access.format '",
            format,
            b"'",
        ]
        .concat();
        let mut error = checks.error(Code::AccessFormat, Id::AccessFormat, &why);
        error.php_fpm.push(LogLine::new(LogSeverity::Warning, why));
        checks.sink.report(error.line(LogSeverity::Error, line));
    }
}

const UNCLOSED: &str = "missing closing embrace in the access.format";

/// Tries a format; the error is php-fpm's own.
fn check(format: &[u8]) -> Result<(), String> {
    let mut bytes = format.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            continue;
        }
        let mut modifier: Option<Vec<u8>> = None;
        let Some(mut code) = bytes.next() else {
            // A percent sign at the very end is let through.
            return Ok(());
        };
        while code == b'{' {
            let mut inside = Vec::new();
            loop {
                match bytes.next() {
                    Some(b'}') => break,
                    Some(byte) => inside.push(byte),
                    None => return Err(UNCLOSED.to_owned()),
                }
            }
            if !inside.is_empty() {
                modifier = Some(inside);
            }
            match bytes.next() {
                Some(next) => code = next,
                // php-fpm says so even though the brace is there.
                None => return Err(UNCLOSED.to_owned()),
            }
        }
        code_is_known(code, modifier.as_deref())?;
    }
    Ok(())
}

fn code_is_known(code: u8, modifier: Option<&[u8]>) -> Result<(), String> {
    let shown = char::from(code);
    let one_of = |allowed: &[&str], words: &str| match modifier {
        Some(modifier) if !is_one_of(modifier, allowed) => {
            let modifier = String::from_utf8_lossy(modifier);
            Err(format!(
                "only {words} are allowed as a modifier for %{shown} ('{modifier}')"
            ))
        }
        _ => Ok(()),
    };
    match code {
        b'C' => one_of(&["user", "system", "total"], "'total', 'user' or 'system'"),
        b'd' => one_of(
            &[
                "seconds",
                "mili",
                "milli",
                "miliseconds",
                "milliseconds",
                "micro",
                "microseconds",
            ],
            "'seconds', 'milli', 'milliseconds', 'micro' or 'microseconds'",
        ),
        b'M' => one_of(
            &["bytes", "kilo", "kilobytes", "mega", "megabytes"],
            "'bytes', 'kilo', 'kilobytes', 'mega' or 'megabytes'",
        ),
        b'e' if modifier.is_none() => Err(format!(
            "the name of the environment variable must be set between embraces for %{shown}"
        )),
        b'o' if modifier.is_none() => Err(format!(
            "the name of the header must be set between embraces for %{shown}"
        )),
        b'e' | b'o' | b't' | b'T' => Ok(()),
        b'%' | b'f' | b'l' | b'm' | b'n' | b'P' | b'p' | b'q' | b'Q' | b'r' | b'R' | b's'
        | b'u' => match modifier {
            Some(_) => Err(format!("embrace is not allowed for modifier %{shown}")),
            None => Ok(()),
        },
        _ => Err(format!("Invalid token in the access.format (%{shown})")),
    }
}

fn is_one_of(modifier: &[u8], allowed: &[&str]) -> bool {
    allowed
        .iter()
        .any(|word| modifier.eq_ignore_ascii_case(word.as_bytes()))
}
