//! `memory`: what 16 workers cost, at rest and after a page of 300 includes.

use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, Setup};
use crate::report::Table;
use crate::site::{Site, cases};

use super::Options;

const WORKERS: usize = 16;

/// Runs the suite.
///
/// # Errors
///
/// When ours does not start, or the site cannot be written.
pub(super) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    let site = Site::new().map_err(|error| format!("cannot write the site: {error}"))?;
    let serve = contenders::build_serve()?;
    let setup = Setup {
        root: site.root(),
        serve: &serve,
        workers: WORKERS,
        connections: WORKERS,
    };
    let mut table = Table::new(
        format!("memory: MiB (proportional set size) with {WORKERS} workers"),
        &["idle", "after 300 includes"],
    );
    for server in contenders::start_all(&setup, &options.peers)? {
        let idle = mib(&server);
        let page = cases().into_iter().find(|case| case.name == "includes300");
        let page = page.ok_or("no case with 300 includes")?;
        let time = Duration::from_millis(if options.quick { 800 } else { 3000 });
        server.load(&page.request, WORKERS, time)?;
        let used = mib(&server);
        let suffix = server.suffix();
        report.figure(format!("memory.idle_16.pss_mib{suffix}"), idle);
        report.figure(format!("memory.includes_16.pss_mib{suffix}"), used);
        table.row(server.name, vec![Some(idle), Some(used)]);
    }
    report.table(table);
    Ok(())
}

fn mib(server: &Contender) -> f64 {
    server.pss_bytes() as f64 / f64::from(1 << 20)
}
