//! Workers that misbehave: the right error, a replacement, quiet neighbours.

mod common;

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use common::{Site, fixed, get, is_alive, php, request, start, text, until};
use fpm_pool::{
    ErrorKind, ExitReason, OnClientGone, PoolConfig, Readiness, Sizing, StopReason, Timeouts,
    WorkerCommand,
};

const SLEEP: &str = "<?php sleep(30); echo 'late';";
const PID: &str = "<?php echo getmypid();";

fn limited(workers: usize, total: Duration) -> PoolConfig {
    fixed(workers).timeouts(Timeouts::default().total(total))
}

#[tokio::test]
async fn a_script_that_never_ends_is_answered_in_time_and_its_worker_replaced() {
    let site = Site::new(&[
        ("loop.php", "<?php while (true) {}"),
        ("sleep.php", SLEEP),
        ("pid.php", PID),
    ]);
    let pool = start(limited(2, Duration::from_millis(300))).await;
    for script in ["loop.php", "sleep.php"] {
        let began = Instant::now();
        let error = pool.call(get(&site.path(script))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        let stuck = error.process_id().unwrap();
        until("the stuck worker is gone", || !is_alive(stuck)).await;
        text(pool.call(get(&site.path("pid.php"))).await).await;
    }
    let timeouts = ExitReason::Stopped(StopReason::Timeout);
    until("both ends are recorded", || {
        let exits = pool.status().totals.exits;
        exits.contains(&(timeouts, 2))
    })
    .await;
}

#[tokio::test]
async fn a_segfault_is_named_and_others_do_not_notice() {
    let site = Site::new(&[
        (
            "crash.php",
            "<?php posix_kill(posix_getpid(), 11); sleep(5);",
        ),
        ("pid.php", PID),
    ]);
    let pool = start(fixed(2)).await;
    until("both are ready", || pool.status().idle() == 2).await;
    let crash = request("POST", &site.path("crash.php"), 0, "");
    let error = pool.call(crash).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerDied, "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("SIGSEGV"), "{cause}");
    text(pool.call(get(&site.path("pid.php"))).await).await;
    until("it is replaced", || pool.status().idle() == 2).await;
}

#[tokio::test]
async fn a_get_whose_worker_dies_before_a_byte_runs_once_more() {
    let site = Site::new(&[(
        "once.php",
        "<?php if (!file_exists(__FILE__ . '.done')) { touch(__FILE__ . '.done');
            posix_kill(posix_getpid(), 9); sleep(5); } echo 'second';",
    )]);
    let pool = start(fixed(2)).await;
    let answer = pool.call(get(&site.path("once.php"))).await.unwrap();
    assert!(answer.body().answered().replayed);
    assert_eq!(pool.status().totals.replayed, 1);
}

#[tokio::test]
async fn exhausted_memory_is_phps_own_500() {
    let site = Site::new(&[(
        "mem.php",
        "<?php $a = ''; while (true) { $a .= str_repeat('x', 1 << 20); }",
    )]);
    let command = php()
        .define("memory_limit", "16M")
        .define("display_errors", "0");
    let config = PoolConfig::new("test")
        .command(command)
        .sizing(Sizing::Static { max_children: 1 });
    let pool = start(config).await;
    let answer = pool.call(get(&site.path("mem.php"))).await.unwrap();
    assert_eq!(answer.status(), 500);
    let stderr = answer.body().stderr();
    let said = String::from_utf8_lossy(&stderr.bytes()).into_owned();
    assert!(said.contains("Allowed memory size"), "{said}");
}

/// A worker in Perl: `then` runs with `$c`, a connection that has asked.
fn perl(then: &str) -> WorkerCommand {
    let script = format!(
        "use Socket; $| = 1; open(my $l, '+<&=0'); my $first = 1;
         while (accept(my $c, $l)) {{
            sysread($c, my $b, 65536);
            if (ord(substr($b, 1, 1)) == 9) {{
                syswrite($c, pack('CCnnCC', 1, 10, 0, 0, 0, 0));
                sysread($c, $b, 65536);
            }}
            {then}
         }}"
    );
    WorkerCommand::new(peers::tool("perl", "perl"))
        .arg("-e")
        .arg(script)
}

