//! Reads the files in php-fpm's order and fills the draft.

mod include;
mod statement;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, LogLine, LogSeverity, Sink, Stage};
use crate::draft::{Draft, Section};
use crate::options::Options;
use crate::source::{FileId, Sources, Span};
use crate::syntax::{Dialect, Event, Names, lines, read_line};
use crate::world::World;

/// php-fpm reads the main file and four levels of includes.
const MAX_DEPTH: usize = 5;

/// What reading the files gives.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) sources: Sources,
    pub(crate) draft: Draft,
    /// Whether the main file could be opened.
    pub(crate) opened: bool,
    /// The pool that each file starts in, by file.
    pub(crate) starts: Vec<Option<usize>>,
}

/// Reads `path` and all that it includes.
pub(crate) fn load(path: &Path, options: &Options, world: &World<'_>, sink: &mut Sink) -> Loaded {
    let mut loader = Loader {
        options,
        world,
        names: ValueNames { options, world },
        sink,
        sources: Sources::default(),
        draft: None,
        section: None,
        depth: 0,
        counter: 0,
        stop_counter: 0,
        total_bytes: 0,
        files: 0,
        open_files: Vec::new(),
        starts: Vec::new(),
    };
    let opened = loader.file(path.as_os_str().as_bytes(), None);
    let start = loader.start_span();
    let draft = loader.draft.unwrap_or_else(|| Draft::new(global(start)));
    Loaded {
        sources: loader.sources,
        draft,
        opened,
        starts: loader.starts,
    }
}

fn global(start: Span) -> Section {
    Section::new(b"global".to_vec(), start)
}

struct Loader<'a> {
    options: &'a Options,
    world: &'a World<'a>,
    names: ValueNames<'a>,
    sink: &'a mut Sink,
    sources: Sources,
    /// Made with the main file.
    draft: Option<Draft>,
    /// The pool that statements belong to; `None`: `[global]`. Goes on across
    /// includes in both directions.
    section: Option<usize>,
    depth: usize,
    /// php-fpm's line counter: one for all files, so it is wrong behind an
    /// include.
    counter: usize,
    /// The counter where php-fpm stopped.
    stop_counter: usize,
    total_bytes: usize,
    files: usize,
    /// Paths of the files that are being read, outermost first.
    open_files: Vec<Vec<u8>>,
    /// The section that each file starts in.
    starts: Vec<Option<usize>>,
}

/// A statement's surroundings.
#[derive(Debug, Clone, Copy)]
struct Place<'p> {
    file: FileId,
    /// Offset of the line in the file.
    line_start: usize,
    /// Offset behind the line.
    line_end: usize,
    /// The path as php-fpm prints it.
    path: &'p [u8],
}

impl Place<'_> {
    fn span(&self, range: &std::ops::Range<usize>) -> Span {
        let start = (self.line_start + range.start).min(self.line_end);
        let end = (self.line_start + range.end).clamp(start, self.line_end);
        Span::new(self.file, start, end)
    }
}

