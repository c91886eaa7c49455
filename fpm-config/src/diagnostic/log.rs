//! Lines that php-fpm logs.

/// php-fpm's log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// `NOTICE`
    Notice,
    /// `WARNING`
    Warning,
    /// `ERROR`
    Error,
    /// `ALERT`
    Alert,
    /// Printed as it is, without time and level: PHP's syntax errors.
    Raw,
}

/// One line, without time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// Its level.
    pub severity: Severity,
    /// Its text, as bytes: values of the files stand in it.
    pub text: Vec<u8>,
    /// Whether it goes to syslog: php-fpm then leaves out the time.
    pub syslog: bool,
}

impl LogLine {
    /// A line of this level.
    #[must_use]
    pub fn new(severity: Severity, text: impl Into<Vec<u8>>) -> Self {
        Self {
            severity,
            text: text.into(),
            syslog: false,
        }
    }

    /// The line as php-fpm writes it behind `time`, such as
    /// `[20-Nov-2026 16:55:37]`, without its newline. Very long lines are cut
    /// as php-fpm cuts them.
    #[must_use]
    pub fn render(&self, time: &str) -> Vec<u8> {
        let level = match self.severity {
            Severity::Notice => "NOTICE",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
            Severity::Alert => "ALERT",
            Severity::Raw => return self.text.clone(),
        };
        let mut line = if self.syslog {
            format!("[{level}] ").into_bytes()
        } else {
            format!("{time} {level}: ").into_bytes()
        };
        line.extend_from_slice(&self.text);
        if line.len() >= BUFFER {
            line.truncate(CUT - ELLIPSIS.len());
            line.extend_from_slice(ELLIPSIS);
        }
        line
    }
}

/// php-fpm puts a line together in a buffer of this size …
const BUFFER: usize = 2048;
/// … and cuts one that does not fit at its default limit.
const CUT: usize = 1023;
const ELLIPSIS: &[u8] = b"...";
