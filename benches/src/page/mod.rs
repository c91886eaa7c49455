//! The results page: what was measured on, all ratios at a glance, then every
//! table with its plots.

mod bars;
mod host;
mod lines;
mod ratios;
mod svg;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::report::{Drawing, Report, Table, rounded};
use crate::stats::Spread;
use svg::escape;

/// Writes `index.html` and one SVG file per plot into `folder`.
///
/// # Errors
///
/// When the folder cannot be written.
pub fn write(report: &Report, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut page = String::from(HEAD);
    let _ = writeln!(page, "<p>{}</p>", escape(&host::description()));
    page.push_str(HOW_TO_READ);
    for table in ratios::tables(report.figures()) {
        section(&mut page, &table);
    }
    for (index, table) in report.tables().iter().enumerate() {
        section(&mut page, table);
        page.push_str("<div class=\"plots\">\n");
        for (name, plot) in plots(table) {
            let file = format!("{index:02}-{}.svg", slug(&name));
            fs::write(folder.join(&file), plot)?;
            let _ = writeln!(page, "<img src=\"{file}\" alt=\"{}\">", escape(&name));
        }
        page.push_str("</div>\n");
    }
    page.push_str("</body>\n</html>\n");
    fs::write(folder.join("index.html"), page)
}

/// The plots of a table, with their names.
fn plots(table: &Table) -> Vec<(String, String)> {
    match &table.drawing {
        Drawing::Lines => vec![(table.title.clone(), lines::plot(table))],
        Drawing::Bars(columns) => {
            let named = columns.iter().filter_map(|&column| {
                let name = table.columns.get(column)?;
                let plot = bars::plot(table, column);
                Some((format!("{}-{name}", table.title), plot))
            });
            named.collect()
        }
        Drawing::Nothing => Vec::new(),
    }
}

fn section(page: &mut String, table: &Table) {
    let title = escape(&table.title);
    let _ = write!(
        page,
        "<h2 id=\"{}\">{title}</h2>\n<table><tr><th></th>",
        slug(&table.title)
    );
    for column in &table.columns {
        let _ = write!(page, "<th>{}</th>", escape(column));
    }
    page.push_str("</tr>\n");
    for (name, values) in &table.rows {
        let class = if name.starts_with("serve") {
            " class=\"ours\""
        } else {
            ""
        };
        let _ = write!(page, "<tr{class}><td>{}</td>", escape(name));
        for value in values {
            let shown = value.map_or_else(|| "–".to_owned(), cell);
            let _ = write!(page, "<td>{shown}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

/// The median, and below it the extremes where there are any.
fn cell(spread: Spread) -> String {
    let median = rounded(spread.median);
    if spread.is_single() {
        return median;
    }
    let (min, max) = (rounded(spread.min), rounded(spread.max));
    format!("{median}<small>{min} – {max}</small>")
}

fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches('-').to_owned()
}

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>compare</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;color:#1c2733;max-width:72em;margin:2em auto;padding:0 1.2em}
h1{margin-bottom:.2em}h2{margin:2em 0 .5em;font-size:1.15em}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.25em .9em;text-align:right;border-bottom:1px solid #dde3ea;vertical-align:top}
th{font-weight:600;color:#51606f}td:first-child{text-align:left}
tr.ours td{background:#eef4ff;font-weight:600}
small{display:block;font-weight:400;color:#74828f;font-size:.8em}
.plots{display:flex;flex-wrap:wrap;gap:12px;margin-top:.8em}
.plots img{border:1px solid #dde3ea;border-radius:4px}
</style></head>
<body>
<h1>compare</h1>
"#;

const HOW_TO_READ: &str = "<p>Numbers are medians over the repetitions, the small ones below \
them the smallest and the largest. Servers took turns within each repetition; a ratio is the \
median of the ratios of neighbouring runs. In ratios of requests per second and of goodput more \
is better for <b>serve</b>, in ratios of latency and of CPU less. A dash: not measured, or the \
server failed a request.</p>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_each_table_and_a_plot_per_drawn_column() {
        let mut report = Report::default();
        let mut table = Table::new("http <hello>", &["requests/s", "p50"]);
        table = table.drawn(Drawing::Bars(vec![0]));
        table.spreads("serve", vec![Some(Spread::of(&[1.0, 2.0, 3.0])), None]);
        table.row("peer", vec![None, Some(1.0)]);
        report.table(table);
        report.spread("http.hello_c8.ratio_to_peer", Spread::of(&[1.5]));
        let folder = tempfile::tempdir().unwrap();
        write(&report, folder.path()).unwrap();
        let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
        assert!(page.contains("http &lt;hello>") && page.contains("2<small>1 – 3</small>"));
        assert!(page.contains("<td>hello_c8</td><td>1.5</td>"), "{page}");
        assert!(folder.path().join("00-http-hello-requests-s.svg").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
