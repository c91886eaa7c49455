//! What is wrong, as data.

mod code;
#[cfg(feature = "serde")]
mod json;
mod log;
#[cfg(feature = "render")]
mod render;
mod sink;

use crate::source::Span;

pub use code::{Code, LintLevel, LintLevels, UnknownCode};
#[cfg(feature = "serde")]
pub use json::{JsonDiagnostic, JsonEdit, JsonFix, JsonLabel, JsonPlace};
pub use log::{LogLine, Severity as LogSeverity};
#[cfg(feature = "render")]
pub use render::render;
pub(crate) use sink::Sink;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// php-fpm starts, but probably does not do what is wanted.
    Warning,
    /// php-fpm refuses to start.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// When php-fpm would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Stage {
    /// While it reads the files.
    Parse,
    /// When it looks at all values together.
    Validate,
    /// With `-t`, and at a real start.
    Test,
    /// At a real start alone: `php-fpm -t` passes.
    Start,
    /// Never: it is a finding of this crate.
    Lint,
}

/// A further place that explains the finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What it has to do with it.
    pub text: String,
}

/// Replaces the bytes of one span.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextEdit {
    /// What to replace; an empty span inserts.
    pub span: Span,
    /// The new bytes.
    pub replacement: Vec<u8>,
}

/// A change that a machine may apply: it cures the finding, and is what the
/// writer most probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fix {
    /// What it does, in one clause.
    pub title: String,
    /// The edits; they do not overlap.
    pub edits: Vec<TextEdit>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Stable across releases; what tools and tests match on.
    pub code: Code,
    /// `Error` exactly when php-fpm would refuse to start.
    pub severity: Severity,
    /// When php-fpm would notice.
    pub stage: Stage,
    /// Whether the caller's lint levels deny it.
    pub denied: bool,
    /// What is wrong, in one clause.
    pub message: String,
    /// The bytes to underline.
    pub span: Span,
    /// Other places that explain it.
    pub labels: Vec<Label>,
    /// What to do, or why it matters.
    pub help: Option<String>,
    /// A change that cures it.
    pub fix: Option<Fix>,
    /// What php-fpm itself prints, in full.
    pub php_fpm: Vec<LogLine>,
}

impl Diagnostic {
    pub(crate) fn new(code: Code, stage: Stage, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            stage,
            denied: false,
            message: message.into(),
            span,
            labels: Vec::new(),
            help: None,
            fix: None,
            php_fpm: Vec::new(),
        }
    }

    pub(crate) fn line(mut self, severity: LogSeverity, text: impl Into<Vec<u8>>) -> Self {
        self.php_fpm.push(LogLine::new(severity, text));
        self
    }

    pub(crate) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        self.labels.push(Label { span, text });
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn fix(
        mut self,
        title: impl Into<String>,
        span: Span,
        replacement: impl Into<Vec<u8>>,
    ) -> Self {
        let replacement = replacement.into();
        self.fix = Some(Fix {
            title: title.into(),
            edits: vec![TextEdit { span, replacement }],
        });
        self
    }

    /// Whether a program that checks should fail because of it.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.denied || self.severity == Severity::Error
    }
}
