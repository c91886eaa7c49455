//! `memory`: what 16 workers cost, at rest and after a page of 300 includes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, Setup, Start};
use crate::load::Request;
use crate::report::Table;
use crate::site::{Site, cases};
use crate::stats::Spread;

use super::Options;

const WORKERS: usize = 16;

/// The same processes as `nginx_fpm`, only more of them: not 16 workers.
const LEFT_OUT: &str = "nginx_fpm_keepalive";

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
    let page = cases().into_iter().find(|case| case.name == "includes300");
    let page = page.ok_or("no case with 300 includes")?.request;
    let chosen: Vec<_> = contenders::chosen(&options.peers)
        .filter(|(name, _)| *name != LEFT_OUT)
        .collect();
    let mut seen: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for _ in 0..options.repetitions() {
        for &(name, start) in &chosen {
            report.progress(&format!("memory of {name}"));
            match one(start, &setup, &page) {
                Ok((idle, used)) => {
                    let seen = seen.entry(name).or_default();
                    seen.0.push(idle);
                    seen.1.push(used);
                }
                Err(error) if name == contenders::OURS => return Err(error),
                Err(error) => eprintln!("skipped {name}: {error}"),
            }
        }
    }
    let mut table = Table::new(
        format!("memory: MiB (proportional set size) with {WORKERS} workers"),
        &["idle", "after 300 includes"],
    );
    for (name, _) in chosen {
        let Some((idle, used)) = seen.get(name) else {
            continue;
        };
        let (idle, used) = (Spread::of(idle), Spread::of(used));
        let suffix = contenders::suffix(name);
        report.spread(format!("memory.idle_16.pss_mib{suffix}"), idle);
        report.spread(format!("memory.includes_16.pss_mib{suffix}"), used);
        table.spreads(name, vec![Some(idle), Some(used)]);
    }
    report.table(table);
    Ok(())
}

/// One server by itself: pages that several servers share would count less
/// for each of them.
fn one(start: Start, setup: &Setup<'_>, page: &Request) -> Result<(f64, f64), String> {
    let server = start(setup)?.ready(&contenders::hello())?;
    contenders::check_same(std::slice::from_ref(&server))?;
    let idle = mib(&server);
    // As many at once as there are workers, so that each runs some.
    server.load(page, WORKERS, Duration::from_secs(1))?;
    Ok((idle, mib(&server)))
}

fn mib(server: &Contender) -> f64 {
    server.pss_bytes() as f64 / f64::from(1 << 20)
}
