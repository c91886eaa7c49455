//! What encoding and decoding cost, in instructions and allocations: figures
//! that do not depend on the machine's load.
//!
//! The harness runs itself under valgrind, once with few and once with more
//! iterations of a case; the difference is the cost of one, without start-up.

mod cases;
mod input;
mod others;
mod ours;
mod valgrind;

use std::env;

use cases::{ALL, Case};
use valgrind::Tool;

use crate::Report;
use crate::report::{Drawing, Table};
use crate::suites::Options;

/// Names the case and the iterations in the environment of a child.
const CHILD: &str = "COMPARE_CODEC_CASE";

/// What `codec.decode_8m.ratio_to_memcpy` and its like are divided by.
const MEMCPY: &str = "memcpy";

pub(super) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    if let Ok(order) = env::var(CHILD) {
        return run_child(&order);
    }
    let columns = ["instructions", "allocations"];
    let mut table = Table::new("codec: cost of one operation", &columns).drawn(Drawing::Nothing);
    let mut memcpy = None;
    let wanted = ALL.iter().filter(|case| {
        case.who == MEMCPY
            || (options.wants(case.operation)
                && (case.who.is_empty()
                    || options.peers.is_empty()
                    || options.peers.iter().any(|peer| peer == case.who)))
    });
    for case in wanted {
        let instructions = valgrind::measure(Tool::Instructions, case)?;
        let allocations = valgrind::measure(Tool::Allocations, case)?;
        if case.who == MEMCPY {
            memcpy = Some(instructions);
        }
        report_case(report, case, instructions, allocations, memcpy);
        let name = format!("{} {}", case.operation, case.label());
        table.row(name, vec![Some(instructions), Some(allocations)]);
    }
    report.figure(
        "codec.encode_head.writes",
        f64::from(ours::writes_of_a_head()),
    );
    report.table(table);
    Ok(())
}

/// Whether this process counts for another one.
pub(super) fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

/// Whom it compares with.
pub(super) fn peer_names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|case| case.who)
}

fn report_case(
    report: &mut Report,
    case: &Case,
    instructions: f64,
    allocations: f64,
    memcpy: Option<f64>,
) {
    let figure = |measure: &str| match case.who {
        "" => format!("codec.{}.{measure}", case.operation),
        MEMCPY => format!("codec.{}.{measure}.{MEMCPY}", case.operation),
        who => format!("codec.{}.{measure}.peer_{who}", case.operation),
    };
    report.figure(figure("instructions"), instructions);
    report.figure(figure("allocations"), allocations);
    if let Some(memcpy) = memcpy
        && case.operation.starts_with("decode_8m")
        && case.who != MEMCPY
    {
        report.figure(figure("ratio_to_memcpy"), instructions / memcpy);
    }
}

/// Runs one case, as the parent asked: `<index>:<iterations>`.
fn run_child(order: &str) -> Result<(), String> {
    let wrong = || format!("{CHILD}={order}: not `<case>:<iterations>`");
    let (index, iterations) = order.split_once(':').ok_or_else(wrong)?;
    let index: usize = index.parse().map_err(|_| wrong())?;
    let case = ALL.get(index).ok_or_else(wrong)?;
    (case.run)(iterations.parse().map_err(|_| wrong())?);
    Ok(())
}
