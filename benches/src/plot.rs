//! The results page: every table with a bar chart of each of its columns.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::report::{Report, Table};

const BAR_HEIGHT: usize = 22;
const LABEL_WIDTH: usize = 180;
const BAR_WIDTH: f64 = 420.0;

/// Writes `index.html` and one SVG file per chart into `folder`.
///
/// # Errors
///
/// When the folder cannot be written.
pub fn write_page(report: &Report, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut page = String::from(PAGE_HEAD);
    for (index, table) in report.tables().iter().enumerate() {
        let _ = write!(
            page,
            "<h2>{}</h2>\n{}",
            escape(&table.title),
            html_table(table)
        );
        for (column, name) in table.columns.iter().enumerate() {
            let file = format!(
                "{index:02}-{}.svg",
                slug(&format!("{}-{name}", table.title))
            );
            fs::write(folder.join(&file), chart(table, column))?;
            let _ = writeln!(page, "<img src=\"{file}\" alt=\"{}\">", escape(name));
        }
    }
    page.push_str("</body>\n</html>\n");
    fs::write(folder.join("index.html"), page)
}

/// One column of a table as horizontal bars.
#[must_use]
pub fn chart(table: &Table, column: usize) -> String {
    let value = |row: &(String, Vec<Option<f64>>)| row.1.get(column).copied().flatten();
    let most = table.rows.iter().filter_map(value).fold(0.0, f64::max);
    let height = (table.rows.len() + 2) * BAR_HEIGHT;
    let width = LABEL_WIDTH as f64 + BAR_WIDTH + 100.0;
    let title = table.columns.get(column).map_or("", String::as_str);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"16\" font-weight=\"bold\">{}: {}</text>\n",
        escape(&table.title),
        escape(title),
    );
    for (index, row) in table.rows.iter().enumerate() {
        let top = (index + 1) * BAR_HEIGHT + 6;
        let text = top + 13;
        let _ = writeln!(svg, "<text x=\"8\" y=\"{text}\">{}</text>", escape(&row.0));
        let Some(value) = value(row) else { continue };
        let long = if most > 0.0 {
            value.max(0.0) / most * BAR_WIDTH
        } else {
            0.0
        };
        let colour = if row.0.starts_with("serve") {
            "#2a6fdb"
        } else {
            "#9aa7b8"
        };
        let _ = writeln!(
            svg,
            "<rect x=\"{LABEL_WIDTH}\" y=\"{top}\" width=\"{long:.1}\" height=\"16\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{text}\">{value:.4}</text>",
            LABEL_WIDTH as f64 + long + 6.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn html_table(table: &Table) -> String {
    let mut html = String::from("<table><tr><th></th>");
    for column in &table.columns {
        let _ = write!(html, "<th>{}</th>", escape(column));
    }
    html.push_str("</tr>\n");
    for (name, values) in &table.rows {
        let _ = write!(html, "<tr><td>{}</td>", escape(name));
        for value in values {
            let shown = value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
            let _ = write!(html, "<td>{shown}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
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

const PAGE_HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
<title>compare</title>\n<style>body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}\
td:first-child{text-align:left}img{display:block;margin:1em 0}</style></head>\n<body>\n<h1>compare</h1>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_each_table_and_a_chart_per_column() {
        let mut report = Report::default();
        let mut table = Table::new("http <hello>", &["requests/s"]);
        table.row("serve", vec![Some(2.0)]);
        table.row("peer", vec![None]);
        report.table(table);
        let folder = tempfile::tempdir().unwrap();
        write_page(&report, folder.path()).unwrap();
        let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
        assert!(page.contains("http &lt;hello>"));
        assert!(folder.path().join("00-http-hello-requests-s.svg").exists());
    }
}
