//! `overload`: more clients arrive than can be served, and they do not wait
//! for ever.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, FpmPool, PhpFpm, Setup, nginx_with_php};
use crate::load::{Answered, Expect, OpenLoop, Patience, Request, open_loop};
use crate::report::Table;
use crate::site::Site;

use super::Options;

/// Arrivals, in percent of what the server can do.
const LOADS: [u32; 4] = [50, 90, 110, 150];

/// Seconds at the start of a run that do not count: the queue fills.
const WARM_UP: f64 = 1.5;

/// An answer within this many seconds is one from a server at rest.
const AT_REST: f64 = 0.1;

/// How the clients of one run wait.
const PATIENCES: [(&str, Patience); 3] = [
    ("", Patience::Fixed(Duration::from_secs(1))),
    (
        "_patience500ms",
        Patience::Fixed(Duration::from_millis(500)),
    ),
    (
        "_patience_random",
        Patience::Between(Duration::from_millis(200), Duration::from_secs(3)),
    ),
];

/// What one run showed.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    goodput_share: f64,
    abandoned_share: f64,
    recovery_seconds: f64,
}

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
        workers: options.workers,
        connections: 64,
    };
    for server in servers(&setup) {
        let server = match server.and_then(|server| server.ready(&contenders::hello())) {
            Ok(server) => server,
            Err(error) => {
                eprintln!("skipped: {error}");
                continue;
            }
        };
        measure(&server, &site, options, report)?;
    }
    Ok(())
}

/// Ours, and php-fpm both as it comes and with the backlog tuned to what it
/// can serve within one second.
fn servers(setup: &Setup<'_>) -> Vec<Result<Contender, String>> {
    let tuned = u32::try_from(setup.workers * 50).unwrap_or(u32::MAX);
    let nginx = |name, backlog| {
        let pool = FpmPool {
            backlog,
            ..FpmPool::fixed(setup.workers)
        };
        PhpFpm::start(pool).and_then(|php| nginx_with_php(name, setup, php, None))
    };
    vec![
        contenders::start_serve(setup),
        nginx("nginx_fpm", None),
        nginx("nginx_fpm_tuned", Some(tuned)),
    ]
}

fn measure(
    server: &Contender,
    site: &Site,
    options: &Options,
    report: &mut Report,
) -> Result<(), String> {
    let work = Request::get("/work.php", Expect::Body(b"worked\n".to_vec()));
    let time = Duration::from_secs(if options.quick { 1 } else { 3 });
    let (run, _) = server.load(&work, options.workers * 2, time)?;
    let capacity = run.rate();
    let suffix = server.suffix();
    report.figure(format!("overload.capacity_rps{suffix}"), capacity);
    let mut table = Table::new(
        format!("overload {}", server.name),
        &["goodput/capacity", "abandoned share", "recovery s"],
    );
    for (waiting, patience) in PATIENCES {
        for load in LOADS {
            let case = format!("{load}{waiting}");
            if !options.wants(&case) {
                continue;
            }
            let outcome = one(server, site, capacity, load, patience, options)?;
            report.figure(
                format!("overload.{case}.goodput_share_of_capacity{suffix}"),
                outcome.goodput_share,
            );
            report.figure(
                format!("overload.{case}.abandoned_share{suffix}"),
                outcome.abandoned_share,
            );
            report.figure(
                format!("overload.{case}.recovery_s{suffix}"),
                outcome.recovery_seconds,
            );
            table.row(
                case,
                vec![
                    Some(outcome.goodput_share),
                    Some(outcome.abandoned_share),
                    Some(outcome.recovery_seconds),
                ],
            );
        }
    }
    report.table(table);
    Ok(())
}

fn one(
    server: &Contender,
    site: &Site,
    capacity: f64,
    load: u32,
    patience: Patience,
    options: &Options,
) -> Result<Outcome, String> {
    let _ = fs::remove_file(site.work_log());
    let seconds = if options.quick { 5.0 } else { 12.0 };
    let crowd = OpenLoop {
        port: server.port,
        target: "/work.php".to_owned(),
        rate: capacity * f64::from(load) / 100.0,
        duration: Duration::from_secs_f64(seconds),
        patience,
        first_id: 1,
    };
    // The calm after it begins while the crowd's last clients still wait.
    let calm = OpenLoop {
        rate: capacity * 0.5,
        duration: Duration::from_secs_f64(seconds / 2.0),
        first_id: 1_000_000,
        ..crowd.clone()
    };
    let rest = std::thread::scope(|scope| {
        let after = scope.spawn(|| {
            std::thread::sleep(crowd.duration);
            open_loop(&calm)
        });
        let crowd = open_loop(&crowd)?;
        let calm = after
            .join()
            .map_err(|_| "the load generator failed".to_owned())??;
        Ok::<_, String>((crowd, calm))
    });
    let (crowd, calm) = rest?;
    let counted = |client: &&Answered| {
        client
            .latency
            .is_some_and(|latency| (WARM_UP..seconds).contains(&(client.arrived + latency)))
    };
    let in_time = crowd.iter().filter(counted).count();
    Ok(Outcome {
        goodput_share: in_time as f64 / (seconds - WARM_UP) / capacity,
        abandoned_share: abandoned_share(&crowd, site)?,
        recovery_seconds: recovery(&calm),
    })
}

/// Of the scripts that were started, the share whose client had left.
fn abandoned_share(clients: &[Answered], site: &Site) -> Result<f64, String> {
    let log = fs::read_to_string(site.work_log()).map_err(|error| format!("work.log: {error}"))?;
    let left: HashMap<u64, f64> = clients
        .iter()
        .filter(|client| client.latency.is_none())
        .map(|client| (client.id, client.ended))
        .collect();
    let (mut started, mut abandoned) = (0_u32, 0_u32);
    for line in log.lines() {
        let Some((id, begun)) = line.split_once(' ') else {
            continue;
        };
        let (Ok(id), Ok(begun)) = (id.parse::<u64>(), begun.parse::<f64>()) else {
            continue;
        };
        started += 1;
        abandoned += u32::from(left.get(&id).is_some_and(|&ended| ended < begun));
    }
    Ok(f64::from(abandoned) / f64::from(started.max(1)))
}

/// Seconds after the crowd until every client is answered as by a server at
/// rest.
fn recovery(calm: &[Answered]) -> f64 {
    calm.iter()
        .filter(|client| client.latency.is_none_or(|latency| latency > AT_REST))
        .map(|client| client.arrived)
        .fold(0.0, f64::max)
}
