//! `http`: the same requests to every server, in turn, repeated.

use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, OURS, Setup};
use crate::load::ClosedRun;
use crate::report::Table;
use crate::site::{Case, Site, cases};
use crate::stats::Spread;

use super::Options;

/// Connections of the closed loops.
const CONNECTIONS: [usize; 3] = [1, 8, 64];

/// Idle keep-alive connections that are far more than the workers.
const IDLE: usize = 200;

/// What one server did in one case: a value per repetition.
#[derive(Debug, Default)]
struct Series {
    rate: Vec<f64>,
    p50_us: Vec<f64>,
    p99_us: Vec<f64>,
    cpu_us: Vec<f64>,
    /// Repetitions in which something went wrong: none of them counts.
    faults: Vec<String>,
}

impl Series {
    fn add(&mut self, run: &ClosedRun, cpu_seconds: f64) {
        if run.errors > 0 || run.starved > 0 || run.latencies_us.is_empty() {
            self.faults.push(format!(
                "{} errors ({}), {} connections starved",
                run.errors,
                run.first_error.as_deref().unwrap_or("none"),
                run.starved
            ));
        }
        self.rate.push(run.rate());
        self.p50_us.push(run.quantile_us(0.5));
        self.p99_us.push(run.quantile_us(0.99));
        self.cpu_us
            .push(cpu_seconds * 1e6 / run.latencies_us.len().max(1) as f64);
    }
}

/// Runs the suite.
///
/// # Errors
///
/// When ours does not start, or the settings of PHP differ between servers.
pub(super) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    let site = Site::new().map_err(|error| format!("cannot write the site: {error}"))?;
    let serve = contenders::build_serve()?;
    let setup = Setup {
        root: site.root(),
        serve: &serve,
        workers: options.workers,
        connections: *CONNECTIONS.last().unwrap_or(&64) + 8,
    };
    let servers = contenders::start_all(&setup, &options.peers)?;
    for case in cases() {
        for connections in CONNECTIONS {
            let name = format!("{}_c{connections}", case.name);
            if options.wants(&name) {
                measure(&servers, &case, &name, connections, options, report)?;
            }
        }
    }
    if options.wants("idle_keepalive") {
        super::keepalive::run(&setup, IDLE, options, report)?;
    }
    Ok(())
}

fn measure(
    servers: &[Contender],
    case: &Case,
    name: &str,
    connections: usize,
    options: &Options,
    report: &mut Report,
) -> Result<(), String> {
    let mut series: Vec<Series> = servers.iter().map(|_| Series::default()).collect();
    let time = duration(case, connections, options);
    for repetition in 0..options.repetitions() {
        for (server, series) in servers.iter().zip(&mut series) {
            if repetition == 0 {
                // Caches, connections, branch predictors.
                server.load(&case.request, connections, time / 4)?;
            }
            let (run, cpu) = server.load(&case.request, connections, time)?;
            series.add(&run, cpu);
        }
    }
    tell(servers, name, &series, report);
    Ok(())
}

/// Long enough for several rounds of the slow cases.
fn duration(case: &Case, connections: usize, options: &Options) -> Duration {
    let base = if options.quick { 600 } else { 2000 };
    let queue = match case.name {
        "sleep100ms" => connections as u64 * 60,
        "cpu20ms" => connections as u64 * 25,
        "download100m" => connections as u64 * 60,
        _ => 0,
    };
    Duration::from_millis(base + queue)
}

fn tell(servers: &[Contender], name: &str, series: &[Series], report: &mut Report) {
    let mut table = Table::new(
        format!("http {name}"),
        &[
            "requests/s",
            "p50 ms",
            "p99 ms",
            "CPU us/request",
            "serve is x times",
        ],
    );
    let ours = servers.iter().position(|server| server.name == OURS);
    for (server, theirs) in servers.iter().zip(series) {
        for fault in &theirs.faults {
            eprintln!("http.{name}: {}: {fault}", server.name);
        }
        let clean = theirs.faults.is_empty();
        let rate = Spread::of(&theirs.rate);
        let ratio = ours.map(|index| Spread::of_ratios(&series[index].rate, &theirs.rate));
        table.row(
            server.name,
            vec![
                clean.then_some(rate.median),
                Some(Spread::of(&theirs.p50_us).median / 1000.0),
                Some(Spread::of(&theirs.p99_us).median / 1000.0),
                Some(Spread::of(&theirs.cpu_us).median),
                ratio.filter(|_| clean).map(|ratio| ratio.median),
            ],
        );
        if clean {
            figures(
                server,
                name,
                theirs,
                ours.map(|index| &series[index]),
                report,
            );
        } else {
            let suffix = server.suffix();
            report.figure(
                format!("http.{name}.faults{suffix}"),
                theirs.faults.len() as f64,
            );
        }
    }
    report.table(table);
}

fn figures(
    server: &Contender,
    name: &str,
    theirs: &Series,
    ours: Option<&Series>,
    report: &mut Report,
) {
    let suffix = server.suffix();
    let measures = [
        ("rps", &theirs.rate),
        ("p50_us", &theirs.p50_us),
        ("p99_us", &theirs.p99_us),
        ("cpu_us_per_request", &theirs.cpu_us),
    ];
    for (measure, values) in measures {
        report.spread(format!("http.{name}.{measure}{suffix}"), Spread::of(values));
    }
    let Some(ours) = ours.filter(|_| server.name != OURS) else {
        return;
    };
    let peer = server.name;
    for (prefix, ours, theirs) in [
        ("ratio_to", &ours.rate, &theirs.rate),
        ("p99_ratio_to", &ours.p99_us, &theirs.p99_us),
        ("cpu_ratio_to", &ours.cpu_us, &theirs.cpu_us),
    ] {
        let ratio = Spread::of_ratios(ours, theirs);
        report.spread(format!("http.{name}.{prefix}_{peer}"), ratio);
    }
}
