//! `reload`: twenty reloads under load. What fails, and what waits?

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::Report;
use crate::contenders::{self, Contender, FpmPool, PhpFpm, Setup, nginx_with_php, start_mod_php};
use crate::load::{Expect, Request};
use crate::report::Table;
use crate::site::Site;

use super::Options;

const RELOADS: u32 = 20;

/// Connections that ask all the time.
const CONNECTIONS: usize = 8;

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
        connections: CONNECTIONS,
    };
    let mut table = Table::new(
        format!("reload: {RELOADS} reloads under load"),
        &["failed", "p99 ms calm", "p99 ms reloads", "max ms reloads"],
    );
    for (server, signal) in servers(&setup) {
        match server.and_then(|server| server.ready(&contenders::hello())) {
            Ok(server) => measure(&server, signal, options, report, &mut table)?,
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
    report.table(table);
    Ok(())
}

/// Ours; php-fpm as it comes and with time to finish; Apache's own graceful
/// restart.
fn servers(setup: &Setup<'_>) -> Vec<(Result<Contender, String>, Signal)> {
    let nginx = |name, control_timeout| {
        let pool = FpmPool {
            control_timeout,
            ..FpmPool::fixed(setup.workers)
        };
        PhpFpm::start(pool).and_then(|php| nginx_with_php(name, setup, php, None))
    };
    vec![
        (contenders::start_serve(setup), Signal::SIGHUP),
        (nginx("nginx_fpm", 0), Signal::SIGUSR2),
        (nginx("nginx_fpm_graceful", 10), Signal::SIGUSR2),
        (start_mod_php(setup), Signal::SIGUSR1),
    ]
}

fn measure(
    server: &Contender,
    signal: Signal,
    options: &Options,
    report: &mut Report,
    table: &mut Table,
) -> Result<(), String> {
    let work = Request::get("/work.php", Expect::Body(b"worked\n".to_vec()));
    let pause = Duration::from_millis(if options.quick { 250 } else { 1000 });
    let (calm, _) = server.load(&work, CONNECTIONS, pause * 4)?;
    let done = AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..RELOADS {
                std::thread::sleep(pause);
                server.signal_php(signal);
            }
            done.store(true, Ordering::Relaxed);
        });
        server.load(&work, CONNECTIONS, pause * (RELOADS + 3))
    });
    let (run, _) = run?;
    if !done.load(Ordering::Relaxed) {
        return Err(format!(
            "{}: the reloads took longer than the load",
            server.name
        ));
    }
    let suffix = server.suffix();
    if let Some(error) = &run.first_error {
        eprintln!(
            "reload: {}: {} failed, the first: {error}",
            server.name, run.errors
        );
    }
    let (before, during) = (calm.quantile_us(0.99) / 1e3, run.quantile_us(0.99) / 1e3);
    let longest = run.quantile_us(1.0) / 1e3;
    report.figure(format!("reload.failed_requests{suffix}"), run.errors as f64);
    report.figure(format!("reload.added_p99_ms{suffix}"), during - before);
    report.figure(format!("reload.max_ms{suffix}"), longest);
    table.row(
        server.name,
        vec![
            Some(run.errors as f64),
            Some(before),
            Some(during),
            Some(longest),
        ],
    );
    Ok(())
}
