//! `http`: the same requests to every server, in turn, repeated.

use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, Setup};
use crate::load::ClosedRun;
use crate::report::{Drawing, Table};
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

    fn is_clean(&self) -> bool {
        self.faults.is_empty()
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
    {
        let servers = contenders::start_all(&setup, &options.peers)?;
        tell_workers(&servers, report);
        for case in cases() {
            for connections in CONNECTIONS {
                let name = format!("{}_c{connections}", case.name);
                if options.wants(&name) {
                    measure(&servers, &case, &name, connections, options, report)?;
                }
            }
        }
    }
    if options.wants("idle_keepalive") {
        super::keepalive::run(&setup, IDLE, options, report)?;
    }
    Ok(())
}

/// What [`contenders::check_same`] has counted, for the reader.
fn tell_workers(servers: &[Contender], report: &mut Report) {
    let mut table = Table::new("http: PHP workers", &["workers"]).drawn(Drawing::Nothing);
    for server in servers {
        table.row(server.name, vec![Some(server.workers as f64)]);
    }
    report.table(table);
}

fn measure(
    servers: &[Contender],
    case: &Case,
    name: &str,
    connections: usize,
    options: &Options,
    report: &mut Report,
) -> Result<(), String> {
    report.progress(&format!("http.{name}"));
    let mut series: Vec<Series> = servers.iter().map(|_| Series::default()).collect();
    let time = duration(case, connections, options);
    // Caches, connections, branch predictors. A slow case needs one of each.
    let warm_up = if case.is_slow() { time / 100 } else { time / 4 };
    for server in servers {
        server.load(&case.request, connections.min(8), warm_up)?;
    }
    for _ in 0..repetitions(case, connections, options) {
        for (server, series) in servers.iter().zip(&mut series) {
            let (run, cpu) = server.load(&case.request, connections, time)?;
            series.add(&run, cpu);
        }
    }
    tell(servers, name, &series, report);
    Ok(())
}

/// The slow cases take seconds with many connections: one less for a look.
fn repetitions(case: &Case, connections: usize, options: &Options) -> usize {
    let less = options.quick && case.is_slow() && connections > 8;
    options.repetitions() - usize::from(less)
}

/// Long enough for several rounds of the slow cases; those under way at its
/// end are waited for.
fn duration(case: &Case, connections: usize, options: &Options) -> Duration {
    let (base, per_connection) = if options.quick { (250, 5) } else { (2000, 60) };
    let rounds = if case.is_slow() {
        per_connection * connections as u64
    } else {
        0
    };
    Duration::from_millis(base + rounds)
}

fn tell(servers: &[Contender], name: &str, series: &[Series], report: &mut Report) {
    let columns = [
        "requests/s",
        "p50 ms",
        "p99 ms",
        "CPU us/request",
        "serve is x times",
    ];
    let mut table =
        Table::new(format!("http {name}"), &columns).drawn(Drawing::Bars(vec![0, 2, 3]));
    let ours = servers.iter().position(Contender::is_ours);
    let ours = ours.map(|index| &series[index]);
    let ours = ours.filter(|ours| ours.is_clean());
    for (server, theirs) in servers.iter().zip(series) {
        for fault in &theirs.faults {
            eprintln!("http.{name}: {}: {fault}", server.name);
        }
        if !theirs.is_clean() {
            let faults = format!("http.{name}.faults{}", server.suffix());
            report.figure(faults, theirs.faults.len() as f64);
            table.spreads(server.name, vec![None; columns.len()]);
            continue;
        }
        let ratio = ours.map(|ours| Spread::of_ratios(&ours.rate, &theirs.rate));
        table.spreads(
            server.name,
            vec![
                Some(Spread::of(&theirs.rate)),
                Some(Spread::of(&theirs.p50_us).times(1e-3)),
                Some(Spread::of(&theirs.p99_us).times(1e-3)),
                Some(Spread::of(&theirs.cpu_us)),
                ratio.filter(|_| !server.is_ours()),
            ],
        );
        figures(server, name, theirs, ours, report);
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
    let Some(ours) = ours.filter(|_| !server.is_ours()) else {
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
