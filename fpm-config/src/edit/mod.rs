//! Changes to a file that keep everything else as it is.

mod fix;
mod meaning;
mod value;

use std::ops::Range;

pub use fix::fixed_files;
pub use value::{NewValue, written_value};

use crate::schema::PhpVersion;
use crate::world::Environment;
use meaning::{Item, Meaning, Section};

/// Why a change was not made. The file is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The section does not have the directive; look in included files.
    #[error("the section has no such directive in this file")]
    NotFound,
    /// The file has no such pool; add it first.
    #[error("the file has no such pool")]
    NoSuchPool,
    /// There is a pool of the new name, or the name is `global`.
    #[error("the name is taken")]
    NameTaken,
    /// No way of writing gives this value: it holds a newline or a NUL byte.
    #[error("the value cannot be written on one line")]
    Unwritable,
    /// The change would alter something else too, because a line nearby is
    /// not well formed. Repair that line first.
    #[error("the change would alter other statements too")]
    NotExact,
}

/// Which directive: its name, and the key of an array's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target<'a> {
    /// The name.
    pub name: &'a str,
    /// The key in `name[key]`.
    pub key: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Reads `name` or `name[key]`.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        match text.split_once('[') {
            Some((name, key)) => Self {
                name,
                key: Some(key.strip_suffix(']').unwrap_or(key)),
            },
            None => Self {
                name: text,
                key: None,
            },
        }
    }
}

/// Edits the text of one file. Each change is checked: the new text must say
/// what the old one said but for that change.
///
/// Sections are named as in the file; `global` is `[global]`.
///
/// # Examples
///
/// ```
/// use fpm_config::edit::{Editor, NewValue, Target};
/// use fpm_config::world::MemoryWorld;
///
/// let world = MemoryWorld::default();
/// let text = b"[www]\r\npm.max_children = 5 ; enough\r\n";
/// let mut editor = Editor::new(text, &world);
///
/// editor.set("www", Target::parse("pm.max_children"), &NewValue::Meant(b"9"))?;
/// editor.set("www", Target::parse("env[TMP]"), &NewValue::Meant(b"a;b"))?;
/// assert_eq!(
///     editor.text(),
///     b"[www]\r\npm.max_children = 9 ; enough\r\nenv[TMP] = \"a;b\"\r\n"
/// );
/// # Ok::<(), fpm_config::edit::EditError>(())
/// ```
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "it holds a trait object")]
pub struct Editor<'a> {
    text: Vec<u8>,
    environment: &'a dyn Environment,
    php: PhpVersion,
    start: Section,
}

impl<'a> Editor<'a> {
    /// An editor of `text`, whose first statements belong to `[global]`.
    /// `environment` tells what a bare word would mean, so that it is quoted
    /// where need be.
    #[must_use]
    pub fn new(text: &[u8], environment: &'a dyn Environment) -> Self {
        Self {
            text: text.to_vec(),
            environment,
            php: PhpVersion::default(),
            start: None,
        }
    }

    /// For a file that is included inside a pool's section.
    #[must_use]
    pub fn starting_in(mut self, pool: &str) -> Self {
        self.start = section(pool);
        self
    }

    /// For another version than 8.2.
    #[must_use]
    pub fn for_php(mut self, php: PhpVersion) -> Self {
        self.php = php;
        self
    }

