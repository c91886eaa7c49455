//! HTTP/2 and TLS, with curl as the client.

use std::process::Command;

use crate::support::{Serve, Site};

/// Runs curl; its output, with version and status behind it.
fn curl(args: &[&str]) -> String {
    let output = Command::new(peers::tool("curl", "curl"))
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--noproxy",
            "*",
        ])
        .args(["--write-out", " [%{http_version} %{http_code}]"])
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn site() -> Site {
    let site = Site::new(&[
        (
            "p.php",
            "<?php echo $_SERVER['SERVER_PROTOCOL'], ' ', $_SERVER['HTTPS'] ?? 'off', ' ', $_SERVER['HTTP_HOST'], ' ', strlen(file_get_contents('php://input'));",
        ),
        ("a.txt", "static"),
    ]);
    site.write("body.bin", vec![b'x'; 300_000]);
    site
}

#[test]
fn http2_without_tls_is_spoken_by_prior_knowledge() {
    let site = site();
    let serve = Serve::start([site.path()]);
    let prior = "--http2-prior-knowledge";
    let host = serve.listening();
    assert_eq!(curl(&[prior, &serve.url("/a.txt")]), "static [2 200]");
    let expected = format!("HTTP/2.0 off {host} 0 [2 200]");
    assert_eq!(curl(&[prior, &serve.url("/p.php")]), expected);
    let upload = format!("@{}", site.join("body.bin").display());
    let expected = format!("HTTP/2.0 off {host} 300000 [2 200]");
    assert_eq!(
        curl(&[prior, "--data-binary", &upload, &serve.url("/p.php")]),
        expected
    );
    // Without content-length.
    let file = site.join("body.bin");
    let streamed = [
        "-H",
        "Content-Length:",
        "-X",
        "POST",
        "-T",
        file.to_str().unwrap(),
    ];
    let url = serve.url("/p.php");
    let args: Vec<&str> = [prior].into_iter().chain(streamed).chain([&*url]).collect();
    assert_eq!(curl(&args), expected);
    assert_eq!(
        curl(&[prior, "-I", "-o", "/dev/null", &serve.url("/p.php")]),
        " [2 200]"
    );
    assert_eq!(
        curl(&["--http1.1", &serve.url("/a.txt")]),
        "static [1.1 200]"
    );
    assert_eq!(curl(&["--http1.0", &serve.url("/a.txt")]), "static [1 200]");
}

#[test]
fn tls_negotiates_the_protocol() {
    let site = site();
    let (certificate, key) = certificate(&site);
    let serve = Serve::start([
        site.path().to_str().unwrap(),
        "--tls-cert",
        &certificate,
        "--tls-key",
        &key,
    ]);
    let port = serve.address().port();
    let resolve = format!("localhost:{port}:127.0.0.1");
    let url = format!("https://localhost:{port}/p.php");
    let tls = ["--cacert", &*certificate, "--resolve", &*resolve, &*url];
    let ask = |args: &[&str]| curl(&[args, &tls[..]].concat());
    assert_eq!(
        ask(&["--http2"]),
        format!("HTTP/2.0 on localhost:{port} 0 [2 200]")
    );
    assert_eq!(
        ask(&["--http1.1"]),
        format!("HTTP/1.1 on localhost:{port} 0 [1.1 200]")
    );
}

#[test]
fn many_requests_share_an_http2_connection() {
    let site = site();
    let (certificate, key) = certificate(&site);
    let serve = Serve::start([
        site.path().to_str().unwrap(),
        "--workers",
        "2",
        "--tls-cert",
        &certificate,
        "--tls-key",
        &key,
    ]);
    let port = serve.address().port();
    let resolve = format!("localhost:{port}:127.0.0.1");
    let url = format!("https://localhost:{port}/p.php?[1-40]");
    let output = curl(&[
        "--cacert",
        &certificate,
        "--resolve",
        &resolve,
        "--parallel",
        "--parallel-max",
        "20",
        &url,
    ]);
    assert_eq!(output.matches("[2 200]").count(), 40, "{output}");
}

/// A self-signed certificate for localhost, made by openssl.
fn certificate(site: &Site) -> (String, String) {
    let (certificate, key) = (site.join(".tls/cert.pem"), site.join(".tls/key.pem"));
    std::fs::create_dir(site.join(".tls")).unwrap();
    let made = Command::new(peers::tool("openssl", "openssl"))
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    (certificate.display().to_string(), key.display().to_string())
}
