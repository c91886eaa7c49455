//! The files that were read, and places in them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Names one file of a [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

impl FileId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A range of bytes in one file; `start == end` marks a place between bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to, not including, `end`.
    #[must_use]
    pub const fn new(file: FileId, start: usize, end: usize) -> Self {
        Self { file, start, end }
    }
}

/// Where a span starts, as people count: both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
}

/// One file as it was read.
#[derive(Debug)]
pub struct SourceFile {
    path: PathBuf,
    bytes: Vec<u8>,
    newlines: OnceLock<Vec<usize>>,
}

impl SourceFile {
    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every byte of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Line and column of the byte at `offset`.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let before = self.newlines().partition_point(|&newline| newline < offset);
        let line_start = self.line_start(before);
        Position {
            line: before + 1,
            column: offset.saturating_sub(line_start) + 1,
        }
    }

    /// The bytes of line `line` (from 1) without its end, and the offset
    /// where they start. Lines behind the last one are empty.
    #[must_use]
    pub fn line(&self, line: usize) -> (usize, &[u8]) {
        let index = line.saturating_sub(1);
        let start = self.line_start(index).min(self.bytes.len());
        let end = self
            .newlines()
            .get(index)
            .map_or(self.bytes.len(), |&newline| newline);
        let text = &self.bytes[start..end];
        (start, text.strip_suffix(b"\r").unwrap_or(text))
    }

    fn line_start(&self, index: usize) -> usize {
        match index.checked_sub(1) {
            None => 0,
            Some(previous) => self
                .newlines()
                .get(previous)
                .map_or(self.bytes.len(), |newline| newline + 1),
        }
    }

    fn newlines(&self) -> &[usize] {
        self.newlines.get_or_init(|| {
            let bytes = self.bytes.iter().enumerate();
            bytes
                .filter_map(|(at, &byte)| (byte == b'\n').then_some(at))
                .collect()
        })
    }
}

/// Every file of one configuration, in the order of reading.
///
/// A file that two `include` lines name is here twice: its spans differ, for
/// it may stand in two sections.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and names it.
    ///
    /// # Panics
    ///
    /// When more than 2³² files are added.
    pub fn add(&mut self, path: PathBuf, bytes: Vec<u8>) -> FileId {
        let id = u32::try_from(self.files.len()).expect("fewer than 2^32 files");
        self.files.push(SourceFile {
            path,
            bytes,
            newlines: OnceLock::new(),
        });
        FileId(id)
    }

    /// The file that `id` names; ids come from [`Self::add`] of the same value.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// Takes the bytes of a file out while it is read line by line.
    pub(crate) fn take(&mut self, id: FileId) -> Vec<u8> {
        std::mem::take(&mut self.files[id.index()].bytes)
    }

    /// Puts them back.
    pub(crate) fn give_back(&mut self, id: FileId, bytes: Vec<u8>) {
        self.files[id.index()].bytes = bytes;
    }

    /// The bytes of `span`.
    #[must_use]
    pub fn text(&self, span: Span) -> &[u8] {
        let bytes = self.file(span.file).bytes();
        let end = span.end.min(bytes.len());
        &bytes[span.start.min(end)..end]
    }

    /// Line and column where `span` starts.
    #[must_use]
    pub fn position(&self, span: Span) -> Position {
        self.file(span.file).position(span.start)
    }

    /// All files with their ids, in the order of reading.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        let ids = (0..).map(FileId);
        ids.zip(&self.files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one_and_columns_are_bytes() {
        let mut sources = Sources::default();
        let id = sources.add("a.conf".into(), b"ab\r\n\xc3\xa4c\nlast".to_vec());
        let file = sources.file(id);
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(6), Position { line: 2, column: 3 });
        assert_eq!(file.position(12), Position { line: 3, column: 5 });
        assert_eq!(file.line(1), (0, &b"ab"[..]));
        assert_eq!(file.line(3), (8, &b"last"[..]));
        assert_eq!(file.line(9), (12, &b""[..]));
    }
}
