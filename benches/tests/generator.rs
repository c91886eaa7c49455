//! What the load generator itself costs, beside `wrk`, on the same server.
//!
//! Times need a quiet machine and an optimised build, so this runs only when
//! asked for:
//! `cargo test --release -p benches --test generator -- --ignored --nocapture`

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use benches::contenders::{ALL, Setup, hello};
use benches::load::{Closed, Expect, Request, closed_loop};
use benches::site::Site;
use nix::sys::resource::{UsageWho, getrusage};

const SECONDS: u64 = 3;

/// CPU time so far, in microseconds.
fn used_us(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    let (user, system) = (usage.user_time(), usage.system_time());
    (user.tv_sec() + system.tv_sec()) as f64 * 1e6 + (user.tv_usec() + system.tv_usec()) as f64
}

fn wrk(port: u16, target: &str) -> (f64, f64) {
    let before = used_us(UsageWho::RUSAGE_CHILDREN);
    let output = Command::new(peers::tool("wrk", "wrk"))
        .args(["-t1", "-c8", &format!("-d{SECONDS}s")])
        .arg(format!("http://127.0.0.1:{port}{target}"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    let rate: f64 = rate.unwrap().trim().parse().unwrap();
    let cpu = used_us(UsageWho::RUSAGE_CHILDREN) - before;
    (rate, cpu / (rate * SECONDS as f64))
}

fn ours(port: u16, request: &Request) -> (f64, f64) {
    let before = used_us(UsageWho::RUSAGE_SELF);
    let run = Closed {
        port,
        connections: 8,
        duration: Duration::from_secs(SECONDS),
    };
    let seen = closed_loop(run, request).unwrap();
    assert_eq!(seen.errors, 0, "{:?}", seen.first_error);
    let cpu = used_us(UsageWho::RUSAGE_SELF) - before;
    (seen.rate(), cpu / seen.latencies_us.len() as f64)
}

#[test]
#[ignore = "a measurement: needs a quiet machine and --release"]
fn the_generator_costs_about_what_wrk_does() {
    let site = Site::new().unwrap();
    let setup = Setup {
        root: site.root(),
        serve: Path::new("serve"),
        workers: 4,
        connections: 8,
    };
    let (_, start) = ALL.iter().find(|(name, _)| *name == "nginx_fpm").unwrap();
    let server = start(&setup)
        .and_then(|server| server.ready(&hello()))
        .unwrap();
    let ready = Request::get("/parts/ready.txt", Expect::Body(b"ready\n".to_vec()));
    for (target, request) in [("/parts/ready.txt", ready), ("/hello.php", hello())] {
        for _ in 0..2 {
            let (rate, cpu) = ours(server.port, &request);
            println!("{target}: compare {rate:.0}/s, {cpu:.1} us of CPU per request");
            let (rate, cpu) = wrk(server.port, target);
            println!("{target}: wrk     {rate:.0}/s, {cpu:.1} us of CPU per request");
        }
    }
}
