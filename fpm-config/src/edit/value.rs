//! How to write a value so that PHP reads exactly that.

use crate::schema::{Directive, Kind, PhpVersion};
use crate::syntax::{Dialect, Event, read_line};
use crate::world::Environment;

use super::EditError;
use super::meaning::EditNames;

/// A value to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewValue<'a> {
    /// The value as php-fpm shall have it: quoted where need be.
    Meant(&'a [u8]),
    /// The text to stand in the file, such as `yes` or `${HOME}/log`.
    Written(&'a [u8]),
}

impl<'a> NewValue<'a> {
    /// What a person means who gives `directive` the value `text`: for a
    /// boolean the keyword, else the text itself.
    #[must_use]
    pub fn for_directive(directive: &Directive, text: &'a str) -> Self {
        let is_boolean = matches!(directive.kind, Kind::Boolean | Kind::FlagArray);
        let is_keyword = matches!(text, "yes" | "no" | "on" | "off" | "true" | "false");
        if is_boolean && is_keyword {
            Self::Written(text.as_bytes())
        } else {
            Self::Meant(text.as_bytes())
        }
    }

    /// The text for the file.
    pub(super) fn written(
        &self,
        environment: &dyn Environment,
        php: PhpVersion,
    ) -> Result<Vec<u8>, EditError> {
        match *self {
            Self::Written(text) => {
                let is_one_line = !text.iter().any(|byte| b"\r\n\0".contains(byte));
                is_one_line
                    .then(|| text.to_vec())
                    .ok_or(EditError::Unwritable)
            }
            Self::Meant(meant) => {
                let reads =
                    |text: &[u8]| value_of(text, environment, php).as_deref() == Some(meant);
                write(meant, reads)
            }
        }
    }

    /// The value that php-fpm will have.
    pub(super) fn evaluated(
        &self,
        environment: &dyn Environment,
        php: PhpVersion,
    ) -> Result<Vec<u8>, EditError> {
        match *self {
            Self::Meant(meant) => Ok(meant.to_vec()),
            Self::Written(text) => value_of(text, environment, php).ok_or(EditError::Unwritable),
        }
    }
}

/// How to write `value` in a file so that PHP reads exactly that: as it is,
/// in double quotes, or in single quotes.
///
/// # Errors
///
/// [`EditError::Unwritable`] if it holds a newline or a NUL byte.
pub fn written_value(
    value: &[u8],
    environment: &dyn Environment,
    php: PhpVersion,
) -> Result<Vec<u8>, EditError> {
    NewValue::Meant(value).written(environment, php)
}

/// A key for `name[key]`.
pub(super) fn key(
    meant: &[u8],
    environment: &dyn Environment,
    php: PhpVersion,
) -> Result<Vec<u8>, EditError> {
    write(meant, |text| {
        let line = [b"a[", text, b"] = 1\n"].concat();
        only(&line, environment, php, |event| match event {
            Event::Array { key, .. } => Some(key.to_vec()),
            _ => None,
        })
        .as_deref()
            == Some(meant)
    })
}

/// A name for `[name]`.
pub(super) fn section_name(
    meant: &[u8],
    environment: &dyn Environment,
    php: PhpVersion,
) -> Result<Vec<u8>, EditError> {
    write(meant, |text| {
        let line = [b"[", text, b"]\n"].concat();
        only(&line, environment, php, |event| match event {
            Event::Section { name, .. } => Some(name.to_vec()),
            _ => None,
        })
        .as_deref()
            == Some(meant)
    })
}

/// What `name = text` gives, if the line says nothing else.
fn value_of(text: &[u8], environment: &dyn Environment, php: PhpVersion) -> Option<Vec<u8>> {
    let line = [b"a = ", text, b"\n"].concat();
    only(&line, environment, php, |event| match event {
        Event::Entry { value, .. } => value.map(<[u8]>::to_vec),
        _ => None,
    })
}

/// The one thing that `line` says.
fn only(
    line: &[u8],
    environment: &dyn Environment,
    php: PhpVersion,
    take: impl Fn(&Event<'_>) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let names = EditNames { environment, php };
    let mut found = Vec::new();
    read_line(line, &names, Dialect::of(php), &mut |event| {
        found.push(take(&event))
    });
    match found.as_mut_slice() {
        [one] => one.take(),
        _ => None,
    }
}

/// The plainest text that `reads` accepts: as it is, in double quotes, in
/// single quotes.
fn write(meant: &[u8], reads: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, EditError> {
    if meant.iter().any(|byte| b"\r\n\0".contains(byte)) {
        return Err(EditError::Unwritable);
    }
    let mut double = vec![b'"'];
    for &byte in meant {
        if b"\"\\$".contains(&byte) {
            double.push(b'\\');
        }
        double.push(byte);
    }
    double.push(b'"');
    let single = [b"'", meant, b"'"].concat();
    // A comment behind a bare value must stay one: no `;` gets here, for the
    // value would not read back.
    let mut ways = [meant.to_vec(), double, single].into_iter();
    ways.find(|way| reads(way)).ok_or(EditError::Unwritable)
}
