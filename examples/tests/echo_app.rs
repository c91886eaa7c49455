//! How `echo-app` listens, answers and ends.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use peers::{Peer, wait_until};
use serde_json::{Value, json};
use support::{EchoApp, listening_on};

fn get(address: &str, more: &[&str]) -> Vec<u8> {
    let output = support::fcgi()
        .args([
            "get",
            "--timeout",
            "60s",
            "--connect",
            address,
            "--script",
            "/srv/a.php",
        ])
        .args(more)
        .output()
        .expect("fcgi starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    output.stdout
}

#[test]
fn document_says_what_came() {
    let app = EchoApp::start(&[]);
    let answer = get(&app.address(), &["--param", "Z=\u{e9}\"", "--param", "A="]);
    let document: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(document["role"], "responder");
    assert_eq!(document["stdin_len"], 0);
    assert_eq!(document["data_len"], 0);
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(document["stdin_sha256"], empty);
    let params = document["params"].as_array().unwrap();
    assert_eq!(
        params[params.len() - 2..],
        [json!(["Z", "\u{e9}\""]), json!(["A", ""])]
    );
}

#[test]
fn padding_follows_the_document() {
    let app = EchoApp::start(&["--body-bytes", "100000"]);
    let answer = get(&app.address(), &[]);
    let padding = answer
        .iter()
        .rev()
        .take_while(|&&byte| byte == b' ')
        .count();
    assert_eq!(padding, 100_000);
    assert!(serde_json::from_slice::<Value>(&answer).is_ok());
}

#[test]
fn socket_file_is_replaced_and_removed() {
    let folder = Peer::folder();
    let path = folder.path().join("app.sock");
    // What a program that was killed leaves behind.
    drop(UnixListener::bind(&path).unwrap());
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut command = support::echo_app();
        command
            .arg("--listen")
            .arg(format!("unix:{}", path.display()));
        let mut peer = Peer::start(command, Peer::folder());
        assert_eq!(listening_on(&peer), format!("unix:{}", path.display()));
        get(&format!("unix:{}", path.display()), &[]);
        peer.signal(signal);
        assert_eq!(peer.wait().code(), Some(0));
        assert!(!path.exists());
    }
}

