//! What both kinds of plot share.

use std::fmt::Write as _;

/// Ours.
pub(super) const OURS: &str = "#2a6fdb";

/// Peers of a bar chart.
pub(super) const PEER: &str = "#a9b6c4";

/// Text that is not a value.
pub(super) const MUTED: &str = "#51606f";

/// An empty drawing with its title.
pub(super) fn begin(width: f64, height: f64, title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"system-ui,sans-serif\" font-size=\"12\" \
         fill=\"#1c2733\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    text(&mut svg, 10.0, 19.0, "start", "font-weight=\"600\"", title);
    svg
}

/// Adds a line of text; `anchor` as SVG has it.
pub(super) fn text(svg: &mut String, x: f64, y: f64, anchor: &str, more: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {more}>{}</text>",
        escape(text)
    );
}

/// Adds a straight line.
pub(super) fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
        from.0, from.1, to.0, to.1
    );
}

/// Text for XML and HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
