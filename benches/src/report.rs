//! Figures as they are measured: a table for people, `RESULT` lines for tools.

use std::io::Write;

/// Collects the figures of a run and prints each one as it comes.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
}

/// One measured number.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Figure {
    /// Dotted name: `<suite>.<case>.<measure>`.
    pub name: String,
    /// The number; its unit is part of the measure's name or in the manual.
    pub value: f64,
}

impl Report {
    /// Adds a figure and prints its `RESULT <suite>.<case>.<measure> <number>`
    /// line.
    pub fn figure(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        let mut out = std::io::stdout().lock();
        // A closed pipe ends the run elsewhere; the figure is kept.
        let _ = writeln!(out, "RESULT {name} {value}");
        self.figures.push(Figure { name, value });
    }

    /// All figures so far, in the order they were measured.
    #[must_use]
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }
}