#[test]
fn socket_in_use_is_refused() {
    let folder = Peer::folder();
    let path = folder.path().join("app.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let output = support::echo_app()
        .arg("--listen")
        .arg(format!("unix:{}", path.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("echo-app: cannot listen on unix:"),
        "{stderr}"
    );
    assert!(path.exists());
}

/// Starts the program with `socket` as its descriptor 0.
fn on_fd0(socket: OwnedFd) -> std::process::Child {
    support::echo_app()
        .args(["--listen", "fd0"])
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn inherited_sockets_are_served() {
    let folder = Peer::folder();
    let path = folder.path().join("app.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addresses = [
        format!("unix:{}", path.display()),
        tcp.local_addr().unwrap().to_string(),
    ];
    let children = [on_fd0(unix.into()), on_fd0(tcp.into())];
    for (address, mut child) in addresses.iter().zip(children) {
        get(address, &[]);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(path.exists(), "it belongs to whoever bound it");
}

#[test]
fn descriptor_0_that_does_not_listen_is_refused() {
    let mut command: Command = support::echo_app();
    command.args(["--listen", "fd0"]).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("descriptor 0 is not a listening socket"),
        "{stderr}"
    );
}

fn record(record_type: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut record = vec![1, record_type, 0, 1, high, low, 0, 0];
    record.extend_from_slice(content);
    record
}

/// BEGIN_REQUEST of a role, and PARAMS.
fn begin(role: u8, params: &[u8]) -> Vec<u8> {
    let mut wire = record(1, &[0, role, 0, 0, 0, 0, 0, 0]);
    wire.extend(record(4, params));
    wire.extend(record(4, b""));
    wire
}

fn connect(app: &EchoApp) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, app.port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
}

#[test]
fn abort_ends_a_delayed_request_at_once() {
    let app = EchoApp::with_delay(Duration::from_secs(3600));
    let mut stream = connect(&app);
    stream.write_all(&begin(1, b"")).unwrap();
    stream.write_all(&record(5, b"")).unwrap();
    stream.write_all(&record(2, b"")).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let mut expected = record(6, b"");
    expected.extend(record(3, &[0, 0, 0, 1, 0, 0, 0, 0]));
    assert_eq!(answer, expected);
}

#[test]
fn abort_in_the_middle_of_the_body_is_answered() {
    let app = EchoApp::start(&[]);
    let mut stream = connect(&app);
    stream.write_all(&begin(1, b"")).unwrap();
    stream.write_all(&record(5, b"some")).unwrap();
    stream.write_all(&record(2, b"")).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(
        answer.ends_with(&record(3, &[0, 0, 0, 1, 0, 0, 0, 0])),
        "{answer:?}"
    );
}

#[test]
fn filter_data_and_odd_bytes_are_reported() {
    let app = EchoApp::start(&[]);
    let mut stream = connect(&app);
    stream.write_all(&begin(3, b"\x01\x02A\xff\x0a")).unwrap();
    for (record_type, content) in [(5, &b"abc"[..]), (5, b""), (8, b"12345"), (8, b"")] {
        stream.write_all(&record(record_type, content)).unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.contains(r#"{"role":"filter","params":[["A","\u00ff\u000a"]]"#),
        "{text}"
    );
    assert!(
        text.contains(r#""stdin_len":3,"#) && text.contains(r#""data_len":5}"#),
        "{text}"
    );
}

#[test]
fn malformed_record_closes_its_connection_alone() {
    let app = EchoApp::start(&[]);
    for wire in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x01\x01\0\x01\0\x02\0\0\0\x01",
    ] {
        let mut stream = connect(&app);
        stream.write_all(wire).unwrap();
        let mut answer = Vec::new();
        // A reset is as good as an end.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    get(&app.address(), &[]);
}

/// A lack of descriptors passes: whoever had to wait is served, and the end
/// does not wait for that.
#[test]
fn lack_of_descriptors_is_survived() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 24 && exec \"$@\"", "sh"])
        .arg(support::echo_app().get_program())
        .args(["--listen", "127.0.0.1:0"]);
    let peer = Peer::start(command, Peer::folder());
    let address = listening_on(&peer);
    let mut app = EchoApp {
        port: address.rsplit_once(':').unwrap().1.parse().unwrap(),
        peer,
    };
    let connections: Vec<_> = (0..40).map(|_| connect(&app)).collect();
    let mut last = connections.last().unwrap().try_clone().unwrap();
    last.write_all(&begin(1, b"")).unwrap();
    last.write_all(&record(5, b"")).unwrap();
    let is_open = |fd: u32| fs::symlink_metadata(format!("/proc/{}/fd/{fd}", app.peer.id()));
    wait_until("no descriptor is left", || {
        (0..24).all(|fd| is_open(fd).is_ok())
    });
    drop(connections);
    let mut answer = Vec::new();
    last.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&record(3, &[0; 8])), "{answer:?}");
    drop(last);

    let _connections: Vec<_> = (0..40).map(|_| connect(&app)).collect();
    app.peer.signal(Signal::SIGTERM);
    assert_eq!(app.peer.wait().code(), Some(0));
}

#[test]
fn idle_connection_does_not_delay_the_end() {
    let folder = Peer::folder();
    let path = folder.path().join("app.sock");
    let mut command = support::echo_app();
    command
        .arg("--listen")
        .arg(format!("unix:{}", path.display()));
    let mut peer = Peer::start(command, Peer::folder());
    listening_on(&peer);
    let _idle = UnixStream::connect(&path).unwrap();
    peer.signal(Signal::SIGTERM);
    assert_eq!(peer.wait().code(), Some(0));
    wait_until("the socket is gone", || fs::metadata(&path).is_err());
}
