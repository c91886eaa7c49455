//! Sessions side by side: PHP's own handlers, the endpoints of this project
//! under the same PHP, and the same work done in Rust.
//!
//! Every case opens, changes and stores sessions of about 230 bytes, one
//! after the other, in one process. Ratios above 1 mean that ours is faster.

mod cases;
mod php;
mod rust;

use std::time::Duration;

use cases::{Case, Group};

use crate::Report;
use crate::report::Table;
use crate::stats::Spread;
use crate::suites::Options;

/// Runs the suite.
pub(super) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    let mut table = Table::new(
        "sessions: changed sessions a second",
        &["median", "least", "most"],
    );
    let groups = cases::all()?;
    for group in groups.iter().filter(|group| options.wants(group.name)) {
        measure(group, options, report, &mut table)?;
    }
    report.table(table);
    Ok(())
}

/// Measures the cases of a group in turn, so that a busy moment hits all.
fn measure(
    group: &Group,
    options: &Options,
    report: &mut Report,
    table: &mut Table,
) -> Result<(), String> {
    let time = Duration::from_millis(if options.quick { 500 } else { 2000 });
    let mut rates = vec![Vec::new(); group.cases.len()];
    for _ in 0..options.repetitions() {
        for (case, rates) in group.cases.iter().zip(&mut rates) {
            let rate = (case.run)(time).map_err(|error| format!("{}: {error}", case.name))?;
            rates.push(rate);
        }
    }
    for (case, rates) in group.cases.iter().zip(&rates) {
        let spread = Spread::of(rates);
        report.spread(format!("sessions.{}.per_second", case.name), spread);
        let columns = [spread.median, spread.min, spread.max];
        table.row(case.name, columns.map(Some).to_vec());
    }
    for (case, ours) in group.cases.iter().zip(&rates) {
        if let Some((measure, theirs)) = ratio(group, case, &rates) {
            let ratios: Vec<f64> = ours
                .iter()
                .zip(theirs)
                .map(|(ours, theirs)| ours / theirs)
                .collect();
            let name = format!("sessions.{}.{measure}", case.name);
            report.spread(name, Spread::of(&ratios));
        }
    }
    Ok(())
}

/// What a case is compared with: the rates of the same rounds.
fn ratio<'a>(
    group: &Group,
    case: &Case,
    rates: &'a [Vec<f64>],
) -> Option<(&'static str, &'a [f64])> {
    let (measure, peer) = case.compared?;
    let at = group.cases.iter().position(|other| other.name == peer)?;
    Some((measure, &rates[at]))
}
