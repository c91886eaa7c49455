//! The access log.

use nix::sys::signal::Signal;

use crate::support::{Serve, Site, request, wait_until};

fn site() -> Site {
    Site::new(&[
        ("root/a.txt", "0123456789"),
        ("root/p.php", "<?php http_response_code(201); echo 'made';"),
    ])
}

#[test]
fn combined_format_is_what_log_tools_read() {
    let site = site();
    let root = site.join("root");
    let mut serve = Serve::start([root.to_str().unwrap(), "--access-log", "-"]);
    serve.get_with(
        "/a.txt?x=%22",
        &[("User-Agent", "tester \"1\""), ("Referer", "http://r/")],
    );
    let line = serve.stdout_line();
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    let rest = "] \"GET /a.txt?x=%22 HTTP/1.1\" 200 10 \"http://r/\" \"tester \\\"1\\\"\"\n";
    assert!(line.ends_with(rest), "{line}");
    serve.get_with("/none", &[("Authorization", "Basic YWRhOng=")]);
    let line = serve.stdout_line();
    assert!(line.starts_with("127.0.0.1 - ada ["), "{line}");
    assert!(line.contains("\" 404 "), "{line}");
}

#[test]
fn json_format_tells_about_the_worker() {
    let site = site();
    let root = site.join("root");
    let log = site.join("access.log");
    let serve = Serve::start([
        root.to_str().unwrap(),
        "--access-log",
        log.to_str().unwrap(),
        "--access-log-format",
        "json",
    ]);
    serve.get("/p.php");
    serve.get("/a.txt");
    wait_until("both lines are written", || {
        site.read("access.log").lines().count() == 2
    });
    let text = site.read("access.log");
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let script = lines.iter().find(|line| line["uri"] == "/p.php").unwrap();
    assert_eq!(
        (&script["status"], &script["body_bytes"]),
        (&201.into(), &4.into())
    );
    let worker = i32::try_from(script["worker"].as_i64().unwrap()).unwrap();
    assert!(serve.children().contains(&worker));
    assert!(script["queued_seconds"].is_number() && script["duration_seconds"].is_number());
    let file = lines.iter().find(|line| line["uri"] == "/a.txt").unwrap();
    assert!(file["worker"].is_null());
}

#[test]
fn rotated_log_is_opened_anew() {
    let site = site();
    let (root, log) = (site.join("root"), site.join("access.log"));
    let serve = Serve::start([
        root.to_str().unwrap(),
        "--access-log",
        log.to_str().unwrap(),
    ]);
    serve.get("/a.txt?old");
    wait_until("the line is written", || {
        site.read("access.log").contains("?old")
    });
    std::fs::rename(&log, site.join("access.log.1")).unwrap();
    serve.signal(Signal::SIGUSR1);
    wait_until("there is a new file", || log.exists());
    serve.get("/a.txt?new");
    wait_until("the new line is written", || {
        site.read("access.log").contains("?new")
    });
    assert!(!site.read("access.log.1").contains("?new"));
}

#[test]
fn client_that_left_is_logged_too() {
    let site = Site::new(&[(
        "slow.php",
        "<?php while (!file_exists(__DIR__ . '/go')) { clearstatcache(); usleep(5000); }",
    )]);
    let log = site.join("access.log");
    let serve = Serve::start([
        site.path().to_str().unwrap(),
        "--access-log",
        log.to_str().unwrap(),
        "--status-path",
        "/status",
    ]);
    let mut connection = serve.connect();
    connection.send(request("GET", "/slow.php", &[], b""));
    wait_until("the script runs", || {
        serve.status()["pool"]["active_workers"] == 1
    });
    drop(connection);
    wait_until("the line is written", || {
        site.read("access.log")
            .contains("/slow.php HTTP/1.1\" 499 ")
    });
    site.write("go", "");
}
