//! Eight processes that want one session all the time get it in turn: none
//! loses an increment, and none waits much longer than the others.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use peers::{MariaDb, Postgres};

const PROCESSES: usize = 8;

/// Eight times fifty increments, each held for a millisecond; returns the
/// longest wait that one of the processes saw, and how long all took.
#[track_caller]
fn race(store: &str) -> (Duration, Duration) {
    let started = Instant::now();
    let arguments = ["incr", "race", "n", "--times", "50", "--hold-ms", "1"];
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_session"))
                .args(["--store", store])
                .args(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let (mut longest, mut highest) = (Duration::ZERO, 0);
    for child in children {
        let done = child.wait_with_output().unwrap();
        let report = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{store}: {report}");
        let count: u32 = String::from_utf8_lossy(&done.stdout)
            .trim()
            .parse()
            .unwrap();
        highest = highest.max(count);
        longest = longest.max(wait_in(&report));
    }
    assert_eq!(highest, 400, "{store}");
    (longest, started.elapsed())
}

/// `… longest wait 12.3ms`
#[track_caller]
fn wait_in(report: &str) -> Duration {
    let (_, wait) = report.trim().rsplit_once(' ').expect("a report");
    let (number, unit) = wait.split_at(
        wait.find(|c: char| c.is_alphabetic() || c == 'µ')
            .expect("a unit"),
    );
    let number: f64 = number.parse().expect("a number");
    Duration::from_secs_f64(match unit {
        "s" => number,
        "ms" => number / 1e3,
        "µs" => number / 1e6,
        _ => panic!("no unit: {wait}"),
    })
}

/// In turn, a wait lasts as long as seven others hold: a fiftieth of it all.
/// Who waits for luck waits for half of it, and more.
#[track_caller]
fn assert_in_turn(store: &str) {
    let (longest, total) = race(store);
    println!("{store}: longest wait {longest:.1?} of {total:.1?}");
    assert!(longest < total / 5, "{store}: {longest:?} of {total:?}");
}

#[test]
fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    assert_in_turn(&format!("sqlite:{}/a.db", folder.path().display()));
}

#[test]
fn on_postgresql() {
    let server = Postgres::start();
    for params in ["", "&preset=symfony&lock=row", "&preset=symfony&lock=named"] {
        assert_in_turn(&server.url(&format!("{params}&table=sessions_{}", params.len())));
    }
}

#[test]
fn on_mariadb() {
    let server = MariaDb::start();
    for params in ["", "&preset=symfony&lock=row", "&preset=symfony&lock=named"] {
        assert_in_turn(&server.url(&format!("{params}&table=sessions_{}", params.len())));
    }
}
