//! Findings for other programs.

use serde::Serialize;

use super::{Diagnostic, Severity, Stage};
use crate::source::{Sources, Span};

/// A place in a file. Lines and columns count from 1, columns in bytes.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JsonPlace {
    /// The file's path as it was opened.
    pub file: String,
    /// Line of the first byte.
    pub line: usize,
    /// Column of the first byte.
    pub column: usize,
    /// Line of the byte behind the last one.
    pub end_line: usize,
    /// Column of the byte behind the last one.
    pub end_column: usize,
    /// Offset of the first byte in the file.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl JsonPlace {
    /// The place of `span`.
    #[must_use]
    pub fn new(span: Span, sources: &Sources) -> Self {
        let file = sources.file(span.file);
        let (start, end) = (file.position(span.start), file.position(span.end));
        Self {
            file: file.path().to_string_lossy().into_owned(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            start: span.start,
            end: span.end,
        }
    }
}

/// A further place.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JsonLabel {
    /// The place.
    pub place: JsonPlace,
    /// What it has to do with the finding.
    pub text: String,
}

/// A replacement of bytes.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JsonEdit {
    /// What to replace.
    pub place: JsonPlace,
    /// By what.
    pub replacement: String,
}

/// A change that cures the finding.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JsonFix {
    /// What it does.
    pub title: String,
    /// How.
    pub edits: Vec<JsonEdit>,
}

/// A [`Diagnostic`] with its places spelt out. Field names are stable.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JsonDiagnostic {
    /// The stable code.
    pub code: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: Severity,
    /// When php-fpm would notice.
    pub stage: Stage,
    /// Whether the lint levels deny it.
    pub denied: bool,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub place: JsonPlace,
    /// Further places.
    pub labels: Vec<JsonLabel>,
    /// What to do.
    pub help: Option<String>,
    /// A change that cures it.
    pub fix: Option<JsonFix>,
    /// php-fpm's own lines, without time.
    pub php_fpm: Vec<String>,
}

impl JsonDiagnostic {
    /// Spells out the places of `diagnostic`.
    #[must_use]
    pub fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let labels = diagnostic.labels.iter().map(|label| JsonLabel {
            place: JsonPlace::new(label.span, sources),
            text: label.text.clone(),
        });
        let fix = diagnostic.fix.as_ref().map(|fix| JsonFix {
            title: fix.title.clone(),
            edits: (fix.edits.iter())
                .map(|edit| JsonEdit {
                    place: JsonPlace::new(edit.span, sources),
                    replacement: String::from_utf8_lossy(&edit.replacement).into_owned(),
                })
                .collect(),
        });
        let text = |line: &super::LogLine| String::from_utf8_lossy(&line.text).into_owned();
        Self {
            code: diagnostic.code.as_str(),
            severity: diagnostic.severity,
            stage: diagnostic.stage,
            denied: diagnostic.denied,
            message: diagnostic.message.clone(),
            place: JsonPlace::new(diagnostic.span, sources),
            labels: labels.collect(),
            help: diagnostic.help.clone(),
            fix,
            php_fpm: diagnostic.php_fpm.iter().map(text).collect(),
        }
    }
}
