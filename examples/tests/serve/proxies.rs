//! Proxies in front: who is believed.

use std::process::Command;

use crate::support::{Serve, Site, command};

const WHO: &str = "<?php echo $_SERVER['REMOTE_ADDR'], ' ', $_SERVER['HTTPS'] ?? 'off', ' ', \
    $_SERVER['HTTP_HOST'], ' ', $_SERVER['SERVER_PORT'];";
const FIELDS: [(&str, &str); 3] = [
    ("X-Forwarded-For", "203.0.113.9, 198.51.100.7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "example.org"),
];

#[test]
fn nobody_is_believed_by_default() {
    let site = Site::new(&[("w.php", WHO)]);
    let serve = Serve::start([site.path()]);
    let port = serve.address().port();
    let answer = serve.get_with("/w.php", &FIELDS);
    assert_eq!(answer.text(), format!("127.0.0.1 off localhost {port}"));
}

#[test]
fn trusted_proxy_is_believed() {
    let site = Site::new(&[("w.php", WHO)]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([root, "--trusted-proxy", "127.0.0.0/8", "--access-log", "-"]);
    let answer = serve.get_with("/w.php", &FIELDS);
    assert_eq!(answer.text(), "198.51.100.7 on example.org 443");
    let standard = [("Forwarded", "for=203.0.113.9;proto=https;host=two.example")];
    assert_eq!(
        serve.get_with("/w.php", &standard).text(),
        "203.0.113.9 on two.example 443"
    );
}

#[test]
fn unix_socket_is_served() {
    let site = Site::new(&[("w.php", WHO)]);
    let socket = site.join("s.sock");
    let mut start = command();
    start
        .arg(site.path())
        .arg("--listen")
        .arg(format!("unix:{}", socket.display()));
    start.args(["--trusted-proxy", "unix"]);
    let serve = Serve::run(start);
    assert_eq!(serve.listening(), format!("unix:{}", socket.display()));
    let curl = |field: &str| {
        let mut curl = Command::new(peers::tool("curl", "curl"));
        curl.args(["-s", "--max-time", "60", "-H", field, "--unix-socket"]);
        let output = curl
            .arg(&socket)
            .arg("http://localhost/w.php")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        curl("X-Forwarded-For: 203.0.113.9"),
        "203.0.113.9 off localhost 80"
    );
    assert_eq!(curl("X-Forwarded-Proto: https"), "unix: on localhost 443");
    drop(serve);
}
