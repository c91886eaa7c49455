//! Collects findings, and what php-fpm would print up to where it stops.

use super::{Code, Diagnostic, LintLevel, LintLevels, LogLine, LogSeverity, Severity, Stage};
use crate::source::Span;

/// Where every part of a check reports to.
#[derive(Debug)]
pub(crate) struct Sink {
    levels: LintLevels,
    max: usize,
    dropped: usize,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What php-fpm would have printed.
    pub(crate) log: Vec<LogLine>,
    /// Lines below it are not printed.
    pub(crate) log_level: LogSeverity,
    /// error_log is `syslog`, and is open.
    pub(crate) syslog: bool,
    /// The stage in which php-fpm would have stopped.
    pub(crate) stopped: Option<Stage>,
}

impl Sink {
    pub(crate) fn new(levels: LintLevels, max: usize) -> Self {
        Self {
            levels,
            max,
            dropped: 0,
            diagnostics: Vec::new(),
            log: Vec::new(),
            log_level: LogSeverity::Notice,
            syslog: false,
            stopped: None,
        }
    }

    /// Takes a finding. php-fpm prints its lines if it has come so far; an
    /// error then stops it.
    pub(crate) fn report(&mut self, mut diagnostic: Diagnostic) {
        let printed = !matches!(diagnostic.stage, Stage::Start | Stage::Lint);
        if printed && self.stopped.is_none() {
            for line in &diagnostic.php_fpm {
                self.print(line.clone());
            }
            if diagnostic.severity == Severity::Error {
                self.stopped = Some(diagnostic.stage);
            }
        }
        if diagnostic.severity != Severity::Error {
            match self.levels.level(diagnostic.code) {
                LintLevel::Allow => return,
                LintLevel::Warn => {}
                LintLevel::Deny => diagnostic.denied = true,
            }
        }
        if self.diagnostics.len() < self.max {
            self.diagnostics.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// A line of php-fpm's that is no finding of its own.
    pub(crate) fn print(&mut self, mut line: LogLine) {
        line.syslog = self.syslog;
        if line.severity >= self.log_level {
            self.log.push(line);
        }
    }

    /// Whether more findings would be dropped.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= self.max
    }

    /// Says how many findings were left out, if any.
    pub(crate) fn finish(&mut self, start: Span) {
        if self.dropped > 0 {
            let message = format!("{} more findings are not shown", self.dropped);
            let note = Diagnostic::new(Code::TooManyFindings, Stage::Lint, start, message);
            self.diagnostics.push(note);
        }
    }
}
