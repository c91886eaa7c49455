//! A table as lines: a line per row over the columns.

use std::fmt::Write as _;

use super::svg::{self, MUTED, OURS};
use crate::report::{Table, rounded};
use crate::stats::Spread;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = WIDTH - 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = HEIGHT - 32.0;

/// Lines of the vertical scale above zero.
const STEPS: u32 = 4;

/// Ours first; told apart in black and white by their marks' order too.
const COLOURS: [&str; 6] = [OURS, "#d1632a", "#8a6d1f", "#4f8a3c", "#8a4f9e", "#74828f"];

/// The plot of all rows.
pub(super) fn plot(table: &Table) -> String {
    let all = table.rows.iter().flat_map(|(_, values)| values);
    let most = all.flatten().map(|spread| spread.max).fold(0.0, f64::max);
    let most = round_up(most);
    let mut drawing = svg::begin(WIDTH, HEIGHT, &table.title);
    for step in 0..=STEPS {
        let value = most * f64::from(step) / f64::from(STEPS);
        let y = height(value, most);
        svg::line(&mut drawing, (LEFT, y), (RIGHT, y), "#e3e8ee");
        let colour = format!("fill=\"{MUTED}\"");
        svg::text(
            &mut drawing,
            LEFT - 6.0,
            y + 4.0,
            "end",
            &colour,
            &rounded(value),
        );
    }
    for (index, name) in table.columns.iter().enumerate() {
        let x = across(index, table.columns.len());
        svg::text(&mut drawing, x, BOTTOM + 18.0, "middle", "", name);
    }
    for (index, (name, values)) in table.rows.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        line(&mut drawing, values, most, colour);
        let y = TOP + 6.0 + index as f64 * 18.0;
        svg::line(
            &mut drawing,
            (RIGHT + 14.0, y - 4.0),
            (RIGHT + 30.0, y - 4.0),
            colour,
        );
        svg::text(&mut drawing, RIGHT + 35.0, y, "start", "", name);
    }
    drawing.push_str("</svg>\n");
    drawing
}

fn line(drawing: &mut String, values: &[Option<Spread>], most: f64, colour: &str) {
    let points: Vec<(f64, Spread)> = values
        .iter()
        .enumerate()
        .filter_map(|(index, value)| Some((across(index, values.len()), (*value)?)))
        .collect();
    let mut path = String::new();
    for (x, spread) in &points {
        let _ = write!(path, "{x:.1},{:.1} ", height(spread.median, most));
    }
    let _ = writeln!(
        drawing,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        path.trim_end()
    );
    for (x, spread) in points {
        let _ = writeln!(
            drawing,
            "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
            height(spread.median, most)
        );
        let ends = (height(spread.min, most), height(spread.max, most));
        svg::line(drawing, (x, ends.0), (x, ends.1), colour);
    }
}

fn across(index: usize, columns: usize) -> f64 {
    let share = (index as f64 + 0.5) / columns.max(1) as f64;
    LEFT + (RIGHT - LEFT) * share
}

fn height(value: f64, most: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * value / most
}

/// The end of a scale that holds `value`: 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let ends = [1.0, 1.2, 1.6, 2.0, 4.0, 6.0, 8.0, 10.0];
    let end = ends.into_iter().find(|end| end * power >= value);
    end.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers_that_hold_the_largest_value() {
        assert_eq!(
            [0.0, 0.97, 1.01, 3.0, 180.0].map(round_up),
            [1.0, 1.0, 1.2, 4.0, 200.0]
        );
    }
}
