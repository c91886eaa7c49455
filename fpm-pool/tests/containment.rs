//! No process of a pool lives after it, whatever its scripts start.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{Counted, Site, get, php, start, text, until};
use fpm_pool::{Pool, PoolConfig, PoolHandle, Sizing, WorkerCommand};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::timeout;

const MARK: &str = "FPM_POOL_CONTAINMENT";

/// A value for the environment of a test's workers, which all that they start
/// inherits.
fn mark() -> String {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    format!("{}-{serial}", std::process::id())
}

/// The living processes with this mark, by name.
fn marked(mark: &str) -> Vec<(i32, String)> {
    let wanted = format!("{MARK}={mark}");
    let all = fs::read_dir("/proc").unwrap().flatten();
    let found = all.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let mut variables = environment.split(|&byte| byte == 0);
        variables.find(|&variable| variable == wanted.as_bytes())?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((pid, name.trim().to_owned()))
    });
    found.collect()
}

fn names(mark: &str) -> Vec<String> {
    let mut names: Vec<_> = marked(mark).into_iter().map(|(_, name)| name).collect();
    names.sort();
    names
}

fn config(mark: &str, command: WorkerCommand, workers: usize) -> PoolConfig {
    PoolConfig::new("containment")
        .command(command.env(MARK, mark).env("PATH", "/usr/bin:/bin"))
        .sizing(Sizing::Static {
            max_children: workers,
        })
}

/// A program that runs php-cgi as its child.
fn wrapper(site: &Site) -> WorkerCommand {
    let php = peers::tool("php-cgi", "php-cgi");
    let source = format!("#!/bin/sh\n{} \"$@\"\nexit $?\n", php.display());
    let path = site.write("wrapper", &source);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    WorkerCommand::php_cgi(path)
}

async fn shut_down(pool: &PoolHandle) {
    let shutdown = pool.shutdown(Duration::ZERO);
    timeout(Duration::from_secs(60), shutdown)
        .await
        .expect("it ends");
}

const LEAVE: &str = "<?php
    exec('sleep 1000 > /dev/null 2>&1 &');
    exec('(sleep 1001 > /dev/null 2>&1 &) &');
    exec('perl -e \"setpgrp(0, 0); exec q(sleep), 1002\" > /dev/null 2>&1 &');
    exec('yes > /dev/null 2>&1 &');
    echo getmypid();";

#[tokio::test]
async fn what_a_script_leaves_dies_with_its_worker() {
    let (site, mark) = (Site::new(&[("leave.php", LEAVE)]), mark());
    let pool = start(config(&mark, php(), 1).max_requests(2)).await;
    let leave = site.path("leave.php");
    let first = text(pool.call(get(&leave)).await).await;
    // php is done before its programs have changed their names.
    until("all run", || {
        names(&mark) == ["php-cgi", "sleep", "sleep", "sleep", "yes"]
    })
    .await;
    assert_eq!(text(pool.call(get(&leave)).await).await, first);
    until("the next has started", || {
        pool.status().totals.workers_started == 2
    })
    .await;
    pool.ready().await.unwrap();
    until("the first is gone", || pool.status().workers.len() == 1).await;
    assert_eq!(names(&mark), ["php-cgi"]);
    text(pool.call(get(&leave)).await).await;
    shut_down(&pool).await;
    assert_eq!(names(&mark), Vec::<String>::new());
}

#[tokio::test]
async fn a_killed_worker_takes_along_what_it_started() {
    let (site, mark) = (Site::new(&[("leave.php", LEAVE)]), mark());
    let pool = start(config(&mark, php(), 1)).await;
    let pid = text(pool.call(get(&site.path("leave.php"))).await).await;
    until("all run", || names(&mark).len() == 5).await;
    kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
    until("it is noticed", || pool.status().totals.exits.len() == 1).await;
    pool.ready().await.unwrap();
    assert_eq!(names(&mark), ["php-cgi"]);
    shut_down(&pool).await;
    assert_eq!(names(&mark), Vec::<String>::new());
}

