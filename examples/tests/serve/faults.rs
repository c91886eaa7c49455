//! Workers that misbehave: the right status, a line in the log, neighbours
//! unharmed.

use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Serve, Site, wait_until};

fn site() -> Site {
    Site::new(&[
        ("ok.php", "<?php echo 'fine ', getmypid();"),
        ("loop.php", "<?php set_time_limit(0); while (true) {}"),
        ("sleep.php", "<?php sleep(600);"),
        (
            "memory.php",
            "<?php ini_set('memory_limit', '16M'); $a = str_repeat('x', 64 << 20);",
        ),
        ("segfault.php", "<?php posix_kill(posix_getpid(), 11);"),
        (
            "late.php",
            "<?php ob_end_flush(); echo 'part'; flush(); \
             while (!file_exists(__DIR__ . '/go')) { clearstatcache(); usleep(5000); } \
             posix_kill(posix_getpid(), 9);",
        ),
    ])
}

#[track_caller]
fn assert_well(serve: &Serve, workers: usize) {
    assert_eq!(serve.get("/ok.php").status, 200);
    wait_until("all workers are back", || serve.children().len() == workers);
}

#[test]
fn script_over_its_time_is_answered_with_504_and_replaced() {
    let site = site();
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([root, "--workers", "2", "--request-timeout", "500ms"]);
    for path in ["/loop.php", "/sleep.php"] {
        let neighbour = serve.get("/ok.php");
        let began = Instant::now();
        let answer = serve.get(path);
        assert_eq!(answer.status, 504, "{path}");
        assert!(began.elapsed() >= Duration::from_millis(500));
        assert!(answer.text().contains("took too long"));
        serve.wait_for_log(path);
        assert_eq!(neighbour.status, 200);
        assert_well(&serve, 2);
    }
}

#[test]
fn crash_is_answered_with_502_and_named() {
    let site = site();
    let serve = Serve::start([site.path().to_str().unwrap(), "--workers", "2"]);
    let answer = serve.post("/segfault.php", &[], b"");
    assert_eq!(answer.status, 502);
    serve.wait_for_log("segfault.php");
    serve.wait_for_log("SIGSEGV");
    assert_well(&serve, 2);
}

#[test]
fn memory_limit_is_an_error_of_the_script_alone() {
    let site = site();
    let serve = Serve::start([site.path().to_str().unwrap(), "--workers", "1"]);
    let answer = serve.get("/memory.php");
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("Allowed memory"));
    serve.wait_for_log("Allowed memory size");
    serve.wait_for_log("memory.php");
    assert_well(&serve, 1);
}

#[test]
fn answer_that_breaks_off_is_not_taken_for_whole() {
    let site = site();
    let serve = Serve::start([site.path().to_str().unwrap(), "--workers", "1"]);
    let mut connection = serve.connect();
    connection.send(crate::support::request("GET", "/late.php", &[], b""));
    let head = connection.head();
    assert_eq!(head.status, 200);
    let mut piece = Vec::new();
    assert!(connection.body_piece(&head, &mut piece));
    assert_eq!(piece, b"part");
    site.write("go", "");
    // No last chunk: the connection just ends.
    assert!(connection.is_closed());
    assert_well(&serve, 1);
}

#[test]
fn program_that_speaks_no_fastcgi_is_refused_at_the_start() {
    // A program that accepts, reads, and answers nonsense.
    let script = "#!/usr/bin/perl\nuse Socket;\nopen(my $l, '<&=', 0) or die;\n\
        while (accept(my $c, $l)) { while (sysread($c, my $b, 4096)) { syswrite($c, 'garbage, not FastCGI'); } }\n";
    let site = Site::new(&[("root/ok.php", "<?php echo 1;"), ("garbage", script)]);
    let program = site.join("garbage");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let root = site.join("root");
    let output = crate::support::command()
        .args([
            "--listen",
            "127.0.0.1:0",
            root.to_str().unwrap(),
            "--php",
            program.to_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("FastCGI"), "{stderr}");
}

#[test]
fn killed_workers_cost_no_get() {
    let site = site();
    let serve = Serve::start([site.path().to_str().unwrap(), "--workers", "4"]);
    let until = Instant::now() + Duration::from_secs(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while Instant::now() < until {
                    let answer = serve.get("/ok.php");
                    assert_eq!(answer.status, 200, "{}", serve.log());
                }
            });
        }
        let mut turn = 0;
        while Instant::now() < until {
            let workers = serve.children();
            if let Some(&worker) = workers.get(turn % workers.len().max(1)) {
                let _ = kill(Pid::from_raw(worker), Signal::SIGKILL);
            }
            turn += 1;
            thread::sleep(Duration::from_secs(1));
        }
    });
    assert_well(&serve, 4);
}

#[test]
fn full_queue_is_refused_with_a_time_to_come_back() {
    let wait = "<?php while (!file_exists(__DIR__ . '/go')) { clearstatcache(); usleep(5000); } echo 'done';";
    let site = Site::new(&[("wait.php", wait)]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([
        root,
        "--workers",
        "1",
        "--queue",
        "1",
        "--status-path",
        "/status",
    ]);
    thread::scope(|scope| {
        let first = scope.spawn(|| serve.get("/wait.php"));
        wait_until("one runs", || serve.status()["pool"]["active_workers"] == 1);
        let second = scope.spawn(|| serve.get("/wait.php"));
        wait_until("one waits", || {
            serve.status()["pool"]["queue"]["length"] == 1
        });
        let refused = serve.get("/wait.php");
        assert_eq!(refused.status, 503);
        let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
        assert!(wait >= 1);
        site.write("go", "");
        for waiting in [first, second] {
            assert_eq!(waiting.join().unwrap().text(), "done");
        }
    });
}

#[test]
fn wait_in_the_queue_is_bounded() {
    let site = Site::new(&[("sleep.php", "<?php sleep(600);")]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([
        root,
        "--workers",
        "1",
        "--queue-timeout",
        "300ms",
        "--status-path",
        "/status",
    ]);
    let mut connection = serve.connect();
    connection.send(crate::support::request("GET", "/sleep.php", &[], b""));
    wait_until("one runs", || serve.status()["pool"]["active_workers"] == 1);
    let refused = serve.get("/sleep.php");
    assert_eq!(refused.status, 503);
    assert!(refused.field("retry-after").is_some());
}