    /// The text as it is now.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text, when all is done.
    #[must_use]
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }

    /// Sets a directive: where it stands already the value is replaced, else
    /// a line is added behind the section's last statement, written like it.
    /// Of several the one that counts is changed: the last, of an array's
    /// entries the first.
    ///
    /// # Errors
    ///
    /// [`EditError::NoSuchPool`], [`EditError::Unwritable`] and
    /// [`EditError::NotExact`].
    pub fn set(
        &mut self,
        pool: &str,
        target: Target<'_>,
        value: &NewValue<'_>,
    ) -> Result<(), EditError> {
        let pool = section(pool);
        let written = value.written(self.environment, self.php)?;
        let meaning = self.meaning();
        let meant = value.evaluated(self.environment, self.php)?;
        match meaning.counting(&pool, target) {
            Some(index) => {
                let item = &meaning.items[index];
                let edit = item.value_edit(&self.text, written);
                let mut expected = meaning.says();
                expected[index].value = Some(meant);
                self.apply(edit, &expected)
            }
            None => self.add(&meaning, &pool, target, written, meant),
        }
    }

    fn add(
        &mut self,
        meaning: &Meaning,
        pool: &Section,
        target: Target<'_>,
        written: Vec<u8>,
        meant: Vec<u8>,
    ) -> Result<(), EditError> {
        let line = match target.key {
            Some(key) => {
                let key = value::key(key.as_bytes(), self.environment, self.php)?;
                [target.name.as_bytes(), b"[", &key, b"]"].concat()
            }
            None => target.name.as_bytes().to_vec(),
        };
        let last = meaning.last_of(pool);
        let mut expected = meaning.says();
        let item = meaning::Says {
            section: pool.clone(),
            name: Some(target.name.as_bytes().to_vec()),
            key: target.key.map(|key| key.as_bytes().to_vec()),
            value: Some(meant),
        };
        let (at, style) = match last {
            Some(index) => {
                let last = &meaning.items[index];
                expected.insert(index + 1, item);
                (last.line.end, last.style(&self.text))
            }
            // Before the first section is [global].
            None if pool.is_none() && self.start.is_none() => {
                expected.insert(0, item);
                let mark = self.text.starts_with(b"\xef\xbb\xbf");
                (if mark { 3 } else { 0 }, meaning::Style::default())
            }
            None => return Err(EditError::NoSuchPool),
        };
        let newline = newline_of(&self.text);
        let mut insert = Vec::new();
        if at > 3 && self.text.get(at - 1) != Some(&b'\n') {
            insert.extend_from_slice(newline);
        }
        insert.extend([&style.indent, &line, &style.equals, &written, newline].concat());
        self.apply((at..at, insert), &expected)
    }

    /// Removes a directive, every time that it stands in the section. A line
    /// that holds nothing else goes with its comment.
    ///
    /// # Errors
    ///
    /// [`EditError::NotFound`] and [`EditError::NotExact`].
    pub fn remove(&mut self, pool: &str, target: Target<'_>) -> Result<(), EditError> {
        let pool = section(pool);
        let mut found = false;
        loop {
            let meaning = self.meaning();
            let Some(index) = meaning.counting(&pool, target) else {
                return if found {
                    Ok(())
                } else {
                    Err(EditError::NotFound)
                };
            };
            let item = &meaning.items[index];
            let alone = meaning.items.iter().filter(|other| other.line == item.line);
            let range = match alone.count() {
                1 => item.line.clone(),
                _ => item.whole.clone(),
            };
            let mut expected = meaning.says();
            expected.remove(index);
            self.apply((range, Vec::new()), &expected)?;
            found = true;
        }
    }

    /// Gives a directive another name, every time that it stands in the
    /// section.
    ///
    /// # Errors
    ///
    /// [`EditError::NotFound`] and [`EditError::NotExact`].
    pub fn rename(&mut self, pool: &str, from: Target<'_>, to: &str) -> Result<(), EditError> {
        let pool = section(pool);
        let meaning = self.meaning();
        let found: Vec<usize> = (0..meaning.items.len())
            .filter(|&index| meaning.items[index].is(&pool, from))
            .collect();
        if found.is_empty() {
            return Err(EditError::NotFound);
        }
        let mut expected = meaning.says();
        let mut edits = Vec::new();
        for index in found {
            expected[index].name = Some(to.into());
            edits.push((meaning.items[index].name.clone(), to.as_bytes().to_vec()));
        }
        self.apply_all(edits, &expected)
    }

    /// Gives a pool another name, at each of its headers.
    ///
    /// # Errors
    ///
    /// [`EditError::NoSuchPool`], [`EditError::NameTaken`],
    /// [`EditError::Unwritable`] and [`EditError::NotExact`].
    pub fn rename_pool(&mut self, from: &str, to: &str) -> Result<(), EditError> {
        let (from, new) = (section(from), section(to));
        let meaning = self.meaning();
        let is_new = |item: &Item| item.is_header && item.section == new;
        if new.is_none() || (new != from && meaning.items.iter().any(is_new)) {
            return Err(EditError::NameTaken);
        }
        let written = value::section_name(to.as_bytes(), self.environment, self.php)?;
        let mut expected = meaning.says();
        let mut edits = Vec::new();
        for (item, says) in meaning.items.iter().zip(&mut expected) {
            if item.section == from {
                says.section.clone_from(&new);
                if item.is_header {
                    edits.push((item.name.clone(), written.clone()));
                }
            }
        }
        if edits.is_empty() || from.is_none() {
            return Err(EditError::NoSuchPool);
        }
        self.apply_all(edits, &expected)
    }

    /// Adds an empty pool at the end.
    ///
    /// # Errors
    ///
    /// [`EditError::NameTaken`], [`EditError::Unwritable`] and
    /// [`EditError::NotExact`].
    pub fn add_pool(&mut self, name: &str) -> Result<(), EditError> {
        let new = section(name);
        let meaning = self.meaning();
        if new.is_none() || meaning.last_of(&new).is_some() {
            return Err(EditError::NameTaken);
        }
        let written = value::section_name(name.as_bytes(), self.environment, self.php)?;
        let newline = newline_of(&self.text);
        let mut insert = Vec::new();
        if !self.text.is_empty() {
            if !self.text.ends_with(b"\n") {
                insert.extend_from_slice(newline);
            }
            insert.extend_from_slice(newline);
        }
        insert.extend([b"[", written.as_slice(), b"]", newline].concat());
        let end = self.text.len();
        let mut expected = meaning.says();
        expected.push(meaning::Says::header(new));
        self.apply((end..end, insert), &expected)
    }

    /// Removes a pool: from each of its headers to its last statement, with
    /// the comments between them.
    ///
    /// # Errors
    ///
    /// [`EditError::NoSuchPool`] and [`EditError::NotExact`].
    pub fn remove_pool(&mut self, name: &str) -> Result<(), EditError> {
        let pool = section(name);
        let meaning = self.meaning();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for item in meaning.items.iter().filter(|item| item.section == pool) {
            match ranges.last_mut() {
                Some(range) if !item.is_header => range.end = item.line.end,
                _ => ranges.push(item.line.clone()),
            }
        }
        if ranges.is_empty() || pool.is_none() {
            return Err(EditError::NoSuchPool);
        }
        let mut expected = meaning.says();
        expected.retain(|says| says.section != pool);
        let edits = ranges.into_iter().map(|range| (range, Vec::new()));
        self.apply_all(edits.collect(), &expected)
    }

    fn meaning(&self) -> Meaning {
        Meaning::read(&self.text, &self.start, self.environment, self.php)
    }

    fn apply(
        &mut self,
        edit: (Range<usize>, Vec<u8>),
        expected: &[meaning::Says],
    ) -> Result<(), EditError> {
        self.apply_all(vec![edit], expected)
    }

    /// Makes the edits (in order, not overlapping) if the text then says
    /// exactly `expected`.
    fn apply_all(
        &mut self,
        edits: Vec<(Range<usize>, Vec<u8>)>,
        expected: &[meaning::Says],
    ) -> Result<(), EditError> {
        let mut text = self.text.clone();
        for (range, replacement) in edits.into_iter().rev() {
            text.splice(range, replacement);
        }
        let before = self.meaning().broken_lines;
        let after = Meaning::read(&text, &self.start, self.environment, self.php);
        if after.says() != expected || after.broken_lines != before {
            return Err(EditError::NotExact);
        }
        self.text = text;
        Ok(())
    }
}

/// A section by name, as statements are compared: `None` is `[global]`.
fn section(name: &str) -> Section {
    let name = name.as_bytes().to_ascii_lowercase();
    (name != b"global").then_some(name)
}

fn newline_of(text: &[u8]) -> &'static [u8] {
    let first = text.iter().position(|&byte| byte == b'\n');
    match first {
        Some(at) if at > 0 && text[at - 1] == b'\r' => b"\r\n",
        _ => b"\n",
    }
}
