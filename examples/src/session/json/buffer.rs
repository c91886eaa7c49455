//! JSON text that stops growing at a bound.

use std::fmt;

/// A session has at most 16 MiB, and JSON needs at most six bytes for one:
/// what is longer repeats a value that many places share.
pub(super) const MAX_BYTES: usize = 128 << 20;

/// Levels that are indented; deeper ones would be mostly spaces.
const MAX_INDENT: usize = 100;

/// JSON text under construction.
#[derive(Debug)]
pub(super) struct Buffer {
    json: String,
    limit: usize,
}

/// There would be more JSON than anybody wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Excess {
    /// More than so many bytes.
    Bytes(usize),
    /// More than so many values.
    Values(usize),
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(limit) => write!(f, "as JSON it has more than {limit} bytes"),
            Self::Values(limit) => write!(f, "as JSON it has more than {limit} values"),
        }?;
        f.write_str(", because what many places share is written once for each")
    }
}

impl Buffer {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            json: String::new(),
            limit,
        }
    }

    /// Adds JSON as it is.
    pub(super) fn raw(&mut self, json: &str) -> Result<(), Excess> {
        if json.len() > self.limit - self.json.len() {
            return Err(Excess::Bytes(self.limit));
        }
        self.json.push_str(json);
        Ok(())
    }

    /// Adds a string in quotes.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Excess> {
        // A string is never what JSON cannot express.
        self.raw(&serde_json::to_string(text).unwrap_or_default())
    }

    /// Begins a line `depth` levels deep.
    pub(super) fn line(&mut self, depth: usize) -> Result<(), Excess> {
        self.raw("\n")?;
        self.raw(&"  ".repeat(depth.min(MAX_INDENT)))
    }

    pub(super) fn finish(self) -> String {
        self.json
    }
}
