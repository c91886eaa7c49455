//! Stop and reload.

use std::thread;

use nix::sys::signal::Signal;

use crate::support::{Serve, Site, request, wait_until};

/// A script that runs until the file `go` is there.
const WAIT: &str =
    "<?php while (!file_exists(__DIR__ . '/go')) { clearstatcache(); usleep(5000); } echo 'done';";

#[track_caller]
fn wait_until_running(serve: &Serve) {
    wait_until("the script runs", || {
        serve.status()["pool"]["active_workers"] == 1
    });
}

#[test]
fn stop_lets_running_requests_end() {
    for signal in [Signal::SIGTERM, Signal::SIGQUIT, Signal::SIGINT] {
        let site = Site::new(&[("wait.php", WAIT)]);
        let mut serve = Serve::start([site.path().to_str().unwrap(), "--status-path", "/status"]);
        let workers = serve.children();
        assert!(!workers.is_empty());
        let mut connection = serve.connect();
        connection.send(request("GET", "/wait.php", &[], b""));
        wait_until_running(&serve);
        serve.signal(signal);
        serve.wait_for_log("stopping");
        site.write("go", "");
        assert_eq!(connection.answer().text(), "done");
        assert_eq!(serve.wait().code(), Some(0), "{signal}");
        for worker in workers {
            assert!(!std::path::Path::new(&format!("/proc/{worker}")).exists());
        }
    }
}

#[test]
fn second_signal_stops_at_once() {
    let site = Site::new(&[("wait.php", WAIT)]);
    let mut serve = Serve::start([site.path().to_str().unwrap(), "--status-path", "/status"]);
    let mut connection = serve.connect();
    connection.send(request("GET", "/wait.php", &[], b""));
    wait_until_running(&serve);
    serve.signal(Signal::SIGINT);
    serve.wait_for_log("stopping");
    serve.signal(Signal::SIGINT);
    assert_eq!(serve.wait().code(), Some(130));
}

#[test]
fn grace_is_bounded() {
    let site = Site::new(&[("wait.php", WAIT)]);
    let root = site.path().to_str().unwrap();
    let mut serve = Serve::start([root, "--status-path", "/status", "--grace", "200ms"]);
    let mut connection = serve.connect();
    connection.send(request("GET", "/wait.php", &[], b""));
    wait_until_running(&serve);
    serve.signal(Signal::SIGTERM);
    assert_eq!(serve.wait().code(), Some(0));
    assert!(serve.log().contains("the time to finish is over"));
}

#[test]
fn nothing_is_left_behind() {
    let tmp = Site::new(&[]);
    for _ in 0..5 {
        let mut start = crate::support::command();
        let socket = tmp.join("s.sock");
        start
            .env("TMPDIR", tmp.path())
            .args(["--workers", "2", "--listen"]);
        start.arg(format!("unix:{}", socket.display()));
        let mut serve = Serve::run(start);
        let workers = serve.children();
        assert_eq!(workers.len(), 2);
        serve.signal(Signal::SIGTERM);
        assert_eq!(serve.wait().code(), Some(0));
        let left: Vec<_> = tmp.path().read_dir().unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        for worker in workers {
            assert!(!std::path::Path::new(&format!("/proc/{worker}")).exists());
        }
    }
}

#[test]
fn reload_loses_no_request_and_takes_new_settings() {
    let site = Site::new(&[
        ("root/i.php", "<?php echo ini_get('precision');"),
        (
            "fpm.conf",
            "[www]\nlisten = /x\npm = static\npm.max_children = 2\nphp_value[precision] = 5\n",
        ),
    ]);
    let (root, file) = (site.join("root"), site.join("fpm.conf"));
    let serve = Serve::start([
        root.to_str().unwrap(),
        "--config",
        file.to_str().unwrap(),
        "--status-path",
        "/status",
    ]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut answers = 0_u32;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let answer = serve.get("/i.php");
                assert_eq!(answer.status, 200, "{}", serve.log());
                answers += 1;
            }
            answers
        });
        for (reload, precision) in [(1, "6"), (2, "7"), (3, "8")] {
            let conf = site.read("fpm.conf");
            let (head, _) = conf.split_once("php_value").unwrap();
            site.write(
                "fpm.conf",
                format!("{head}php_value[precision] = {precision}\n"),
            );
            serve.signal(Signal::SIGHUP);
            wait_until("the reload took effect", || {
                serve.status()["pool"]["totals"]["reloads"] == reload
            });
            assert_eq!(serve.get("/i.php").text(), precision);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(load.join().unwrap() > 0);
    });
}

#[test]
fn failed_reload_leaves_the_old_workers() {
    let good = "[www]\nlisten = /x\npm = static\npm.max_children = 2\n";
    let site = Site::new(&[("root/i.php", "<?php echo 'alive';"), ("fpm.conf", good)]);
    let (root, file) = (site.join("root"), site.join("fpm.conf"));
    let serve = Serve::start([root.to_str().unwrap(), "--config", file.to_str().unwrap()]);
    let workers = serve.children();
    for broken in [
        "[www]\nlisten = /x\npm = nonsense\n",
        "",
        "[www]\nlisten = /x\npm = static\npm.max_children = 2\nuser = no-such-user-here\n",
    ] {
        let before = serve.log().matches("reload failed").count();
        site.write("fpm.conf", broken);
        serve.signal(Signal::SIGHUP);
        wait_until("the failure is logged", || {
            serve.log().matches("reload failed").count() > before
        });
        assert_eq!(serve.get("/i.php").text(), "alive");
    }
    assert_eq!(serve.children(), workers);
}

#[test]
fn workers_die_with_the_server() {
    let site = Site::new(&[("i.php", "<?php echo 1;")]);
    let mut serve = Serve::start([site.path()]);
    let workers = serve.children();
    serve.signal(Signal::SIGKILL);
    serve.wait();
    for worker in workers {
        let proc = format!("/proc/{worker}/stat");
        wait_until("the worker is gone", || {
            let stat = std::fs::read_to_string(&proc).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        });
    }
}
