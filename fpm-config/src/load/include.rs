//! `include`: patterns, depth and loops.

use crate::diagnostic::{Code, Diagnostic, LogLine, LogSeverity, Stage};
use crate::source::Span;
use crate::world::{GlobError, glob};

use super::{Loader, text};

impl Loader<'_> {
    /// Reads what `pattern` matches; `span` is the statement's value, `path`
    /// the including file.
    pub(super) fn include(&mut self, pattern: &[u8], span: Span, path: &[u8]) {
        let pattern = self.absolute(pattern);
        let line = self.counter;
        let from = format!(" at line {line}");
        match glob(self.world.files, &pattern) {
            Ok(found) => {
                for name in found {
                    // Folders are left out, as php-fpm does.
                    if name.last() != Some(&b'/') {
                        self.include_file(&name, span, path);
                    }
                }
            }
            Err(GlobError::NoMatch) => {
                let line = text(&[
                    b"Nothing matches the include pattern '",
                    &pattern,
                    b"' from ",
                    path,
                    from.as_bytes(),
                    b".",
                ]);
                let message = "no file matches";
                let nothing = Diagnostic::new(Code::IncludeNothing, Stage::Parse, span, message);
                self.refuse(nothing.line(LogSeverity::Warning, line));
            }
            Err(GlobError::Aborted) => {
                let line = text(&[
                    b"Unable to globalize '",
                    &pattern,
                    b"' (ret=2) from ",
                    path,
                    from.as_bytes(),
                    b".",
                ]);
                let message = "a folder in the pattern cannot be read";
                let refused = Diagnostic::new(Code::IncludeFolder, Stage::Parse, span, message);
                self.refuse(refused.line(LogSeverity::Error, line));
            }
        }
    }

    fn absolute(&self, pattern: &[u8]) -> Vec<u8> {
        if pattern.first() == Some(&b'/') {
            return pattern.to_vec();
        }
        let prefix = self.options.prefix.as_ref();
        let prefix = prefix.unwrap_or(&self.options.php_prefix);
        [prefix, &b"/"[..], pattern].concat()
    }

    fn include_file(&mut self, name: &[u8], span: Span, path: &[u8]) {
        let was_running = self.sink.stopped.is_none();
        // Behind php-fpm's end, loops and floods of files add nothing.
        if !was_running && self.open_files.iter().any(|open| open == name) {
            return;
        }
        if self.files >= self.options.limits.max_files {
            let message = "there are more files than this check reads";
            let many = Diagnostic::new(Code::TooManyFiles, Stage::Lint, span, message);
            self.sink.report(many);
            return;
        }
        self.file(name, Some(span));
        if was_running && self.sink.stopped.is_some() {
            let line = format!(" at line {}", self.stop_counter);
            let line = text(&[
                b"Unable to include ",
                name,
                b" from ",
                path,
                line.as_bytes(),
            ]);
            self.sink.print(LogLine::new(LogSeverity::Error, line));
        }
    }

    pub(super) fn too_deep(&mut self, path: &[u8], from: Option<Span>) {
        let is_loop = self.open_files.iter().any(|open| open == path);
        let message = if is_loop {
            "the file includes itself, directly or through others"
        } else {
            "files include each other more than five deep"
        };
        let span = from.unwrap_or_else(|| self.start_span());
        let line = "failed to include more than 5 files recursively";
        let refused = Diagnostic::new(Code::IncludeDepth, Stage::Parse, span, message);
        self.refuse(refused.line(LogSeverity::Error, line));
    }
}