impl Loader<'_> {
    fn start_span(&mut self) -> Span {
        if self.sources.iter().next().is_none() {
            // The main file cannot be read: findings need a file all the same.
            self.sources.add("".into(), Vec::new());
        }
        let (id, _) = self.sources.iter().next().expect("a file was added");
        Span::new(id, 0, 0)
    }

    /// Reports an error of reading; php-fpm's line counter is kept where it
    /// stops.
    fn refuse(&mut self, diagnostic: Diagnostic) {
        let was_running = self.sink.stopped.is_none();
        self.sink.report(diagnostic);
        if was_running && self.sink.stopped.is_some() {
            self.stop_counter = self.counter;
        }
    }

    /// Reads one file; whether it could be opened. `from` is the value of the
    /// `include`.
    fn file(&mut self, path: &[u8], from: Option<Span>) -> bool {
        if path.is_empty() {
            let line = b"configuration filename is empty".to_vec();
            self.unreadable(path, from, "the path of the file is empty", line);
            return false;
        }
        let limits = &self.options.limits;
        let left = limits.max_total_bytes.saturating_sub(self.total_bytes);
        let limit = limits.max_file_bytes.min(left);
        let native = Path::new(OsStr::from_bytes(path));
        let mut bytes = match self.world.files.read(native, limit.saturating_add(1)) {
            Ok(bytes) => bytes,
            Err(error) => {
                let shown = String::from_utf8_lossy(path);
                let message = format!("cannot open `{shown}`: {}", error.text);
                let line = text(&[
                    b"failed to open configuration file '",
                    path,
                    format!("': {error}").as_bytes(),
                ]);
                self.unreadable(path, from, &message, line);
                return false;
            }
        };
        if self.depth >= MAX_DEPTH {
            self.too_deep(path, from);
            return true;
        }
        let cut = bytes.len() > limit;
        bytes.truncate(limit);
        self.total_bytes += bytes.len();
        self.files += 1;
        let id = self
            .sources
            .add(native.to_path_buf(), std::mem::take(&mut bytes));
        self.starts.push(self.section);
        let start = Span::new(id, 0, 0);
        self.draft.get_or_insert_with(|| Draft::new(global(start)));
        if cut {
            let message = format!("only the first {limit} bytes of the file were checked");
            let large = Diagnostic::new(Code::FileTooLarge, Stage::Lint, start, message);
            self.sink.report(large);
        }
        self.depth += 1;
        self.open_files.push(path.to_vec());
        self.lines(id, path);
        self.open_files.pop();
        self.depth -= 1;
        true
    }

    fn unreadable(&mut self, path: &[u8], from: Option<Span>, message: &str, line: Vec<u8>) {
        let span = match from {
            Some(span) => span,
            None => {
                let path = Path::new(OsStr::from_bytes(path)).to_path_buf();
                Span::new(self.sources.add(path, Vec::new()), 0, 0)
            }
        };
        let refused = Diagnostic::new(Code::UnreadableFile, Stage::Parse, span, message);
        self.refuse(refused.line(LogSeverity::Error, line));
    }

    /// Reads the lines of a file that is in the sources.
    fn lines(&mut self, id: FileId, path: &[u8]) {
        self.counter = 0;
        // Taken out while it is read: findings need the sources' other files.
        let mut bytes = self.sources.take(id);
        let length = bytes.len();
        // php-fpm ends each line with a newline, even the last one.
        let is_open = bytes.last().is_some_and(|&last| last != b'\n');
        if is_open {
            bytes.push(b'\n');
        }
        for line in lines(&bytes) {
            self.counter += 1;
            let place = Place {
                file: id,
                line_start: line.start,
                line_end: line.end.min(length),
                path,
            };
            if !is_idle(&line.text) {
                self.line(&line.text, place);
            }
            if self.sink.is_full() && self.sink.stopped.is_some() {
                break;
            }
        }
        // php-fpm counts one more when it meets the end behind a newline.
        self.counter += usize::from(!is_open);
        bytes.truncate(length);
        self.sources.give_back(id, bytes);
    }

    fn line(&mut self, line: &[u8], place: Place<'_>) {
        let was_running = self.sink.stopped.is_none();
        let mut include: Option<(Vec<u8>, Span)> = None;
        let names = self.names;
        let dialect = Dialect::of(self.options.php);
        read_line(line, &names, dialect, &mut |event| {
            if let Event::Syntax { message, span } = event {
                let end = line[..span.end].trim_ascii_end().len().max(span.start);
                let span = place.span(&(span.start..end));
                self.syntax_error(message, span, place, was_running);
            } else if let Some(found) = self.statement(&event, place) {
                self.add_include(&mut include, found, place);
            }
        });
        let stopped_here = was_running && self.sink.stopped.is_some();
        if let Some((pattern, span)) = include
            && !stopped_here
        {
            self.include(&pattern, span, place.path);
        }
    }

    /// PHP prints a syntax error itself, even behind another error of the
    /// same line.
    fn syntax_error(&mut self, message: String, span: Span, place: Place<'_>, was_running: bool) {
        let line = format!("PHP:  {message}");
        if was_running && self.sink.stopped.is_some() {
            self.sink
                .print(LogLine::new(LogSeverity::Raw, line.clone()));
        }
        self.taint();
        let shown = message.split(" in Unknown").next().unwrap_or_default();
        let span = self.syntax_span(span, place);
        let refused = Diagnostic::new(Code::SyntaxError, Stage::Parse, span, shown)
            .line(LogSeverity::Raw, line)
            .help("quote values that hold one of ; \" ' = & | ^ ~ ! ( ) { }");
        self.refuse(refused);
    }

    /// A finding at the very end of a line points at its last byte.
    fn syntax_span(&self, span: Span, place: Place<'_>) -> Span {
        if span.start < span.end || span.start < place.line_end {
            return span;
        }
        let last = place.line_end.saturating_sub(1).max(place.line_start);
        Span::new(span.file, last, last)
    }

    fn taint(&mut self) {
        let section = self.section;
        if let Some(draft) = &mut self.draft {
            draft.section(section).tainted = true;
        }
    }
}

/// Blank lines and comments, the bulk of most files, say nothing.
fn is_idle(line: &[u8]) -> bool {
    let start = line.iter().position(|byte| !b" \t".contains(byte));
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    match start.map(|at| line[at]) {
        None | Some(b'\n') => true,
        // A lone carriage return would end the comment.
        Some(b';') => text.len() < line.len() && !text.contains(&b'\r'),
        Some(_) => false,
    }
}

/// Joins parts of a log line.
pub(crate) fn text(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// What values refer to, in this world.
#[derive(Clone, Copy)]
struct ValueNames<'a> {
    options: &'a Options,
    world: &'a World<'a>,
}

impl Names for ValueNames<'_> {
    fn constant(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.world.environment.constant(name, self.options.php)
    }

    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        let environment = self.world.environment;
        let php_ini = environment.php_ini(name);
        php_ini.or_else(|| environment.variable(name))
    }
}
