//! Every peer really serves the cases it is measured with.

use std::path::Path;
use std::time::Duration;

use benches::contenders::{ALL, Contender, OURS, Setup, check_same, hello};
use benches::load::{Closed, closed_loop};
use benches::site::{Site, cases};

fn start(name: &str, site: &Site) -> Contender {
    // No peer needs our server.
    let setup = Setup {
        root: site.root(),
        serve: Path::new("serve"),
        workers: 2,
        connections: 4,
    };
    let (_, start) = ALL.iter().find(|(known, _)| *known == name).unwrap();
    start(&setup)
        .and_then(|server| server.ready(&hello()))
        .unwrap()
}

fn answers_every_case(name: &str) {
    let site = Site::new().unwrap();
    let server = start(name, &site);
    for case in cases() {
        let run = Closed {
            port: server.port,
            connections: 2,
            duration: Duration::from_millis(1),
        };
        let result = closed_loop(run, &case.request).unwrap();
        assert_eq!(result.first_error, None, "{name}: {}", case.name);
        assert_eq!(result.starved, 0, "{name}: {}", case.name);
    }
    assert!(server.cpu_seconds() > 0.0 && server.pss_bytes() > 0);
    keeps_connections(&server);
}

/// Otherwise connecting would be measured.
#[track_caller]
fn keeps_connections(server: &Contender) {
    let run = Closed {
        port: server.port,
        connections: 2,
        duration: Duration::from_millis(300),
    };
    let result = closed_loop(run, &hello()).unwrap();
    assert!(result.latencies_us.len() > 20, "{}", result.rate());
    assert_eq!(result.opened, 2, "{} closes connections", server.name);
}

#[test]
fn every_peer_runs_the_same_php_with_its_number_of_workers() {
    let site = Site::new().unwrap();
    let names = ALL
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != OURS);
    let servers: Vec<_> = names.map(|name| start(name, &site)).collect();
    check_same(&servers).unwrap();
}

#[test]
fn our_server_is_measured_first() {
    assert_eq!(ALL[0].0, OURS);
}

#[test]
fn nginx_with_php_fpm_answers_every_case() {
    answers_every_case("nginx_fpm");
}

#[test]
fn nginx_with_kept_connections_answers_every_case() {
    answers_every_case("nginx_fpm_keepalive");
}

#[test]
fn apache_with_mod_php_answers_every_case() {
    answers_every_case("mod_php");
}

#[test]
fn apache_with_php_fpm_answers_every_case() {
    answers_every_case("apache_fpm");
}

#[test]
fn caddy_answers_every_case() {
    answers_every_case("caddy_fpm");
}

#[test]
fn lighttpd_answers_every_case() {
    answers_every_case("lighttpd_fpm");
}

#[test]
fn h2o_answers_every_case() {
    answers_every_case("h2o_fpm");
}
