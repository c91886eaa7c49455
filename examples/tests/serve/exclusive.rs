//! `--exclusive-cookie`: one request of a session at a time.

use std::thread;

use crate::support::{Serve, Site, wait_until};

#[test]
fn waiting_requests_of_a_session_block_no_worker() {
    let site = Site::new(&[
        (
            "lock.php",
            "<?php session_save_path(__DIR__); session_start(); \
            while (!file_exists(__DIR__ . '/go')) { clearstatcache(); usleep(5000); } \
            echo $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;",
        ),
        ("free.php", "<?php echo 'free';"),
    ]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([
        root,
        "--workers",
        "2",
        "--exclusive-cookie",
        "PHPSESSID",
        "--status-path",
        "/status",
    ]);
    let cookie = [("Cookie", "a=1; PHPSESSID=abcdefghijklmnopqrstuvwxyz")];
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| serve.get_with("/lock.php", &cookie).text()))
            .collect();
        wait_until("three of four wait", || {
            let status = serve.status();
            status["pool"]["queue"]["length"] == 3 && status["pool"]["active_workers"] == 1
        });
        // The second worker is free for others.
        assert_eq!(serve.get("/free.php").text(), "free");
        site.write("go", "");
        let mut counts: Vec<String> = waiting.into_iter().map(|one| one.join().unwrap()).collect();
        counts.sort();
        assert_eq!(counts, ["1", "2", "3", "4"]);
    });
}

/// Holds the session's lock until `go` exists.
const LOCK: &str = "<?php session_save_path(__DIR__); session_start(); \
    while (!file_exists(__DIR__ . '/go')) { clearstatcache(); usleep(5000); }";

#[test]
fn one_session_leaves_half_of_the_workers_to_others() {
    let site = Site::new(&[("lock.php", LOCK), ("free.php", "<?php echo 'free';")]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([root, "--workers", "4", "--status-path", "/status"]);
    let cookie = [("Cookie", "PHPSESSID=abcdefghijklmnopqrstuvwxyz")];
    thread::scope(|scope| {
        let session: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| serve.get_with("/lock.php", &cookie).status))
            .collect();
        wait_until("two of twelve run", || {
            let pool = &serve.status()["pool"];
            pool["queue"]["blocked"] == 10 && pool["running"] == 2
        });
        for _ in 0..20 {
            assert_eq!(serve.get("/free.php").text(), "free");
        }
        site.write("go", "");
        for one in session {
            assert_eq!(one.join().unwrap(), 200);
        }
    });
}

#[test]
fn the_share_and_the_cookies_of_sessions_can_be_set() {
    let site = Site::new(&[("lock.php", LOCK)]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([
        root,
        "--workers",
        "4",
        "--status-path",
        "/status",
        "--session-cookie",
        "shop*",
        "--session-share",
        "3",
    ]);
    let cookies = ["shop-id=abcdefgh", "PHPSESSID=abcdefghijklmnopqrstuvwxyz"];
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                serve
                    .get_with("/lock.php", &[("Cookie", cookies[0])])
                    .status
            });
        }
        wait_until("three run", || {
            let pool = &serve.status()["pool"];
            pool["queue"]["blocked"] == 3 && pool["running"] == 3
        });
        // What is not named is no session.
        scope.spawn(|| {
            serve
                .get_with("/lock.php", &[("Cookie", cookies[1])])
                .status
        });
        wait_until("all four run", || serve.status()["pool"]["running"] == 4);
        site.write("go", "");
    });
}
