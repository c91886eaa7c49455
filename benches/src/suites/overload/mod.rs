//! `overload`: more clients arrive than can be served, and they do not wait
//! for ever.

mod crowd;

use std::time::Duration;

use self::crowd::{Crowd, Outcome};
use crate::Report;
use crate::contenders::{self, Contender, FpmPool, PhpFpm, Setup, nginx_with_php};
use crate::load::{Expect, Patience, Request};
use crate::report::{Drawing, Table};
use crate::site::Site;
use crate::stats::Spread;

use super::Options;

/// Arrivals, in percent of what the server can do.
const LOADS: [u32; 4] = [50, 90, 110, 150];

/// How the clients of one run wait.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Behind the load in the case's name.
    suffix: &'static str,
    patience: Patience,
    /// For the tables.
    text: &'static str,
}

const WAITING: [Waiting; 3] = [
    Waiting {
        suffix: "",
        patience: Patience::Fixed(Duration::from_secs(1)),
        text: "clients leave after 1 s",
    },
    Waiting {
        suffix: "_patience500ms",
        patience: Patience::Fixed(Duration::from_millis(500)),
        text: "clients leave after 0.5 s",
    },
    Waiting {
        suffix: "_patience_random",
        patience: Patience::Between(Duration::from_millis(200), Duration::from_secs(3)),
        text: "clients leave after 0.2 to 3 s",
    },
];

/// A server and what it can do.
#[derive(Debug)]
struct Subject {
    server: Contender,
    /// Answers per second, with no more clients than it can serve.
    capacity: f64,
}

/// What a server did in one case, and the same as shares of its capacity.
#[derive(Debug)]
struct Outcomes {
    goodput: Spread,
    abandoned: Spread,
    recovery: Option<Spread>,
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
    let subjects = subjects(&setup, options)?;
    for subject in &subjects {
        let suffix = subject.server.suffix();
        report.figure(format!("overload.capacity_rps{suffix}"), subject.capacity);
    }
    for waiting in WAITING {
        let mut measured = Vec::new();
        for load in LOADS {
            let case = format!("{load}{}", waiting.suffix);
            if !options.wants(&case) {
                continue;
            }
            report.progress(&format!("overload.{case}"));
            let outcomes = measure(&subjects, &site, load, waiting.patience, options)?;
            for (subject, outcomes) in subjects.iter().zip(&outcomes) {
                figures(subject, &case, outcomes, report);
            }
            measured.push((load, outcomes));
        }
        tables(waiting, &subjects, &measured, report);
    }
    Ok(())
}

/// Ours, and php-fpm both as it comes and with the backlog tuned to what it
/// can serve within one second.
fn subjects(setup: &Setup<'_>, options: &Options) -> Result<Vec<Subject>, String> {
    let nginx = |name, backlog| {
        let pool = FpmPool {
            backlog,
            ..FpmPool::fixed(setup.workers)
        };
        PhpFpm::start(pool).and_then(|php| nginx_with_php(name, setup, php, None))
    };
    let mut subjects = vec![subject(contenders::start_serve(setup), options)?];
    let plain = subject(nginx("nginx_fpm", None), options).and_then(|plain| {
        let one_second = plain.capacity.round() as u32;
        let tuned = subject(nginx("nginx_fpm_tuned", Some(one_second)), options)?;
        Ok([plain, tuned])
    });
    match plain {
        Ok(peers) => subjects.extend(peers),
        Err(error) => eprintln!("skipped nginx_fpm: {error}"),
    }
    Ok(subjects)
}

fn subject(server: Result<Contender, String>, options: &Options) -> Result<Subject, String> {
    let server = server?.ready(&contenders::hello())?;
    contenders::check_same(std::slice::from_ref(&server))?;
    let work = Request::get("/work.php", Expect::Body(b"worked\n".to_vec()));
    let time = Duration::from_secs(if options.quick { 2 } else { 5 });
    let (run, _) = server.load(&work, options.workers * 2, time)?;
    if let Some(error) = &run.first_error {
        return Err(format!("{} fails at rest: {error}", server.name));
    }
    let capacity = run.rate();
    Ok(Subject { server, capacity })
}

