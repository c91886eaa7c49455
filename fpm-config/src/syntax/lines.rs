//! A file as php-fpm reads it: cut at newlines, each line parsed alone.

use std::borrow::Cow;

/// One physical line.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// Offset of its first byte.
    pub(crate) start: usize,
    /// Offset behind its last byte, the newline included.
    pub(crate) end: usize,
    /// What PHP's parser gets: up to a NUL byte, else with a newline at the
    /// end, even on a last line without one. Empty for an empty line.
    pub(crate) text: Cow<'a, [u8]>,
}

/// The lines of `bytes`; together they cover it.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let newline = rest.iter().position(|&byte| byte == b'\n');
        let len = newline.map_or(rest.len(), |at| at + 1);
        let line = Line {
            start,
            end: start + len,
            text: parsed_text(&rest[..len], newline.is_some()),
        };
        start += len;
        Some(line)
    })
}

fn parsed_text(line: &[u8], has_newline: bool) -> Cow<'_, [u8]> {
    if line == b"\n" {
        return Cow::Borrowed(b"");
    }
    if let Some(nul) = line.iter().position(|&byte| byte == 0) {
        return Cow::Borrowed(&line[..nul]);
    }
    if has_newline {
        return Cow::Borrowed(line);
    }
    let mut owned = Vec::with_capacity(line.len() + 1);
    owned.extend_from_slice(line);
    owned.push(b'\n');
    Cow::Owned(owned)
}