#[tokio::test]
async fn shutdown_ends_while_something_writes_without_end() {
    let source = "<?php exec('yes >&2 &'); exec('setsid yes >&2 &'); echo 'a';";
    let (site, mark) = (Site::new(&[("yes.php", source)]), mark());
    let pool = start(config(&mark, php(), 2)).await;
    for _ in 0..4 {
        assert_eq!(text(pool.call(get(&site.path("yes.php"))).await).await, "a");
    }
    shut_down(&pool).await;
    assert_eq!(pool.status().workers.len(), 0);
    // Those with a session of their own end when nobody reads them any more.
    until("nobody writes", || names(&mark).is_empty()).await;
}

#[tokio::test]
async fn a_wrapper_script_without_exec_leaks_nothing() {
    let (site, mark) = (Site::new(&[("a.php", "<?php echo 'a';")]), mark());
    let pool = start(config(&mark, wrapper(&site), 2).max_requests(1)).await;
    for _ in 0..30 {
        assert_eq!(text(pool.call(get(&site.path("a.php"))).await).await, "a");
        let living = pool.status().workers.len();
        let runs = names(&mark)
            .iter()
            .filter(|&name| name == "php-cgi")
            .count();
        // One may begin between the two looks.
        assert!(
            runs <= living.max(pool.status().workers.len()),
            "{runs} of {living}"
        );
    }
    shut_down(&pool).await;
    assert_eq!(names(&mark), Vec::<String>::new());
}

#[tokio::test]
async fn a_wrapper_script_passes_no_signal_on_and_php_gets_it_all_the_same() {
    let source = "<?php register_shutdown_function(fn () => 0); echo 'a';";
    let (site, mark) = (Site::new(&[("a.php", source)]), mark());
    let timeouts = fpm_pool::Timeouts::default().stop(Duration::from_secs(3600));
    let pool = start(config(&mark, wrapper(&site), 1).timeouts(timeouts)).await;
    assert_eq!(text(pool.call(get(&site.path("a.php"))).await).await, "a");
    // An hour until KILL: TERM has to do.
    shut_down(&pool).await;
    assert_eq!(names(&mark), Vec::<String>::new());
}

#[tokio::test]
async fn what_begins_a_session_of_its_own_stays() {
    let source = "<?php exec('setsid sleep 1003 > /dev/null 2>&1 &'); echo 'a';";
    let (site, mark) = (Site::new(&[("daemon.php", source)]), mark());
    let pool = start(config(&mark, php(), 1)).await;
    text(pool.call(get(&site.path("daemon.php"))).await).await;
    until("it runs", || names(&mark) == ["php-cgi", "sleep"]).await;
    shut_down(&pool).await;
    let left = marked(&mark);
    assert_eq!(left.len(), 1, "{left:?}");
    kill(Pid::from_raw(left[0].0), Signal::SIGKILL).unwrap();
}

/// One of the supervisors below, to be run in a process of its own.
fn command(test: &str, mark: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(MARK, mark)
        .stdout(Stdio::piped());
    command
}

/// Runs it until it says that it stands.
fn supervisor(test: &str, mark: &str) -> Child {
    let mut child = command(test, mark).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let stands = output
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains("it stands"));
    assert!(stands, "the supervisor failed");
    child
}

fn guard(mark: &str) -> i32 {
    let all = marked(mark);
    let mut guards = all.iter().filter(|(_, name)| name == "fpm-pool guard");
    let (guard, _) = guards.next().expect("there is a guard");
    assert!(guards.next().is_none(), "{all:?}");
    *guard
}

fn resident_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// A supervisor with work in every worker that never ends by itself.
async fn stand(mark: &str) -> (Site, Counted) {
    let site = Site::new(&[("leave.php", LEAVE)]);
    let pool = start(config(mark, wrapper(&site), 2)).await;
    for _ in 0..4 {
        text(pool.call(get(&site.path("leave.php"))).await).await;
    }
    (site, pool)
}