/// One case: every server in turn, repeated.
fn measure(
    subjects: &[Subject],
    site: &Site,
    load: u32,
    patience: Patience,
    options: &Options,
) -> Result<Vec<Outcomes>, String> {
    let mut all: Vec<Vec<Outcome>> = subjects.iter().map(|_| Vec::new()).collect();
    for _ in 0..repetitions(load, options) {
        for (subject, outcomes) in subjects.iter().zip(&mut all) {
            let crowd = Crowd {
                port: subject.server.port,
                capacity: subject.capacity,
                load,
                patience,
                duration: Duration::from_secs(seconds(load, options)),
            };
            outcomes.push(crowd.run(site)?);
        }
    }
    let spread = |outcomes: &[Outcome], of: fn(&Outcome) -> f64| {
        Spread::of(&outcomes.iter().map(of).collect::<Vec<_>>())
    };
    let outcomes = all.iter().map(|outcomes| Outcomes {
        goodput: spread(outcomes, |outcome| outcome.goodput),
        abandoned: spread(outcomes, |outcome| outcome.abandoned_share),
        recovery: (load > 100).then(|| spread(outcomes, |outcome| outcome.recovery_seconds)),
    });
    Ok(outcomes.collect())
}

/// For a look, only the case that matters most is repeated.
fn repetitions(load: u32, options: &Options) -> usize {
    match (options.quick, load) {
        (false, _) => 3,
        (true, 150) => 2,
        (true, _) => 1,
    }
}

fn seconds(load: u32, options: &Options) -> u64 {
    match (options.quick, load > 100) {
        (true, false) => 3,
        (true, true) => 5,
        (false, false) => 8,
        (false, true) => 12,
    }
}

fn figures(subject: &Subject, case: &str, outcomes: &Outcomes, report: &mut Report) {
    let suffix = subject.server.suffix();
    let mut tell = |measure: &str, spread: Spread| {
        report.spread(format!("overload.{case}.{measure}{suffix}"), spread);
    };
    tell("goodput_rps", outcomes.goodput);
    let share = outcomes.goodput.times(1.0 / subject.capacity);
    tell("goodput_share_of_capacity", share);
    tell("abandoned_share", outcomes.abandoned);
    if let Some(recovery) = outcomes.recovery {
        tell("recovery_s", recovery);
    }
}

/// A table of each measure: servers down, loads across.
fn tables(
    waiting: Waiting,
    subjects: &[Subject],
    measured: &[(u32, Vec<Outcomes>)],
    report: &mut Report,
) {
    if measured.is_empty() {
        return;
    }
    let columns: Vec<String> = measured
        .iter()
        .map(|(load, _)| format!("{load} %"))
        .collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    type Cell = fn(&Outcomes, f64) -> Option<Spread>;
    let measures: [(&str, Cell); 3] = [
        ("goodput / capacity", |outcomes, capacity| {
            Some(outcomes.goodput.times(1.0 / capacity))
        }),
        ("abandoned share of started scripts", |outcomes, _| {
            Some(outcomes.abandoned)
        }),
        ("recovery, s", |outcomes, _| outcomes.recovery),
    ];
    for (measure, cell) in measures {
        let title = format!("overload, {}: {measure}", waiting.text);
        let mut table = Table::new(title, &columns).drawn(Drawing::Lines);
        for (index, subject) in subjects.iter().enumerate() {
            let cells = measured.iter();
            let cells = cells.map(|(_, outcomes)| cell(&outcomes[index], subject.capacity));
            table.spreads(subject.server.name, cells.collect());
        }
        report.table(table);
    }
}
