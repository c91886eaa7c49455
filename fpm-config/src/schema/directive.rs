//! What is known of a directive.

use super::table::Id;
use super::version::PhpVersion;

/// Where a directive may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// `[global]`, or before any section.
    Global,
    /// A pool's section.
    Pool,
}

/// How php-fpm reads a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Digits, with a `-` in front at most.
    Integer,
    /// Digits with `s`, `m`, `h` or `d` behind; seconds without.
    Time,
    /// `yes`, `no` and their likes.
    Boolean,
    /// Any text.
    Text,
    /// A path; relative ones are taken from a prefix.
    Path,
    /// `static`, `dynamic` or `ondemand`.
    ProcessManager,
    /// `debug`, `notice`, `warning`, `error` or `alert`.
    LogLevel,
    /// A syslog facility.
    Facility,
    /// Bytes, or `unlimited`.
    RlimitCore,
    /// `name[key] = text`.
    Array,
    /// `name[key] = boolean`.
    FlagArray,
    /// A pattern of files to read at this place.
    Include,
}

impl Kind {
    /// The words for people: `a number`, `a time`…
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Time => "time (seconds, or a number with s, m, h or d)",
            Self::Boolean => "boolean (yes or no)",
            Self::Text => "text",
            Self::Path => "path",
            Self::ProcessManager => "static, dynamic or ondemand",
            Self::LogLevel => "debug, notice, warning, error or alert",
            Self::Facility => "syslog facility",
            Self::RlimitCore => "bytes, or unlimited",
            Self::Array => "array of text, name[key] = value",
            Self::FlagArray => "array of booleans, name[key] = yes or no",
            Self::Include => "pattern of files",
        }
    }
}

/// What holds when a directive is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefaultValue {
    /// Nothing: php-fpm says `undefined`.
    Unset,
    /// A number (seconds for a time).
    Integer(i32),
    /// Yes or no.
    Boolean(bool),
    /// A text.
    Text(&'static str),
}

impl std::fmt::Display for DefaultValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unset => f.write_str("none"),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(true) => f.write_str("yes"),
            Self::Boolean(false) => f.write_str("no"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Directive {
    /// Which one, for code.
    pub id: Id,
    /// Its name in php-fpm's spelling.
    pub name: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// How its value is read.
    pub kind: Kind,
    /// What holds without it.
    pub default: DefaultValue,
    /// The unit of its number, or an empty text.
    pub unit: &'static str,
    /// The first PHP version that knows it.
    pub since: PhpVersion,
    /// What it does.
    pub doc: &'static str,
    /// What php-fpm demands of it, one sentence each.
    pub rules: &'static [&'static str],
}

impl Directive {
    /// Whether its name must be written exactly so: the arrays and `include`.
    #[must_use]
    pub const fn is_case_sensitive(&self) -> bool {
        matches!(self.kind, Kind::Array | Kind::FlagArray | Kind::Include)
    }

    /// Whether it is written `name[key] = value`.
    #[must_use]
    pub const fn is_array(&self) -> bool {
        matches!(self.kind, Kind::Array | Kind::FlagArray)
    }
}