fn single(command: WorkerCommand) -> PoolConfig {
    PoolConfig::new("test")
        .command(command)
        .sizing(Sizing::Static { max_children: 1 })
}

#[tokio::test]
async fn garbage_instead_of_fastcgi_is_a_bad_gateway() {
    let pool = start(single(perl("syswrite($c, 'HTTP/1.1 200 OK'); sleep 1;"))).await;
    let error = pool.call(get("/x.php".as_ref())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    until("the worker is replaced", || {
        pool.status().totals.workers_started == 2
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_closes_its_connection_is_a_bad_gateway() {
    let pool = start(single(perl("close($c);"))).await;
    let error = pool
        .call(request("POST", "/x.php".as_ref(), 0, ""))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionClosed, "{error:?}");
}

#[tokio::test]
async fn a_program_that_never_speaks_fastcgi_is_reported_to_those_that_wait() {
    let garbage = "use Socket; open(my $l, '+<&=0');
        while (accept(my $c, $l)) { sysread($c, my $b, 99); syswrite($c, 'no fastcgi here'); }";
    let command = WorkerCommand::new(peers::tool("perl", "perl"))
        .arg("-e")
        .arg(garbage);
    let pool = fpm_pool::Pool::start(single(command)).unwrap();
    let error = pool.call(get("/x.php".as_ref())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFastCgi, "{error:?}");
    let failed = pool.ready().await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::NotFastCgi, "{failed:?}");
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_reported_with_its_last_words() {
    let command = WorkerCommand::new("/bin/sh")
        .arg("-c")
        .arg("echo 'no such thing' >&2; exit 3");
    let pool = fpm_pool::Pool::start(single(command)).unwrap();
    let error = pool.ready().await.unwrap_err();
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("exited with code 3"), "{reason}");
    assert!(reason.contains("no such thing"), "{reason}");
    until("it tries again, less often", || {
        pool.status().failures_in_a_row > 1
    })
    .await;
    assert!(pool.status().totals.workers_started < 20);
}

#[tokio::test]
async fn a_client_that_leaves_lets_php_notice_and_the_worker_come_back() {
    let site = Site::new(&[
        (
            "stream.php",
            "<?php for ($i = 0; $i < 600; $i++) { echo str_repeat('x', 1000); flush(); usleep(50000);
                file_put_contents(__FILE__ . '.n', $i); }",
        ),
        ("pid.php", PID),
    ]);
    let pool = start(fixed(1)).await;
    let pid = text(pool.call(get(&site.path("pid.php"))).await).await;
    let answer = pool.call(get(&site.path("stream.php"))).await.unwrap();
    drop(answer);
    assert_eq!(text(pool.call(get(&site.path("pid.php"))).await).await, pid);
    assert_eq!(pool.status().totals.abandoned, 1);
}

#[tokio::test]
async fn a_client_that_leaves_can_let_the_script_finish_or_kill_it() {
    let site = Site::new(&[
        (
            "slow.php",
            "<?php usleep(300000); touch(__FILE__ . '.done'); echo str_repeat('x', 100000);",
        ),
        ("pid.php", PID),
    ]);
    let pool = start(fixed(1)).await;
    let pid = text(pool.call(get(&site.path("pid.php"))).await).await;
    let call = pool.call(get(&site.path("slow.php")).on_client_gone(OnClientGone::Finish));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), call)
            .await
            .is_err()
    );
    assert_eq!(text(pool.call(get(&site.path("pid.php"))).await).await, pid);
    assert!(site.path("slow.php.done").exists());
    let call = pool.call(get(&site.path("slow.php")).on_client_gone(OnClientGone::Kill));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), call)
            .await
            .is_err()
    );
    assert_ne!(text(pool.call(get(&site.path("pid.php"))).await).await, pid);
}

