//! `spawn`: how long a request waits when workers must be started for it.

use std::time::Duration;

use crate::Report;
use crate::contenders::{
    self, Contender, FpmPool, OURS, PhpFpm, Setup, nginx_with_php, start_serve_with,
};
use crate::load::{Answered, OpenLoop, Patience, open_loop};
use crate::report::Table;
use crate::site::Site;
use crate::stats::Spread;

use super::Options;

/// Workers that are missing when the requests arrive.
const SHORT: [usize; 3] = [0, 1, 16];

/// `sleep.php` takes this long once it runs: requests cannot share a worker.
const SCRIPT: f64 = 0.1;

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
        workers: 17,
        connections: 17,
    };
    let mut table = Table::new(
        "spawn: ms from demand to the answer, the script's own time taken off",
        &["first", "last"],
    );
    for name in [OURS, "nginx_fpm"] {
        for short in SHORT {
            let mut first = Vec::new();
            let mut last = Vec::new();
            for _ in 0..options.repetitions() {
                let clients = demand(name, &setup, short)?;
                let times = clients
                    .iter()
                    .map(|client| client.latency.map(|l| l - SCRIPT));
                let times: Option<Vec<f64>> = times.collect();
                let times = times.ok_or_else(|| format!("{name}: a request was not answered"))?;
                first.push(times.iter().copied().fold(f64::INFINITY, f64::min) * 1e3);
                last.push(times.iter().copied().fold(0.0, f64::max) * 1e3);
            }
            let suffix = contenders::suffix(name);
            let (first, last) = (Spread::of(&first), Spread::of(&last));
            report.spread(format!("spawn.short_{short}.first_ms{suffix}"), first);
            report.spread(format!("spawn.short_{short}.last_ms{suffix}"), last);
            table.row(
                format!("{name}, {short} short"),
                vec![Some(first.median), Some(last.median)],
            );
        }
    }
    report.table(table);
    Ok(())
}

/// A fresh server without a worker; `short` requests at once, or one request
/// that finds the worker of the one before idle.
fn demand(name: &str, setup: &Setup<'_>, short: usize) -> Result<Vec<Answered>, String> {
    let (server, _config) = start(name, setup)?;
    crate::load::wait_for_static(server.port)?;
    if short == 0 {
        arrive(&server, 1)?;
    }
    arrive(&server, short.max(1))
}

fn start(name: &str, setup: &Setup<'_>) -> Result<(Contender, tempfile::TempDir), String> {
    let folder = peers::Peer::folder();
    let config = folder.path().join("ondemand.conf");
    if name == OURS {
        let text = "[bench]\nuser = root\ngroup = root\nlisten = 127.0.0.1:0\n\
                    pm = ondemand\npm.max_children = 17\n";
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
