//! `leaving`: clients that leave while the server is at ease. Those that stay
//! must not notice.

use std::thread;
use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, FpmPool, PhpFpm, Setup, nginx_with_php};
use crate::load::{Answered, Closed, Expect, OpenLoop, Patience, Request, closed_loop, open_loop};
use crate::report::{Drawing, Table};
use crate::site::Site;
use crate::stats::Spread;

use super::Options;

/// Arrivals of clients that stay, and of those that may leave, as shares of
/// what the server can do: 60 % together.
const STAYING: f64 = 0.5;
const LEAVING: f64 = 0.1;

/// So long wait those that stay.
const PATIENT: Patience = Patience::Fixed(Duration::from_secs(5));
/// And those that leave: most of them before an answer.
const HASTY: Patience = Patience::Between(Duration::from_millis(1), Duration::from_millis(20));

/// Connections that ask all the time, and clients that leave beside them.
const BUSY: usize = 8;

/// Ids of the clients that leave start here.
const LEAVING_IDS: u64 = 1_000_000;

const WORK: &str = "/work.php";

/// What a server did, in milliseconds.
#[derive(Debug, Default)]
struct Outcome {
    /// p99 of those that stay, with and without others that leave.
    beside: [Vec<f64>; 2],
    /// p99 of busy connections, before and after others have left.
    after: [Vec<f64>; 2],
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
    let mut servers = vec![contenders::start_serve(&setup)?.ready(&contenders::hello())?];
    let nginx = PhpFpm::start(FpmPool::fixed(setup.workers))
        .and_then(|php| nginx_with_php("nginx_fpm", &setup, php, None))
        .and_then(|nginx| nginx.ready(&contenders::hello()));
    match nginx {
        Ok(nginx) => servers.push(nginx),
        Err(error) => eprintln!("skipped nginx_fpm: {error}"),
    }
    contenders::check_same(&servers)?;
    let mut table = Table::new(
        "leaving: p99 of clients that stay, ms",
        &["60 %", "60 %, some leave", "8 busy", "8 busy, others left"],
    )
    .drawn(Drawing::Bars(vec![0, 1, 2, 3]));
    for server in &servers {
        report.progress(&format!("leaving{}", server.suffix()));
        let outcome = measure(server, options)?;
        tell(server, &outcome, report, &mut table);
    }
    report.table(table);
    Ok(())
}

fn measure(server: &Contender, options: &Options) -> Result<Outcome, String> {
    let work = Request::get(WORK, Expect::Body(b"worked\n".to_vec()));
    let seconds = Duration::from_secs(if options.quick { 2 } else { 6 });
    let (run, _) = server.load(&work, options.workers * 2, seconds)?;
    let capacity = run.rate();
    let mut outcome = Outcome::default();
    for _ in 0..options.repetitions() {
        for (patience, all) in [PATIENT, HASTY].into_iter().zip(&mut outcome.beside) {
            all.push(beside(server, capacity, patience, seconds)?);
        }
        let busy = Closed {
            port: server.port,
            connections: BUSY,
            duration: seconds,
        };
        outcome.after[0].push(closed_loop(busy, &work)?.quantile_us(0.99) / 1e3);
        leave(server, capacity)?;
        outcome.after[1].push(closed_loop(busy, &work)?.quantile_us(0.99) / 1e3);
    }
    Ok(outcome)
}

/// p99 of clients that stay, while others with this patience come.
fn beside(
    server: &Contender,
    capacity: f64,
    patience: Patience,
    duration: Duration,
) -> Result<f64, String> {
    let staying = OpenLoop {
        port: server.port,
        target: WORK.to_owned(),
        rate: capacity * STAYING,
        duration,
        patience: PATIENT,
        first_id: 1,
    };
    let others = OpenLoop {
        rate: capacity * LEAVING,
        patience,
        first_id: LEAVING_IDS,
        ..staying.clone()
    };
    let stayed = thread::scope(|scope| {
        let others = scope.spawn(|| open_loop(&others));
        let stayed = open_loop(&staying)?;
        let others = others.join();
        others.map_err(|_| "the load generator failed".to_owned())??;
        Ok::<_, String>(stayed)
    })?;
    p99(&stayed)
}

fn p99(clients: &[Answered]) -> Result<f64, String> {
    let mut latencies: Vec<u32> = clients
        .iter()
        .filter_map(|client| client.latency)
        .map(|seconds| (seconds * 1e6) as u32)
        .collect();
    if latencies.len() < clients.len() {
        let lost = clients.len() - latencies.len();
        return Err(format!("{lost} of {} were not answered", clients.len()));
    }
    latencies.sort_unstable();
    Ok(crate::stats::quantile(&latencies, 0.99) / 1e3)
}

/// For a second clients come that the workers cannot all take at once, and
/// leave again.
fn leave(server: &Contender, capacity: f64) -> Result<(), String> {
    let crowd = OpenLoop {
        port: server.port,
        target: WORK.to_owned(),
        rate: capacity,
        duration: Duration::from_secs(1),
        patience: HASTY,
        first_id: LEAVING_IDS,
    };
    open_loop(&crowd).map(drop)
}

fn tell(server: &Contender, outcome: &Outcome, report: &mut Report, table: &mut Table) {
    let [alone, beside] = outcome.beside.each_ref().map(|values| Spread::of(values));
    let [before, after] = outcome.after.each_ref().map(|values| Spread::of(values));
    let suffix = server.suffix();
    let measures = [
        ("load60.p99_ms_alone", alone),
        ("load60.p99_ms_beside_leaving", beside),
        ("busy8.p99_ms_before", before),
        ("busy8.p99_ms_after_leaving", after),
    ];
    for (measure, spread) in measures {
        report.spread(format!("leaving.{measure}{suffix}"), spread);
    }
    table.spreads(
        server.name,
        vec![Some(alone), Some(beside), Some(before), Some(after)],
    );
}
