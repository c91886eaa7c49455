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
