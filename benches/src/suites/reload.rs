//! `reload`: twenty reloads under load. What fails, and what waits?

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::Report;
use crate::contenders::{self, Contender, FpmPool, PhpFpm, Setup, nginx_with_php, start_mod_php};
use crate::load::{ClosedRun, Expect, Request};
use crate::report::Table;
use crate::site::Site;

use super::Options;

const RELOADS: u32 = 20;

/// The reloads of a server are split over this many turns.
const ROUNDS: u32 = 4;

/// Connections that ask all the time.
const CONNECTIONS: usize = 8;

/// A server, how it is told to reload, and what was seen.
#[derive(Debug)]
struct Subject {
    server: Contender,
    signal: Signal,
    calm: ClosedRun,
    reloads: ClosedRun,
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
        connections: CONNECTIONS,
    };
    let mut subjects = subjects(&setup)?;
    for round in 1..=ROUNDS {
        for subject in &mut subjects {
            let name = subject.server.name;
            report.progress(&format!("reload of {name}, round {round} of {ROUNDS}"));
            subject.measure(options)?;
        }
    }
    let mut table = Table::new(
        format!("reload: {RELOADS} reloads under load"),
        &["failed", "p99 ms calm", "p99 ms reloads", "max ms reloads"],
    );
    for subject in &subjects {
        subject.tell(report, &mut table);
    }
    report.table(table);
    Ok(())
}

/// Ours; php-fpm as it comes and with time to finish; Apache's own graceful
/// restart.
fn subjects(setup: &Setup<'_>) -> Result<Vec<Subject>, String> {
    let nginx = |name, control_timeout| {
        let pool = FpmPool {
            control_timeout,
            ..FpmPool::fixed(setup.workers)
        };
        PhpFpm::start(pool).and_then(|php| nginx_with_php(name, setup, php, None))
    };
    let started = [
        (contenders::start_serve(setup), Signal::SIGHUP),
        (nginx("nginx_fpm", 0), Signal::SIGUSR2),
        (nginx("nginx_fpm_graceful", 10), Signal::SIGUSR2),
        (start_mod_php(setup), Signal::SIGUSR1),
    ];
    let mut subjects = Vec::new();
    for (index, (server, signal)) in started.into_iter().enumerate() {
        match server.and_then(|server| server.ready(&contenders::hello())) {
            Ok(server) => subjects.push(Subject {
                server,
                signal,
                calm: ClosedRun::default(),
                reloads: ClosedRun::default(),
            }),
            Err(error) if index == 0 => return Err(error),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
    Ok(subjects)
}

impl Subject {
    /// One round: calm load, then load with reloads.
    fn measure(&mut self, options: &Options) -> Result<(), String> {
        let work = Request::get("/work.php", Expect::Body(b"worked\n".to_vec()));
        let pause = Duration::from_millis(if options.quick { 250 } else { 1000 });
        let reloads = RELOADS / ROUNDS;
        let (calm, _) = self.server.load(&work, CONNECTIONS, pause * 2)?;
        self.calm.merge(calm);
        let done = AtomicBool::new(false);
        let (server, signal) = (&self.server, self.signal);
        let run = thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..reloads {
                    thread::sleep(pause);
                    server.signal_php(signal);
                }
                done.store(true, Ordering::Relaxed);
            });
            server.load(&work, CONNECTIONS, pause * (reloads + 2))
        });
        let (run, _) = run?;
        if !done.load(Ordering::Relaxed) {
            let name = self.server.name;
            return Err(format!("{name}: the reloads took longer than the load"));
        }
        self.reloads.merge(run);
        Ok(())
    }

    fn tell(&self, report: &mut Report, table: &mut Table) {
        let (name, suffix) = (self.server.name, self.server.suffix());
        let (calm, run) = (&self.calm, &self.reloads);
        if let Some(error) = &run.first_error {
            eprintln!("reload: {name}: {} failed, the first: {error}", run.errors);
        }
        let failed = run.errors as f64;
        let (before, during) = (calm.quantile_us(0.99) / 1e3, run.quantile_us(0.99) / 1e3);
        let longest = run.quantile_us(1.0) / 1e3;
        report.figure(format!("reload.failed_requests{suffix}"), failed);
        report.figure(format!("reload.added_p99_ms{suffix}"), during - before);
        report.figure(format!("reload.max_ms{suffix}"), longest);
        let values = [failed, before, during, longest];
        table.row(name, values.map(Some).to_vec());
    }
}
