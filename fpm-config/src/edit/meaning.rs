//! What a file says, statement by statement, and where.

use std::ops::Range;

use crate::schema::PhpVersion;
use crate::syntax::{Dialect, Event, Names, lines, read_line};
use crate::world::Environment;

use super::Target;

/// A section's name in lower case; `None` is `[global]`.
pub(super) type Section = Option<Vec<u8>>;

/// The content of a statement, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Says {
    pub(super) section: Section,
    /// `None` for a header.
    pub(super) name: Option<Vec<u8>>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
}

impl Says {
    fn statement(section: &Section, name: &[u8], key: Option<&[u8]>, value: Option<&[u8]>) -> Self {
        Self {
            section: section.clone(),
            name: Some(name.to_vec()),
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
        }
    }

    pub(super) fn header(section: Section) -> Self {
        Self {
            section,
            name: None,
            key: None,
            value: None,
        }
    }
}

/// A statement in the file.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) section: Section,
    pub(super) is_header: bool,
    /// The line it stands in, with its newline.
    pub(super) line: Range<usize>,
    /// All of it.
    pub(super) whole: Range<usize>,
    /// The name of the directive or section.
    pub(super) name: Range<usize>,
    value: Option<Range<usize>>,
    says: Says,
}

/// How a statement is laid out.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub(super) indent: Vec<u8>,
    pub(super) equals: Vec<u8>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            indent: Vec::new(),
            equals: b" = ".to_vec(),
        }
    }
}

/// A file's statements.
#[derive(Debug)]
pub(super) struct Meaning {
    pub(super) items: Vec<Item>,
    /// Lines with a syntax error.
    pub(super) broken_lines: usize,
}

impl Meaning {
    pub(super) fn read(
        text: &[u8],
        start: &Section,
        environment: &dyn Environment,
        php: PhpVersion,
    ) -> Self {
        let names = EditNames { environment, php };
        let dialect = Dialect::of(php);
        let mut section = start.clone();
        let mut items: Vec<Item> = Vec::new();
        let mut broken_lines = 0;
        for line in lines(text) {
            let range = line.start..line.end;
            let in_file = |part: &Range<usize>| {
                let from = (line.start + part.start).min(line.end);
                from..(line.start + part.end).clamp(from, line.end)
            };
            read_line(&line.text, &names, dialect, &mut |event| match event {
                Event::Syntax { .. } => broken_lines += 1,
                event => items.push(item(&event, &mut section, range.clone(), in_file)),
            });
        }
        Self {
            items,
            broken_lines,
        }
    }

    pub(super) fn says(&self) -> Vec<Says> {
        self.items.iter().map(|item| item.says.clone()).collect()
    }

    /// The statement that counts for `target` in `section`.
    pub(super) fn counting(&self, section: &Section, target: Target<'_>) -> Option<usize> {
        let mut found = (0..self.items.len()).filter(|&at| self.items[at].is(section, target));
        match target.key {
            Some(_) => found.next(),
            None => found.next_back(),
        }
    }

    /// The last statement of a section, its header if there is none.
    pub(super) fn last_of(&self, section: &Section) -> Option<usize> {
        self.items.iter().rposition(|item| item.section == *section)
    }
}

fn item(
    event: &Event<'_>,
    section: &mut Section,
    line: Range<usize>,
    in_file: impl Fn(&Range<usize>) -> Range<usize>,
) -> Item {
    let (says, name, value, whole) = match event {
        Event::Section {
            name,
            span,
            name_span,
        } => {
            let lower = name.to_ascii_lowercase();
            *section = (lower != b"global").then_some(lower);
            (Says::header(section.clone()), name_span, None, span.clone())
        }
        Event::Entry {
            name,
            name_span,
            value,
            value_span,
        } => {
            let says = Says::statement(section, name, None, *value);
            let value = value.map(|_| value_span);
            (says, name_span, value, name_span.start..value_span.end)
        }
        Event::Array {
            name,
            name_span,
            key,
            value,
            value_span,
            ..
        } => {
            let says = Says::statement(section, name, Some(key), Some(value));
            (
                says,
                name_span,
                Some(value_span),
                name_span.start..value_span.end,
            )
        }
        Event::Syntax { span, .. } => (Says::header(None), span, None, span.clone()),
    };
    Item {
        section: section.clone(),
        is_header: says.name.is_none(),
        line,
        whole: in_file(&whole),
        name: in_file(name),
        value: value.map(&in_file),
        says,
    }
}

impl Item {
    /// Whether it is about `target` in `section`.
    pub(super) fn is(&self, section: &Section, target: Target<'_>) -> bool {
        let Some(name) = &self.says.name else {
            return false;
        };
        self.section == *section
            && name.eq_ignore_ascii_case(target.name.as_bytes())
            && self.says.key.as_deref() == target.key.map(str::as_bytes)
    }

    /// The edit that replaces the value.
    pub(super) fn value_edit(&self, text: &[u8], written: Vec<u8>) -> (Range<usize>, Vec<u8>) {
        match &self.value {
            Some(range) if range.is_empty() => {
                let touches = text.get(range.start.wrapping_sub(1)) == Some(&b'=');
                let blank: &[u8] = if touches && !written.is_empty() {
                    b" "
                } else {
                    b""
                };
                (range.clone(), [blank, &written].concat())
            }
            Some(range) => (range.clone(), written),
            None => {
                let end = self.name.end;
                (end..end, [b" = ", written.as_slice()].concat())
            }
        }
    }

    /// Its layout, for a new neighbour.
    pub(super) fn style(&self, text: &[u8]) -> Style {
        let default = Style::default();
        let (Some(value), false) = (&self.value, self.is_header) else {
            return default;
        };
        let before = &text[self.line.start..self.name.start];
        let is_blank = before.iter().all(|byte| b" \t".contains(byte));
        let between = &text[self.name.end..value.start];
        let equals = between.iter().position(|&byte| byte == b'=');
        let equals = equals.map_or(between, |at| {
            let blanks = between[..at].iter().rev();
            let blanks = blanks.take_while(|byte| b" \t".contains(byte)).count();
            &between[at - blanks..]
        });
        let is_plain = equals.iter().all(|byte| b" \t=".contains(byte));
        Style {
            indent: if is_blank {
                before.to_vec()
            } else {
                default.indent
            },
            equals: if is_plain && equals.contains(&b'=') {
                equals.to_vec()
            } else {
                default.equals
            },
        }
    }
}

/// What values mean for an editor.
#[derive(Clone, Copy)]
pub(super) struct EditNames<'a> {
    pub(super) environment: &'a dyn Environment,
    pub(super) php: PhpVersion,
}

impl Names for EditNames<'_> {
    fn constant(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.environment.constant(name, self.php)
    }

    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        let php_ini = self.environment.php_ini(name);
        php_ini.or_else(|| self.environment.variable(name))
    }
}
