//! A file as a tree that keeps every byte.

use std::ops::Range;

use super::evaluate::NoNames;
use super::grammar::{Event, read_line};
use super::lines::lines;
use super::scanner::Dialect;

/// What some bytes of a line are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementKind {
    /// The name in `[name]`.
    SectionName,
    /// The name of a directive.
    Name,
    /// The key in `name[key]`.
    Key,
    /// A value as written, with quotes and operators.
    Value,
    /// `;` and what stands behind it.
    Comment,
    /// Blanks, brackets, `=`, the newline, a byte order mark.
    Filler,
    /// What is no statement: from a syntax error or a NUL byte to the end of
    /// the line.
    Bad,
}

/// A part of a line. The elements of a line cover it without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Element {
    /// What it is.
    pub kind: ElementKind,
    /// Its bytes in the file.
    pub range: Range<usize>,
}

/// What a line says; ranges are bytes of the file. Usually there is one
/// statement a line at most, but `[pool] name = value` is two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statement {
    /// `[name]`
    Section {
        /// The name as written.
        name: Range<usize>,
    },
    /// `name = value`
    Entry {
        /// The directive.
        name: Range<usize>,
        /// The value as written; `None` if there is not even a `=`.
        value: Option<Range<usize>>,
    },
    /// `name[key] = value`
    Array {
        /// The directive.
        name: Range<usize>,
        /// The key as written.
        key: Range<usize>,
        /// The value as written.
        value: Range<usize>,
    },
}

/// One physical line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// All its bytes, the newline included.
    pub range: Range<usize>,
    /// What it consists of, without gaps.
    pub elements: Vec<Element>,
    /// What it says.
    pub statements: Vec<Statement>,
    /// PHP's message if it is not well formed.
    pub syntax_error: Option<String>,
}

/// A configuration file without loss: comments, blanks, line ends, byte order
/// marks and lines that are no configuration at all are kept.
///
/// # Examples
///
/// ```
/// use fpm_config::syntax::Document;
///
/// let text = b"[www] ; the site\r\npm = static\r\nnonsense = = 1\r\n";
/// let document = Document::parse(text);
/// assert_eq!(document.render(), text);
/// assert!(document.lines()[2].syntax_error.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

impl Document {
    /// Reads any bytes; there are none that cannot be read.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let lines = lines(bytes).map(|line| {
            let mut parsed = Line {
                range: line.start..line.end,
                elements: Vec::new(),
                statements: Vec::new(),
                syntax_error: None,
            };
            parsed.read(bytes, &line.text);
            parsed
        });
        Self {
            bytes: bytes.to_vec(),
            lines: lines.collect(),
        }
    }

    /// The bytes it was read from, put together from the tree.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len());
        for element in self.lines.iter().flat_map(|line| &line.elements) {
            out.extend_from_slice(&self.bytes[element.range.clone()]);
        }
        out
    }

    /// Every line, in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The bytes of a range.
    ///
    /// # Panics
    ///
    /// When the range reaches behind the end; those of this document never do.
    #[must_use]
    pub fn text(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

impl Line {
    fn read(&mut self, bytes: &[u8], text: &[u8]) {
        let start = self.range.start;
        let end = self.range.end;
        let in_file = |range: &Range<usize>| {
            let from = (start + range.start).min(end);
            from..(start + range.end).clamp(from, end)
        };
        let mut bad = None;
        read_line(text, &NoNames, Dialect::UpTo82, &mut |event| match event {
            Event::Section { name_span, .. } => {
                let name = in_file(&name_span);
                self.statements.push(Statement::Section { name });
            }
            Event::Entry {
                name_span,
                value,
                value_span,
                ..
            } => self.statements.push(Statement::Entry {
                name: in_file(&name_span),
                value: value.map(|_| in_file(&value_span)),
            }),
            Event::Array {
                name_span,
                key_span,
                value_span,
                ..
            } => self.statements.push(Statement::Array {
                name: in_file(&name_span),
                key: in_file(&key_span),
                value: in_file(&value_span),
            }),
            Event::Syntax { message, span } => {
                bad = Some(in_file(&span).start);
                self.syntax_error = Some(message);
            }
        });
        let read_up_to = start + text.len().min(self.range.len());
        self.fill(bytes, bad, read_up_to);
    }

    /// Puts the elements in order and everything between them.
    fn fill(&mut self, bytes: &[u8], bad: Option<usize>, read_up_to: usize) {
        let mut named: Vec<Element> = Vec::new();
        let mut add = |kind, range: &Range<usize>| {
            if !range.is_empty() {
                let range = range.clone();
                named.push(Element { kind, range });
            }
        };
        for statement in &self.statements {
            match statement {
                Statement::Section { name } => add(ElementKind::SectionName, name),
                Statement::Entry { name, value } => {
                    add(ElementKind::Name, name);
                    if let Some(value) = value {
                        add(ElementKind::Value, value);
                    }
                }
                Statement::Array { name, key, value } => {
                    add(ElementKind::Name, name);
                    add(ElementKind::Key, key);
                    add(ElementKind::Value, value);
                }
            }
        }
        let mut at = self.range.start;
        for element in named {
            // What PHP reads as two statements may share no byte here.
            if element.range.start >= at {
                self.push(ElementKind::Filler, at..element.range.start);
                at = element.range.end;
                self.push(element.kind, element.range);
            }
        }
        let good = bad.unwrap_or(read_up_to).clamp(at, read_up_to.max(at));
        let comment = bytes[at..good].iter().position(|&byte| byte == b';');
        let comment = comment.map_or(good, |offset| at + offset);
        let newline = bytes[comment..good].trim_ascii_end().len() + comment;
        self.push(ElementKind::Filler, at..comment);
        self.push(ElementKind::Comment, comment..newline);
        self.push(ElementKind::Filler, newline..good);
        self.push(ElementKind::Bad, good..self.range.end);
    }

    fn push(&mut self, kind: ElementKind, range: Range<usize>) {
        if !range.is_empty() {
            self.elements.push(Element { kind, range });
        }
    }
}
