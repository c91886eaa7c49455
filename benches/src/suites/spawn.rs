//! `spawn`: how long a request waits when workers must be started for it.

use std::time::Duration;

use crate::Report;
use crate::contenders::{
    self, Contender, FpmPool, OURS, PhpFpm, Setup, nginx_with_php, start_serve_with,
};
use crate::load::{Answered, OpenLoop, Patience, open_loop, wait_for_static};
use crate::report::Table;
use crate::site::Site;
use crate::stats::Spread;

use super::Options;

/// Workers that are missing when the requests arrive: one is idle.
const SHORT: [usize; 3] = [0, 1, 16];

/// The pools' `pm.max_children`.
const MOST: usize = 17;

/// `sleep.php` takes this long once it runs: requests cannot share a worker.
const SCRIPT: f64 = 0.1;

/// Whose pools start workers on demand.
const NAMES: [&str; 2] = [OURS, "nginx_fpm"];

/// First and last answer of workers that had to be started (of the idle one,
/// where none had to) for each repetition, in milliseconds.
type Times = (Vec<f64>, Vec<f64>);

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
        workers: MOST,
        connections: MOST,
    };
    let mut table = Table::new(
        "spawn: ms from demand to the answers of started workers, less the script's own time",
        &["first", "last"],
    );
    for short in SHORT {
        report.progress(&format!("spawn.short_{short}"));
        let mut times = NAMES.map(|_| Some(Times::default()));
        for _ in 0..options.repetitions() {
            for (name, times) in NAMES.into_iter().zip(&mut times) {
                one(name, &setup, short, times)?;
            }
        }
        for (name, times) in NAMES.into_iter().zip(times) {
            let Some((first, last)) = times else { continue };
            let (first, last) = (Spread::of(&first), Spread::of(&last));
            let suffix = contenders::suffix(name);
            report.spread(format!("spawn.short_{short}.first_ms{suffix}"), first);
            report.spread(format!("spawn.short_{short}.last_ms{suffix}"), last);
            let row = format!("{name}, {short} short");
            table.spreads(row, vec![Some(first), Some(last)]);
        }
    }
    report.table(table);
    Ok(())
}

/// Adds a repetition to `times`; a peer that is missing has none.
fn one(
    name: &str,
    setup: &Setup<'_>,
    short: usize,
    times: &mut Option<Times>,
) -> Result<(), String> {
    let Some((first, last)) = times else {
        return Ok(());
    };
    let waited: Vec<f64> = match demand(name, setup, short) {
        Ok(waited) => waited,
        Err(error) if name == OURS => return Err(error),
        Err(error) => {
            eprintln!("skipped {name}: {error}");
            *times = None;
            return Ok(());
        }
    };
    // The idle worker has the very first answer.
    let started = &waited[usize::from(short > 0)..];
    first.push(started[0] * 1e3);
    last.push(started[started.len() - 1] * 1e3);
    Ok(())
}

/// A fresh server with one idle worker, and one request more at once than
/// `short`. How long each one waited, sorted.
fn demand(name: &str, setup: &Setup<'_>, short: usize) -> Result<Vec<f64>, String> {
    let (server, _config) = start(name, setup)?;
    wait_for_static(server.port)?;
    arrive(&server, 1)?;
    let waited = |client: &Answered| client.latency.map(|latency| latency - SCRIPT);
    let clients = arrive(&server, short + 1)?;
    let waited: Option<Vec<f64>> = clients.iter().map(waited).collect();
    let mut waited = waited.ok_or_else(|| format!("{name}: a request was not answered"))?;
    waited.sort_by(f64::total_cmp);
    Ok(waited)
}

fn start(name: &str, setup: &Setup<'_>) -> Result<(Contender, tempfile::TempDir), String> {
    let folder = peers::Peer::folder();
    if name == OURS {
        let config = folder.path().join("ondemand.conf");
        let user = if nix::unistd::geteuid().is_root() {
            "user = root\ngroup = root\n"
        } else {
            ""
        };
        // Nobody listens there: `serve` starts the workers itself.
        let socket = folder.path().join("unused.sock");
        let text = format!(
            "[bench]\n{user}listen = {}\npm = ondemand\npm.max_children = {MOST}\n",
            socket.display()
        );
        std::fs::write(&config, text).map_err(|error| error.to_string())?;
        let server = start_serve_with(setup, &["--config", &config.display().to_string()]);
        return Ok((server, folder));
    }
    let pool = FpmPool {
        started: false,
        ..FpmPool::fixed(setup.workers)
    };
    let server = PhpFpm::start(pool).and_then(|php| nginx_with_php("nginx_fpm", setup, php, None));
    Ok((server?, folder))
}

fn arrive(server: &Contender, count: usize) -> Result<Vec<Answered>, String> {
    open_loop(&OpenLoop {
        port: server.port,
        target: "/sleep.php".to_owned(),
        // All within the same millisecond.
        rate: count as f64 * 1000.0,
        duration: Duration::from_millis(1),
        patience: Patience::Fixed(Duration::from_secs(30)),
        first_id: 1,
    })
}
