//! Bounds on what a client may send, and on how slowly.

use std::time::{Duration, Instant};

use crate::support::{Serve, Site, request};

const ECHO: &str = "<?php echo strlen(file_get_contents('php://input'));";

#[test]
fn excess_is_answered_with_its_status() {
    let site = Site::new(&[("e.php", ECHO)]);
    let serve = Serve::start([site.path().to_str().unwrap(), "--max-body", "1K"]);
    let long = format!("/e.php?{}", "q".repeat(20_000));
    assert_eq!(serve.get(&long).status, 414);
    let longer = format!("/e.php?{}", "q".repeat(90_000));
    assert_eq!(serve.get(&longer).status, 414);
    let big = "b".repeat(70_000);
    assert_eq!(serve.get_with("/e.php", &[("X-Big", &big)]).status, 431);
    let many: Vec<(String, &str)> = (0..300).map(|n| (format!("X-{n}"), "v")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, *value)).collect();
    assert_eq!(serve.get_with("/e.php", &many).status, 431);
    assert_eq!(serve.post("/e.php", &[], &[b'x'; 1024]).text(), "1024");
    assert_eq!(serve.post("/e.php", &[], &[b'x'; 1025]).status, 413);
    let mut body = b"800\r\n".to_vec();
    body.extend([b'x'; 0x800]);
    body.extend(b"\r\n0\r\n\r\n");
    let chunked = request("POST", "/e.php", &[("Transfer-Encoding", "chunked")], &body);
    assert_eq!(serve.send(chunked).status, 413);
}

#[test]
fn slow_heads_are_cut_off() {
    let site = Site::new(&[("e.php", ECHO)]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([root, "--header-timeout", "300ms"]);
    for start in ["", "P", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow:"] {
        let mut connection = serve.connect();
        connection.send(start);
        let began = Instant::now();
        assert!(connection.is_closed(), "{start:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{start:?}");
    }
    assert_eq!(serve.get("/e.php").text(), "0");
}

#[test]
fn stalled_bodies_are_answered_with_408() {
    let site = Site::new(&[("e.php", ECHO)]);
    let root = site.path().to_str().unwrap();
    for way in [&["--stream-uploads"][..], &[]] {
        let timeout = [root, "--body-timeout", "300ms"];
        let serve = Serve::start([&timeout[..], way].concat());
        // Small enough to be read first, and large enough to be streamed.
        for length in ["100", "200000"] {
            let mut connection = serve.connect();
            connection.send(request(
                "POST",
                "/e.php",
                &[("Content-Length", length)],
                b"start",
            ));
            assert_eq!(connection.answer().status, 408, "{length} {way:?}");
        }
        assert_eq!(serve.post("/e.php", &[], b"abc").text(), "3");
    }
}

#[test]
fn upload_that_breaks_off_harms_nobody() {
    let site = Site::new(&[("e.php", ECHO)]);
    let root = site.path().to_str().unwrap();
    for way in [&["--stream-uploads"][..], &[]] {
        let serve = Serve::start([&[root, "--workers", "1"][..], way].concat());
        for length in ["100", "200000"] {
            let mut connection = serve.connect();
            connection.send(request(
                "POST",
                "/e.php",
                &[("Content-Length", length)],
                b"start",
            ));
            drop(connection);
            assert_eq!(serve.post("/e.php", &[], b"abc").text(), "3");
        }
    }
}

#[test]
fn slow_uploads_hold_no_worker() {
    let site = Site::new(&[("e.php", ECHO)]);
    let serve = Serve::start([site.path().to_str().unwrap(), "--workers", "1"]);
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut connection = serve.connect();
            let length = [("Content-Length", "200000")];
            connection.send(request("POST", "/e.php", &length, &[b'x'; 100_000]));
            connection
        })
        .collect();
    assert_eq!(serve.post("/e.php", &[], &[b'x'; 100_000]).text(), "100000");
    for mut connection in slow {
        connection.send([b'x'; 100_000]);
        assert_eq!(connection.answer().text(), "200000");
    }
}

#[test]
fn large_chunked_upload_is_kept_on_disk() {
    let site = Site::new(&[("e.php", ECHO)]);
    let serve = Serve::start([site.path()]);
    let mut body = Vec::new();
    for _ in 0..30 {
        body.extend(b"10000\r\n");
        body.extend([b'x'; 0x10000]);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    let chunked = request("POST", "/e.php", &[("Transfer-Encoding", "chunked")], &body);
    assert_eq!(serve.send(chunked).text(), (30 * 0x10000).to_string());
}
