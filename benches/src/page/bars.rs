//! One column of a table as horizontal bars, with the spread as whiskers.

use std::fmt::Write as _;

use super::svg::{self, MUTED, OURS, PEER};
use crate::report::{Table, rounded};
use crate::stats::Spread;

const ROW_HEIGHT: f64 = 24.0;
const TOP: f64 = 34.0;
const LABEL_WIDTH: f64 = 175.0;
const BAR_WIDTH: f64 = 260.0;
const VALUE_WIDTH: f64 = 75.0;

/// The plot of `column`.
pub(super) fn plot(table: &Table, column: usize) -> String {
    let value = |row: &(String, Vec<Option<Spread>>)| row.1.get(column).copied().flatten();
    let most = table.rows.iter().filter_map(value);
    let most = most.map(|spread| spread.max).fold(0.0, f64::max);
    let scale = if most > 0.0 { BAR_WIDTH / most } else { 0.0 };
    let height = TOP + table.rows.len() as f64 * ROW_HEIGHT + 8.0;
    let width = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH;
    let name = table.columns.get(column).map_or("", String::as_str);
    let title = format!("{}: {name}", table.title);
    let mut drawing = svg::begin(width, height, &title);
    for (index, row) in table.rows.iter().enumerate() {
        let top = TOP + index as f64 * ROW_HEIGHT;
        let middle = top + ROW_HEIGHT / 2.0 - 2.0;
        svg::text(&mut drawing, 10.0, middle + 4.0, "start", "", &row.0);
        let Some(spread) = value(row) else {
            svg::text(
                &mut drawing,
                LABEL_WIDTH,
                middle + 4.0,
                "start",
                &muted(),
                "–",
            );
            continue;
        };
        bar(&mut drawing, &row.0, spread, scale, top);
    }
    drawing.push_str("</svg>\n");
    drawing
}

fn bar(drawing: &mut String, name: &str, spread: Spread, scale: f64, top: f64) {
    let along = |value: f64| LABEL_WIDTH + value.max(0.0) * scale;
    let middle = top + ROW_HEIGHT / 2.0 - 2.0;
    let colour = if name.starts_with("serve") {
        OURS
    } else {
        PEER
    };
    let _ = writeln!(
        drawing,
        "<rect x=\"{LABEL_WIDTH}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" rx=\"2\" fill=\"{colour}\"/>",
        middle - 8.0,
        along(spread.median) - LABEL_WIDTH,
    );
    if !spread.is_single() {
        let (min, max) = (along(spread.min), along(spread.max));
        svg::line(drawing, (min, middle), (max, middle), MUTED);
        for end in [min, max] {
            svg::line(drawing, (end, middle - 4.0), (end, middle + 4.0), MUTED);
        }
    }
    let x = along(spread.max) + 7.0;
    svg::text(
        drawing,
        x,
        middle + 4.0,
        "start",
        "",
        &rounded(spread.median),
    );
}

fn muted() -> String {
    format!("fill=\"{MUTED}\"")
}
