//! Figures as they are measured: `RESULT` lines for tools, tables for people.

use std::io::Write;

use crate::stats::Spread;

/// Collects the figures of a run and prints each one as it comes.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
    tables: Vec<Table>,
}

/// One measured number.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Figure {
    /// Dotted name: `<suite>.<case>.<measure>`.
    pub name: String,
    /// The number (a median where it was measured more than once); its unit is
    /// part of the measure's name or in the manual.
    pub value: f64,
    /// Smallest and largest of the repetitions, where there were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
}

/// Figures side by side, for people and for the plots.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Table {
    /// What the numbers are, with their unit.
    pub title: String,
    /// Names of the columns after the first.
    pub columns: Vec<String>,
    /// A name and a number per column; `None` where nothing was measured.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
}

impl Report {
    /// Adds a figure and prints its `RESULT <suite>.<case>.<measure> <number>`
    /// line.
    pub fn figure(&mut self, name: impl Into<String>, value: f64) {
        self.add(Figure {
            name: name.into(),
            value,
            spread: None,
        });
    }

    /// Adds the median of repeated measurements, with their spread.
    pub fn spread(&mut self, name: impl Into<String>, spread: Spread) {
        self.add(Figure {
            name: name.into(),
            value: spread.median,
            spread: Some(spread),
        });
    }

    fn add(&mut self, figure: Figure) {
        // A closed pipe ends the run elsewhere; the figure is kept.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "RESULT {} {}", figure.name, rounded(figure.value));
        self.figures.push(figure);
    }

    /// Adds a table and prints it.
    pub fn table(&mut self, table: Table) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(table.to_text().as_bytes());
        self.tables.push(table);
    }

    /// All figures so far, in the order they were measured.
    #[must_use]
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// All tables so far.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        Self {
            title: title.into(),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, name: impl Into<String>, values: Vec<Option<f64>>) {
        self.rows.push((name.into(), values));
    }

    /// The table as aligned text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("\n{}\n{:24}", self.title, "");
        for column in &self.columns {
            text.push_str(&format!(" {column:>18}"));
        }
        text.push('\n');
        for (name, values) in &self.rows {
            text.push_str(&format!("{name:24}"));
            for value in values {
                let shown = value.map_or_else(|| "-".to_owned(), rounded);
                text.push_str(&format!(" {shown:>18}"));
            }
            text.push('\n');
        }
        text
    }
}

/// Four significant digits are more than any figure here deserves.
fn rounded(value: f64) -> String {
    let text = if value == 0.0 || value.fract() == 0.0 {
        return format!("{value}");
    } else if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.4}")
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_plain() {
        let shown: Vec<_> = [0.0, 2.0, 1.23456, 12345.6, 0.5].map(rounded).to_vec();
        assert_eq!(shown, ["0", "2", "1.2346", "12346", "0.5"]);
    }
}
