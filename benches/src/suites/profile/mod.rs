//! `profile`: what one request costs in system calls, allocations and context
//! switches. Counts, not times: they hold on a busy machine too.

mod allocations;
mod strace;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, Setup};
use crate::machine;
use crate::report::{Drawing, Table};
use crate::site::Site;

use super::Options;

/// Connections of the load.
const CONNECTIONS: usize = 8;

/// Whom the table shows beside ours.
const PEER: &str = "nginx_fpm";

/// A count per request, by system call.
type Calls = BTreeMap<String, f64>;

/// Runs the suite.
///
/// # Errors
///
/// When ours does not start, or strace is missing.
pub(super) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    let site = Site::new().map_err(|error| format!("cannot write the site: {error}"))?;
    let serve = contenders::build_serve()?;
    let setup = Setup {
        root: site.root(),
        serve: &serve,
        workers: options.workers,
        connections: CONNECTIONS,
    };
    let time = Duration::from_secs(if options.quick { 1 } else { 3 });
    let mut columns = Vec::new();
    for server in contenders::start_all(&setup, &[PEER.to_owned()])? {
        report.progress(&format!("profile of {}", server.name));
        let suffix = server.suffix();
        switches(&server, time, report)?;
        let sides = [
            ("", server.name, server.server_ids()),
            ("php_", "its PHP", server.worker_ids()),
        ];
        for (prefix, name, ids) in sides {
            let calls = calls(&server, &ids, time)?;
            let measure = format!("profile.hello_c8.{prefix}syscalls_per_request{suffix}");
            report.figure(measure, calls.values().sum());
            columns.push((name, calls));
        }
    }
    table(&columns, report);
    match allocations::per_request(&setup, time) {
        Ok(count) => report.figure("profile.hello_c8.allocations_per_request", count),
        Err(error) => eprintln!("skipped allocations: {error}"),
    }
    Ok(())
}

/// How often its processes left a CPU, because they waited or because they
/// had to.
fn switches(server: &Contender, time: Duration, report: &mut Report) -> Result<(), String> {
    let ids = [server.server_ids(), server.worker_ids()].concat();
    let before = machine::context_switches(&ids);
    let (run, _) = server.load(&contenders::hello(), CONNECTIONS, time)?;
    let after = machine::context_switches(&ids);
    let requests = run.latencies_us.len().max(1) as f64;
    let suffix = server.suffix();
    let per_request = |count: u64| count as f64 / requests;
    report.figure(
        format!("profile.hello_c8.voluntary_switches_per_request{suffix}"),
        per_request(after.0 - before.0),
    );
    report.figure(
        format!("profile.hello_c8.forced_switches_per_request{suffix}"),
        per_request(after.1 - before.1),
    );
    Ok(())
}

/// System calls of some of its processes per request.
fn calls(server: &Contender, ids: &[u32], time: Duration) -> Result<Calls, String> {
    let tracing = strace::Tracing::start(ids)?;
    let (run, _) = server.load(&contenders::hello(), CONNECTIONS, time)?;
    let calls = tracing.finish()?;
    let requests = run.latencies_us.len().max(1) as f64;
    let per_request = calls
        .into_iter()
        .map(|(name, count)| (name, count / requests));
    // What happens once in a while is not a request's.
    Ok(per_request.filter(|(_, count)| *count >= 0.01).collect())
}

fn table(columns: &[(&str, Calls)], report: &mut Report) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let title =
        format!("profile: system calls per request, hello world, {CONNECTIONS} connections");
    let mut table = Table::new(title, &names).drawn(Drawing::Nothing);
    let calls: BTreeSet<&String> = columns.iter().flat_map(|(_, calls)| calls.keys()).collect();
    for call in calls {
        let counts = columns.iter().map(|(_, calls)| calls.get(call).copied());
        table.row(call, counts.collect());
    }
    report.table(table);
}