#[tokio::test]
async fn abandoned_requests_are_not_started() {
    let site = Site::new(&[(
        "count.php",
        "<?php file_put_contents(__FILE__ . '.log', 'x', FILE_APPEND); usleep(200000);",
    )]);
    let pool = start(fixed(1)).await;
    let script = site.path("count.php");
    let mut calls = Vec::new();
    for _ in 0..6 {
        let (pool, script) = (pool.clone(), script.clone());
        calls.push(tokio::spawn(async move {
            pool.call(get(&script)).await.map(drop)
        }));
    }
    until("they wait", || pool.status().queue_len == 5).await;
    for call in &calls[1..] {
        call.abort();
    }
    let began = Instant::now();
    pool.call(get(&script)).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(std::fs::read(site.path("count.php.log")).unwrap().len(), 2);
    let totals = pool.status().totals;
    assert_eq!((totals.begun, totals.abandoned_in_queue), (2, 5));
}

#[tokio::test]
async fn an_upload_to_a_worker_that_died_idle_goes_to_another() {
    let site = Site::new(&[(
        "len.php",
        "<?php echo strlen(file_get_contents('php://input'));",
    )]);
    let pool = start(fixed(2)).await;
    until("both are ready", || pool.status().idle() == 2).await;
    for worker in pool.status().workers {
        let pid = i32::try_from(worker.process_id.unwrap()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        // Without letting the pool's tasks run: it does not know yet.
        peers::wait_until("it is dead", || !is_alive(pid.unsigned_abs()));
    }
    let body = http_body_util::Full::new(bytes::Bytes::from(vec![0; 300_000]));
    let upload = request("POST", &site.path("len.php"), 300_000, "").stream(body, 300_000);
    assert_eq!(text(pool.call(upload).await).await, "300000");
    assert_eq!(pool.status().totals.errors, []);
}

#[tokio::test]
async fn a_program_that_says_nothing_is_given_up_in_time() {
    let timeouts = Timeouts::default().start(Duration::from_millis(300));
    let command = WorkerCommand::new("/bin/sleep").arg("60");
    let pool = fpm_pool::Pool::start(single(command).timeouts(timeouts)).unwrap();
    let error = pool.ready().await.unwrap_err();
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(reason, "a worker was not ready within 300ms");
}

#[tokio::test]
async fn a_worker_that_answers_no_questions_is_not_taken_for_idle_after_an_abort() {
    let folder = peers::Peer::folder();
    let runs = folder.path().join("runs");
    // It runs one request after the other, each for ever.
    let script = format!(
        "use Socket; open(my $l, '+<&=0');
         while (accept(my $c, $l)) {{
            sysread($c, my $b, 65536);
            open(my $f, '>>', '{}'); syswrite($f, \"$$\\n\"); close($f);
            sleep 60;
         }}",
        runs.display()
    );
    let command = WorkerCommand::new(peers::tool("perl", "perl"))
        .readiness(Readiness::Started)
        .arg("-e")
        .arg(script);
    let pool = start(single(command)).await;
    let runs = || std::fs::read_to_string(&runs).unwrap_or_default();
    for count in 1..=2 {
        let handle = pool.clone();
        let call = tokio::spawn(async move {
            let exclusive = get("/x.php".as_ref()).exclusive("key");
            handle.call(exclusive).await.map(drop)
        });
        until("it runs", || runs().lines().count() == count).await;
        call.abort();
        until("its client has left", || pool.status().running == 0).await;
    }
    let runs = runs();
    let pids: Vec<_> = runs.lines().collect();
    assert_ne!(pids[0], pids[1], "the old script was still running");
    assert!(!is_alive(pids[0].parse().unwrap()));
}
