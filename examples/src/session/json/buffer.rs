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

/// The text would be longer than anybody wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Excess {
    limit: usize,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit >> 20;
        write!(
            f,
            "as JSON it has more than {limit} MiB, because values that many places share \
             are written once for each"
        )
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
            let limit = self.limit;
            return Err(Excess { limit });
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
        for _ in 0..depth.min(MAX_INDENT) {
            self.raw("  ")?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> String {
        self.json
    }
}
