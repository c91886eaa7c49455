//! Figures as they are measured: `RESULT` lines for tools, tables for people.

use std::io::{self, Write};

use crate::stats::Spread;

/// Collects the figures of a run; what was measured is printed when
/// [`publish`](Self::publish) says that it means something.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
    tables: Vec<Table>,
    /// Figures and tables that are printed.
    published: (usize, usize),
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
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Table {
    /// What the numbers are, with their unit.
    pub title: String,
    /// Names of the columns after the first.
    pub columns: Vec<String>,
    /// A name and a number per column; `None` where nothing was measured.
    pub rows: Vec<(String, Vec<Option<Spread>>)>,
    /// How it is drawn.
    pub drawing: Drawing,
}

/// How the page draws a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drawing {
    /// Bars, a chart for each of these columns.
    Bars(Vec<usize>),
    /// One chart: a line per row, the columns along the axis.
    Lines,
    /// The table alone.
    Nothing,
}

impl Report {
    /// Adds a figure.
    pub fn figure(&mut self, name: impl Into<String>, value: f64) {
        self.figures.push(Figure {
            name: name.into(),
            value,
            spread: None,
        });
    }

    /// Adds the median of repeated measurements, with their spread.
    pub fn spread(&mut self, name: impl Into<String>, spread: Spread) {
        self.figures.push(Figure {
            name: name.into(),
            value: spread.median,
            spread: Some(spread),
        });
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Says on stderr what is being measured: a run takes minutes.
    pub fn progress(&self, what: &str) {
        eprintln!("measuring {what}");
    }

    /// Prints what was added since the last time: the tables, then a line
    /// `RESULT <suite>.<case>.<measure> <number>` for each figure.
    pub fn publish(&mut self) {
        let (figures, tables) = self.published;
        let mut text: String = self.tables[tables..].iter().map(Table::to_text).collect();
        text.push('\n');
        for figure in &self.figures[figures..] {
            text.push_str(&format!(
                "RESULT {} {}\n",
                figure.name,
                rounded(figure.value)
            ));
        }
        // Whoever closed the pipe does not want to know.
        let _ = io::stdout().lock().write_all(text.as_bytes());
        self.published = (self.figures.len(), self.tables.len());
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
    /// An empty table whose columns are all drawn as bars.
    #[must_use]
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        Self {
            title: title.into(),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
            drawing: Drawing::Bars((0..columns.len()).collect()),
        }
    }

    /// The same table, drawn otherwise.
    #[must_use]
    pub fn drawn(mut self, drawing: Drawing) -> Self {
        self.drawing = drawing;
        self
    }

    /// Adds a row of numbers that were measured once.
    pub fn row(&mut self, name: impl Into<String>, values: Vec<Option<f64>>) {
        let single = |value: Option<f64>| value.map(|value| Spread::of(&[value]));
        self.spreads(name, values.into_iter().map(single).collect());
    }

    /// Adds a row of medians with their spread.
    pub fn spreads(&mut self, name: impl Into<String>, values: Vec<Option<Spread>>) {
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
                let shown = value.map_or_else(|| "-".to_owned(), with_spread);
                text.push_str(&format!(" {shown:>18}"));
            }
            text.push('\n');
        }
        text
    }
}

/// The median, and how far the others are from it.
fn with_spread(spread: Spread) -> String {
    let median = rounded(spread.median);
    if spread.is_single() || spread.median == 0.0 {
        return median;
    }
    let half = (spread.max - spread.min) / 2.0 / spread.median.abs();
    format!("{median} ±{:.0}%", half * 100.0)
}

/// Four significant digits are more than any figure here deserves.
pub(crate) fn rounded(value: f64) -> String {
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

    #[test]
    fn a_spread_is_shown_beside_its_median() {
        assert_eq!(with_spread(Spread::of(&[9.0, 10.0, 11.0])), "10 ±10%");
        assert_eq!(with_spread(Spread::of(&[10.0])), "10");
    }
}
