//! FastCGI servers that already run.

use peers::Php;

use crate::support::{Serve, Site, request};

const ECHO: &str = "<?php echo PHP_SAPI, ' ', $_SERVER['REQUEST_METHOD'], ' ', strlen(file_get_contents('php://input')), ' ', $_SERVER['PATH_INFO'] ?? '-';";

#[test]
fn php_cgi_and_php_fpm_answer_as_workers_do() {
    let site = Site::new(&[
        ("e.php", ECHO),
        (
            "big.php",
            "<?php for ($i = 0; $i < 300; $i++) echo str_repeat('x', 10000);",
        ),
        (
            "fatal.php",
            "<?php error_log('from the test'); http_response_code(503);",
        ),
    ]);
    let (cgi, fpm, tcp) = (Php::cgi(2), Php::fpm(""), Php::cgi_tcp(2));
    for (address, interface) in [
        (cgi.address(), "cgi-fcgi"),
        (fpm.address(), "fpm-fcgi"),
        (tcp.address(), "cgi-fcgi"),
    ] {
        let serve = Serve::start([site.path().to_str().unwrap(), "--upstream", address]);
        assert_eq!(
            serve.get("/e.php/x").text(),
            format!("{interface} GET 0 /x")
        );
        let body = vec![b'x'; 500_000];
        assert_eq!(
            serve.post("/e.php", &[], &body).text(),
            format!("{interface} POST 500000 -")
        );
        assert_eq!(serve.get("/big.php").body.len(), 3_000_000);
        assert_eq!(serve.send(request("HEAD", "/e.php", &[], b"")).status, 200);
        assert_eq!(serve.get("/fatal.php").status, 503);
        assert_eq!(serve.get("/none.php").status, 404);
        for _ in 0..20 {
            assert_eq!(serve.get("/e.php").status, 200);
        }
    }
}

#[test]
fn server_that_is_gone_is_passed_over() {
    let site = Site::new(&[("e.php", ECHO)]);
    let alive = Php::cgi(1);
    let gone = format!("127.0.0.1:{}", peers::free_port());
    let serve = Serve::start([
        site.path().to_str().unwrap(),
        "--upstream",
        &gone,
        "--upstream",
        alive.address(),
        "--status-path",
        "/status",
    ]);
    for _ in 0..6 {
        assert_eq!(
            serve.post("/e.php", &[], b"abc").text(),
            "cgi-fcgi POST 3 -"
        );
    }
    let status = serve.status();
    assert_eq!(status["upstreams"][1]["requests"], 6);
    assert!(status["upstreams"][0]["failures"].as_u64() > Some(0));
    let alone = Serve::start([site.path().to_str().unwrap(), "--upstream", &gone]);
    let answer = alone.get("/e.php");
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
}

#[test]
fn requests_are_spread_over_all_servers() {
    let site = Site::new(&[("e.php", ECHO)]);
    let (one, two) = (Php::cgi(1), Php::cgi(1));
    let serve = Serve::start([
        site.path().to_str().unwrap(),
        "--upstream",
        one.address(),
        "--upstream",
        two.address(),
        "--status-path",
        "/status",
    ]);
    for _ in 0..10 {
        assert_eq!(serve.get("/e.php").status, 200);
    }
    let status = serve.status();
    for upstream in status["upstreams"].as_array().unwrap() {
        assert_eq!(upstream["requests"], 5, "{status}");
    }
}

#[test]
fn upload_that_breaks_off_reaches_no_server() {
    let site = Site::new(&[
        ("e.php", ECHO),
        (
            "ran.php",
            "<?php file_put_contents(__DIR__ . '/ran', strlen(file_get_contents('php://input')));",
        ),
    ]);
    let php = Php::cgi(1);
    let serve = Serve::start([
        site.path().to_str().unwrap(),
        "--upstream",
        php.address(),
        "--status-path",
        "/status",
    ]);
    let whole = request("POST", "/ran.php", &[], &vec![b'x'; 200_000]);
    let mut client = serve.connect();
    client.send(&whole[..100_000]);
    drop(client);
    // Its end has been seen once another of the same kind was answered: one
    // worker runs them in order.
    let body = vec![b'x'; 200_000];
    for _ in 0..3 {
        let answer = serve.post("/e.php", &[], &body).text();
        assert_eq!(answer, "cgi-fcgi POST 200000 -");
    }
    assert_eq!(serve.status()["upstreams"][0]["requests"], 3);
    assert!(!site.join("ran").exists());
}

#[test]
fn request_that_took_too_long_is_not_run_elsewhere() {
    let site = Site::new(&[("slow.php", "<?php sleep(30);")]);
    let (one, two) = (Php::cgi(1), Php::cgi(1));
    let serve = Serve::start([
        site.path().to_str().unwrap(),
        "--upstream",
        one.address(),
        "--upstream",
        two.address(),
        "--request-timeout",
        "300ms",
        "--status-path",
        "/status",
    ]);
    assert_eq!(serve.get("/slow.php").status, 504);
    let status = serve.status();
    let requests = |at: usize| status["upstreams"][at]["requests"].as_u64().unwrap();
    assert_eq!(requests(0) + requests(1), 1, "{status}");
}
