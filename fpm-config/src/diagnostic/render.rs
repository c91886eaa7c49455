//! Findings as text with the lines they are about.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::source::{SourceFile, Sources, Span};

/// Lines shown together in one piece at most; further places get their own.
const MAX_LINES: usize = 60;
/// Bytes of a line shown on both sides of a place.
const MAX_BYTES: usize = 120;

/// One finding as plain text: what, where, the lines themselves, what helps.
///
/// Control characters and bytes that are not UTF-8 are replaced, long lines
/// cut around the place.
///
/// # Examples
///
/// ```
/// use fpm_config::diagnostic::render;
/// use fpm_config::world::{MemoryWorld, World};
/// use fpm_config::{Config, Options};
///
/// let mut world = MemoryWorld::default();
/// world.add_file("a.conf", "[www]\npm.min_spare_server = 2\n");
/// let config = Config::load("a.conf".as_ref(), &Options::default(), &World::of(&world));
///
/// let text = render(&config.diagnostics()[0], config.sources());
/// assert!(text.contains("error[unknown-directive]"));
/// assert!(text.contains("did you mean `pm.min_spare_servers`?"));
/// ```
#[must_use]
pub fn render(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.as_str());
    let mut pieces: Vec<Piece> = Vec::new();
    add(&mut pieces, sources, diagnostic.span, None);
    for label in &diagnostic.labels {
        add(&mut pieces, sources, label.span, Some(&label.text));
    }
    let snippets = pieces.into_iter().map(|piece| piece.snippet(sources));
    let mut group = title.elements(snippets);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    if diagnostic.denied {
        group = group.element(Level::NOTE.message("denied by the chosen lint levels"));
    }
    Renderer::plain().render(&[group])
}

/// Lines of one file, with the places in them.
struct Piece {
    /// The first place's file.
    span: Span,
    first: usize,
    last: usize,
    places: Vec<(Span, Option<String>)>,
}

/// Puts a place to the piece of its file if that stays short.
fn add(pieces: &mut Vec<Piece>, sources: &Sources, span: Span, label: Option<&str>) {
    let line = sources.position(span).line;
    let place = (span, label.map(str::to_owned));
    for piece in pieces.iter_mut() {
        let (first, last) = (piece.first.min(line), piece.last.max(line));
        if piece.span.file == span.file && last - first < MAX_LINES {
            (piece.first, piece.last) = (first, last);
            piece.places.push(place);
            return;
        }
    }
    pieces.push(Piece {
        span,
        first: line,
        last: line,
        places: vec![place],
    });
}

impl Piece {
    fn snippet(
        self,
        sources: &Sources,
    ) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
        let file = sources.file(self.span.file);
        let mut text = String::new();
        let mut annotations = Vec::new();
        for line in self.first..=self.last {
            let window = Window::new(file, line, &self.places, sources);
            let kind_of = |label: &Option<String>| match label {
                None => AnnotationKind::Primary,
                Some(_) => AnnotationKind::Context,
            };
            for (span, label) in &self.places {
                if sources.position(*span).line == line {
                    let range = window.range(text.len(), *span);
                    let annotation = kind_of(label).span(range);
                    annotations.push(match label {
                        Some(label) => annotation.label(label.clone()),
                        None => annotation,
                    });
                }
            }
            text.push_str(&lossy(window.bytes));
            text.push('\n');
        }
        let path = file.path().to_string_lossy().into_owned();
        Snippet::source(text)
            .line_start(self.first)
            .path(path)
            .annotations(annotations)
    }
}

/// The part of a line that is shown.
struct Window<'a> {
    bytes: &'a [u8],
    start: usize,
}

impl<'a> Window<'a> {
    fn new(
        file: &'a SourceFile,
        line: usize,
        places: &[(Span, Option<String>)],
        sources: &Sources,
    ) -> Self {
        let (start, bytes) = file.line(line);
        let mut here = places
            .iter()
            .filter(|(span, _)| sources.position(*span).line == line);
        let focus = here.next().map_or(start, |(span, _)| span.start);
        let from = (focus - start).saturating_sub(MAX_BYTES).min(bytes.len());
        let to = (focus - start + MAX_BYTES).min(bytes.len());
        Self {
            bytes: &bytes[from..to],
            start: start + from,
        }
    }

    /// Where `span` is in the shown text, which starts at `offset`.
    fn range(&self, offset: usize, span: Span) -> std::ops::Range<usize> {
        let cut = |at: usize| at.saturating_sub(self.start).min(self.bytes.len());
        let (start, end) = (cut(span.start), cut(span.end));
        let text_at = |at: usize| offset + lossy(&self.bytes[..at]).len();
        text_at(start)..text_at(end.max(start))
    }
}

/// Text of the same number of characters whatever follows: each bad byte is
/// one replacement character.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text.replace(|char: char| char.is_control() && char != '\t', "\u{fffd}")
}
