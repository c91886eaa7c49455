//! Values as php-fpm reads them from evaluated text.

use super::directive::Kind;
use crate::syntax::atoi;

/// How a pool sizes itself (`pm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum ProcessManager {
    /// Always `pm.max_children` workers.
    Static,
    /// Between spare limits, up to `pm.max_children`.
    Dynamic,
    /// None at start, one per need.
    Ondemand,
}

impl ProcessManager {
    /// php-fpm's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
            Self::Ondemand => "ondemand",
        }
    }
}

/// The least severity that php-fpm logs (`log_level`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// The default.
    Notice,
    /// Warnings and worse.
    Warning,
    /// Errors and worse.
    Error,
    /// Alerts only.
    Alert,
}

impl LogLevel {
    /// As it stands in php-fpm's log lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Alert => "ALERT",
        }
    }
}

/// A value that php-fpm has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number; seconds for a time; the constant of a syslog facility.
    Integer(i32),
    Boolean(bool),
    Text(Vec<u8>),
    ProcessManager(ProcessManager),
    LogLevel(LogLevel),
}

/// Reads `text` as `kind`.
///
/// # Errors
///
/// php-fpm's own words for what is wrong.
pub(crate) fn parse_value(kind: Kind, text: &[u8]) -> Result<Value, &'static str> {
    match kind {
        Kind::Integer => integer(text).map(Value::Integer),
        Kind::Time => time(text).map(Value::Integer),
        Kind::Boolean | Kind::FlagArray => boolean(text).map(Value::Boolean),
        Kind::ProcessManager => process_manager(text).map(Value::ProcessManager),
        Kind::LogLevel => log_level(text).map(Value::LogLevel),
        Kind::Facility => facility(text).map(Value::Integer),
        Kind::RlimitCore => rlimit_core(text).map(Value::Integer),
        Kind::Text | Kind::Path | Kind::Array | Kind::Include => Ok(Value::Text(text.to_vec())),
    }
}

fn integer(text: &[u8]) -> Result<i32, &'static str> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.iter().all(u8::is_ascii_digit) {
        Ok(atoi(text))
    } else {
        Err("is not a valid number (greater or equal than zero)")
    }
}

fn time(text: &[u8]) -> Result<i32, &'static str> {
    let Some((&suffix, number)) = text.split_last() else {
        return Err("invalid time value");
    };
    let factor = match suffix {
        b's' => 1,
        b'm' => 60,
        b'h' => 60 * 60,
        b'd' => 24 * 60 * 60,
        b'0'..=b'9' => return Ok(atoi(text)),
        _ => return Err("unknown suffix used in time value"),
    };
    Ok(atoi(number).wrapping_mul(factor))
}

fn boolean(text: &[u8]) -> Result<bool, &'static str> {
    match text {
        b"1" | b"yes" | b"true" | b"on" => Ok(true),
        b"" | b"0" | b"no" | b"none" | b"false" | b"off" => Ok(false),
        _ => Err("invalid boolean value"),
    }
}

fn process_manager(text: &[u8]) -> Result<ProcessManager, &'static str> {
    use ProcessManager::{Dynamic, Ondemand, Static};
    [Static, Dynamic, Ondemand]
        .into_iter()
        .find(|manager| text.eq_ignore_ascii_case(manager.as_str().as_bytes()))
        .ok_or("invalid process manager (static, dynamic or ondemand)")
}

fn log_level(text: &[u8]) -> Result<LogLevel, &'static str> {
    use LogLevel::{Alert, Debug, Error, Notice, Warning};
    if text.eq_ignore_ascii_case(b"warn") {
        return Ok(Warning);
    }
    [Debug, Notice, Warning, Error, Alert]
        .into_iter()
        .find(|level| text.eq_ignore_ascii_case(level.as_str().as_bytes()))
        .ok_or("invalid value for 'log_level'")
}

/// Linux's numbers of the syslog facilities.
fn facility(text: &[u8]) -> Result<i32, &'static str> {
    const FACILITIES: [(&str, i32); 20] = [
        ("kern", 0),
        ("user", 8),
        ("mail", 16),
        ("daemon", 24),
        ("auth", 32),
        ("syslog", 40),
        ("lpr", 48),
        ("news", 56),
        ("uucp", 64),
        ("cron", 72),
        ("authpriv", 80),
        ("ftp", 88),
        ("local0", 128),
        ("local1", 136),
        ("local2", 144),
        ("local3", 152),
        ("local4", 160),
        ("local5", 168),
        ("local6", 176),
        ("local7", 184),
    ];
    FACILITIES
        .into_iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, number)| number)
        .ok_or("invalid value")
}

fn rlimit_core(text: &[u8]) -> Result<i32, &'static str> {
    if text.eq_ignore_ascii_case(b"unlimited") {
        return Ok(-1);
    }
    match integer(text)? {
        limit if limit < 0 => Err("must be greater than zero or 'unlimited'"),
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_suffix_and_ignore_junk_as_c_does() {
        for (text, seconds) in [
            ("5", 5),
            ("2m", 120),
            ("5ms", 5),
            ("1h30m", 60),
            ("1.5s", 1),
            ("s", 0),
        ] {
            assert_eq!(time(text.as_bytes()), Ok(seconds), "{text}");
        }
        assert_eq!(time(b""), Err("invalid time value"));
        assert_eq!(time(b"5S"), Err("unknown suffix used in time value"));
    }

    #[test]
    fn booleans_are_lower_case_words() {
        assert_eq!(boolean(b"none"), Ok(false));
        assert_eq!(boolean(b"yes"), Ok(true));
        assert!(boolean(b"Yes").is_err());
        assert!(boolean(b"null").is_err());
    }

    #[test]
    fn rlimit_core_may_be_unlimited_but_not_negative() {
        assert_eq!(rlimit_core(b"Unlimited"), Ok(-1));
        assert!(rlimit_core(b"-1").is_err());
    }
}
