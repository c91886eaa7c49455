//! `serve --sessions URL`: the sample site keeps its sessions in any store.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use peers::{Memcached, Peer, Redis};
use support::listening_on;

/// A visitor with a cookie jar of one.
struct Visitor<'a> {
    address: &'a str,
    cookie: Option<String>,
}

impl Visitor<'_> {
    /// Visits the counter and returns what it shows.
    #[track_caller]
    fn visits(&mut self) -> u32 {
        let answer = self.request("GET");
        let count = answer.split_once("<b id=\"visits\">").map(|(_, rest)| rest);
        let count = count.and_then(|rest| rest.split_once("</b>"));
        let (count, _) = count.unwrap_or_else(|| panic!("no counter in: {answer}"));
        count.parse().unwrap()
    }

    #[track_caller]
    fn request(&mut self, method: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let cookie = self.cookie.as_deref().unwrap_or("none=1");
        write!(
            stream,
            "{method} /session.php HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        for line in answer.lines() {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            if name.eq_ignore_ascii_case("set-cookie") {
                let pair = value.split(';').next().unwrap_or_default();
                self.cookie = Some(pair.to_owned());
            }
        }
        answer
    }

    fn id(&self) -> &str {
        self.cookie.as_deref().unwrap().split_once('=').unwrap().1
    }
}

#[track_caller]
fn serve(url: &str) -> (Peer, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serve"));
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--workers",
        "2",
        "--sessions",
        url,
    ]);
    let peer = Peer::start(command, Peer::folder());
    let address = listening_on(&peer);
    (peer, address)
}

#[test]
fn the_counter_counts_in_every_store() {
    let folder = tempfile::tempdir().unwrap();
    let (redis, memcached) = (Redis::start(), Memcached::start());
    for url in [
        "memory:".to_owned(),
        format!("redb:{}", folder.path().join("sessions.redb").display()),
        format!("redis://127.0.0.1:{}", redis.port),
        format!("memcached://127.0.0.1:{}", memcached.port),
    ] {
        let (peer, address) = serve(&url);
        let mut visitor = Visitor {
            address: &address,
            cookie: None,
        };
        for expected in 1..=5 {
            assert_eq!(visitor.visits(), expected, "{url}: {}", peer.log());
        }
        let mut other = Visitor {
            address: &address,
            cookie: None,
        };
        assert_eq!(other.visits(), 1);
        visitor.request("POST");
        assert_eq!(visitor.visits(), 1);
        assert_eq!(other.visits(), 2);
    }
}

#[test]
fn sessions_outlive_the_server_and_other_programs_see_them() {
    let redis = Redis::start();
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let (peer, address) = serve(&url);
    let mut visitor = Visitor {
        address: &address,
        cookie: None,
    };
    assert_eq!((visitor.visits(), visitor.visits()), (1, 2));
    drop(peer);
    let program = Command::new(env!("CARGO_BIN_EXE_session"))
        .args(["--store", &url, "incr", visitor.id(), "visits"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&program.stdout).trim(), "3");
    let (_peer, address) = serve(&url);
    let mut visitor = Visitor {
        address: &address,
        cookie: visitor.cookie,
    };
    assert_eq!(visitor.visits(), 4);
}

#[test]
fn a_wrong_store_is_an_error_with_its_reason() {
    let output = Command::new(env!("CARGO_BIN_EXE_serve"))
        .args(["--listen", "127.0.0.1:0", "--sessions", "ftp://nowhere"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(9));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("ftp store URL"), "{text}");
}