#[tokio::test]
#[ignore = "run by the test below, and killed"]
async fn supervisor_that_is_killed() {
    let Ok(mark) = std::env::var(MARK) else {
        return;
    };
    // A large program, in few pieces and in many.
    let large = vec![1_u8; 64 << 20];
    let small: Vec<_> = (0..200_000_u32).map(Box::new).collect();
    let (_site, _pool) = stand(&mark).await;
    println!("it stands");
    tokio::time::sleep(Duration::from_secs(600)).await;
    drop((large, small));
}

#[test]
fn nothing_outlives_a_supervisor_that_is_killed() {
    let mark = mark();
    let mut child = supervisor("supervisor_that_is_killed", &mark);
    assert!(names(&mark).len() > 10, "{:?}", names(&mark));
    let held = resident_kib(guard(&mark));
    assert!(held < 32 << 10, "the guard holds {held} KiB");
    child.kill().unwrap();
    child.wait().unwrap();
    peers::wait_until("all are gone", || names(&mark).is_empty());
}

#[tokio::test]
#[ignore = "run by the test below, and killed"]
async fn supervisor_whose_guard_is_killed() {
    let Ok(mark) = std::env::var(MARK) else {
        return;
    };
    let (site, pool) = stand(&mark).await;
    let first = guard(&mark);
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    until("it is gone", || !common::is_alive(first.unsigned_abs())).await;
    // The next start brings another, which knows the old workers as well.
    pool.resize(Sizing::Static { max_children: 3 }).unwrap();
    until("there is another worker", || pool.status().idle() == 3).await;
    assert_ne!(guard(&mark), first);
    text(pool.call(get(&site.path("leave.php"))).await).await;
    println!("it stands");
    tokio::time::sleep(Duration::from_secs(600)).await;
}

#[test]
fn a_guard_that_is_killed_is_replaced() {
    let mark = mark();
    let mut child = supervisor("supervisor_whose_guard_is_killed", &mark);
    child.kill().unwrap();
    child.wait().unwrap();
    peers::wait_until("all are gone", || names(&mark).is_empty());
}

#[tokio::test]
#[ignore = "run by the test below"]
async fn supervisor_that_shuts_down() {
    let Ok(mark) = std::env::var(MARK) else {
        return;
    };
    // As the first process of a container: all orphans are its children.
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let (_site, pool) = stand(&mark).await;
    guard(&mark);
    shut_down(&pool).await;
    // Not even the guard.
    let left = marked(&mark);
    assert_eq!(left.len(), 1, "{left:?}");
    // Nor anything that waits to be reaped.
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let children: String = tasks
        .map(|task| fs::read_to_string(task.path().join("children")).unwrap())
        .collect();
    assert_eq!(children.trim(), "");
}

#[test]
fn a_pool_that_was_shut_down_has_left_no_process() {
    let output = command("supervisor_that_shuts_down", &mark())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test]
async fn a_shutdown_in_the_middle_of_starts_leaves_nothing() {
    for workers in 1..=8 {
        let mark = mark();
        let pool = Pool::start(config(&mark, php(), workers)).unwrap();
        // Some have been ordered, some forked, and none is ready.
        tokio::task::yield_now().await;
        shut_down(&pool).await;
        assert!(names(&mark).is_empty(), "{:?}", names(&mark));
    }
}

#[tokio::test]
async fn a_worker_that_changed_its_group_is_killed() {
    let (site, mark) = (Site::new(&[("pid.php", "<?php echo getmypid();")]), mark());
    let php_cgi = peers::tool("php-cgi", "php-cgi");
    let source = format!(
        "#!/usr/bin/perl\nif (fork) {{ wait; exit 0 }}\nsetpgrp(0, 0); exec '{}', @ARGV;\n",
        php_cgi.display()
    );
    let path = site.write("regroup", &source);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let pool = start(config(&mark, WorkerCommand::php_cgi(path), 1).max_requests(1)).await;
    for _ in 0..3 {
        text(pool.call(get(&site.path("pid.php"))).await).await;
    }
    until("the old ones are gone", || marked(&mark).len() <= 2).await;
    shut_down(&pool).await;
    assert!(names(&mark).is_empty(), "{:?}", names(&mark));
}
