//! What `fcgi` prints and how it ends, above all when something is wrong.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;

use peers::{Peer, Php, free_port};
use serde_json::Value;
use support::EchoApp;

fn get(address: &str, more: &[&str]) -> Output {
    support::fcgi()
        .args(["get", "--connect", address, "--script", "/srv/www/a.php"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .expect("fcgi starts")
}

/// A peer that sends `answer` once it has read something, then ends its side.
fn peer(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 65536];
        let _ = stream.read(&mut buffer).unwrap();
        stream.write_all(&answer).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Read to the end: a reset would take the answer with it.
        while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    address
}

fn record(record_type: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut record = vec![1, record_type, 0, 1, high, low, 0, 0];
    record.extend_from_slice(content);
    record
}

/// STDOUT with `text`, and an END_REQUEST with `protocol_status`.
fn answer(text: &str, protocol_status: u8) -> Vec<u8> {
    let mut wire = record(6, text.as_bytes());
    wire.extend(record(3, &[0, 0, 0, 0, protocol_status, 0, 0, 0]));
    wire
}

/// Exit status 2, and one line on standard error that holds `says`.
#[track_caller]
fn assert_fails(output: &Output, says: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("fcgi: ") && stderr.contains(says),
        "{stderr}"
    );
}

#[test]
fn closed_port_is_named() {
    let address = format!("127.0.0.1:{}", free_port());
    assert_fails(
        &get(&address, &[]),
        &format!("cannot connect to {address}: "),
    );
    assert_fails(
        &get("unix:/nonexistent/socket", &[]),
        "unix:/nonexistent/socket",
    );
}

#[test]
fn hung_peer_is_given_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let output = get(&address, &["--timeout", "200ms"]);
    assert_fails(&output, "no whole answer within 200ms");
}

#[test]
fn http_server_is_recognised() {
    let address = peer(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    assert_fails(&get(&address, &[]), "does not speak FastCGI");
}

#[test]
fn answer_without_its_end_is_refused() {
    for cut in [0, 4, 20, 60] {
        let whole = answer(
            "Status: 200\r\n\r\nhello, this is an answer of some length",
            0,
        );
        let output = get(&peer(whole[..cut].to_vec()), &[]);
        assert_fails(&output, "no whole answer: ");
    }
}

#[test]
fn answer_shorter_than_its_content_length_is_refused() {
    let address = peer(answer("Content-Length: 10\r\n\r\nhello", 0));
    let output = get(&address, &[]);
    assert_fails(&output, "truncated answer: ");
    assert_eq!(output.stdout, b"hello");
}

#[test]
fn refusal_is_named() {
    assert_fails(&get(&peer(answer("", 2)), &[]), "OVERLOADED");
}

#[test]
fn answer_that_is_no_cgi_response_is_refused() {
    let address = peer(answer("<html>\n\n</html>", 0));
    assert_fails(
        &get(&address, &[]),
        "line 1 of the header block has no colon",
    );
    assert_fails(&get(&peer(answer("", 0)), &[]), "sent nothing");
}

#[test]
fn missing_body_file_is_named() {
    let app = EchoApp::start(&[]);
    for body in ["/nonexistent/body", "/"] {
        let output = get(&app.address(), &["--body", body]);
        assert_fails(&output, &format!("cannot read the body {body}: "));
    }
}

#[test]
fn content_length_that_is_not_the_bodys_is_refused() {
    let app = EchoApp::start(&[]);
    let output = get(&app.address(), &["--param", "CONTENT_LENGTH=7"]);
    assert_fails(&output, "CONTENT_LENGTH");
}

#[test]
fn wrong_command_line_ends_with_2() {
    for more in [
        &["--timeout", "soon"][..],
        &["--param", "novalue"],
        &["--unknown"],
    ] {
        let output = get("127.0.0.1:1", more);
        assert_eq!(output.status.code(), Some(2));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
}

#[test]
fn exit_status_follows_the_answer() {
    for (status, code) in [
        ("200", 0),
        ("204", 0),
        ("302 Found", 0),
        ("404 No", 1),
        ("500", 1),
    ] {
        let address = peer(answer(&format!("Status: {status}\r\n\r\n"), 0));
        assert_eq!(get(&address, &[]).status.code(), Some(code), "{status}");
    }
    let address = peer(answer("Location: http://localhost/\r\n\r\n", 0));
    assert_eq!(get(&address, &[]).status.code(), Some(0));
}

#[test]
fn head_comes_first_when_asked_for() {
    let text = "Status: 404 No\r\nX-Tag: a\r\n\r\nbody";
    let output = get(&peer(answer(text, 0)), &["--include"]);
    assert_eq!(output.stdout, text.as_bytes());
    let output = get(&peer(answer(text, 0)), &[]);
    assert_eq!(output.stdout, b"body");
}

#[track_caller]
fn document(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("a JSON document")
}

#[test]
fn body_from_a_pipe_gets_its_length() {
    let app = EchoApp::start(&[]);
    let mut fcgi = support::fcgi()
        .args([
            "get",
            "--connect",
            &app.address(),
            "--script",
            "a.php",
            "--body",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = fcgi.stdin.take().unwrap();
    let writing = thread::spawn(move || pipe.write_all(&vec![7; 3_000_000]).unwrap());
    let output = fcgi.wait_with_output().unwrap();
    writing.join().unwrap();
    let document = document(&output);
    assert_eq!(document["stdin_len"], 3_000_000);
    let length = serde_json::json!(["CONTENT_LENGTH", "3000000"]);
    assert!(document["params"].as_array().unwrap().contains(&length));
}

#[test]
fn body_from_a_redirected_file_is_streamed() {
    let app = EchoApp::start(&[]);
    let folder = Peer::folder();
    let file = folder.path().join("body");
    fs::write(&file, vec![7; 200_000]).unwrap();
    let output = support::fcgi()
        .args([
            "get",
            "--connect",
            &app.address(),
            "--script",
            "a.php",
            "--body",
            "-",
        ])
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert_eq!(document(&output)["stdin_len"], 200_000);
}

#[test]
fn peer_that_answers_before_it_reads_does_not_block() {
    // Neither side could go on if one waited for the other.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        stream.write_all(&record(6, b"\r\n")).unwrap();
        for _ in 0..200 {
            stream.write_all(&record(6, &[b'x'; 60_000])).unwrap();
        }
        stream.write_all(&record(3, &[0; 8])).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let folder = Peer::folder();
    let file = folder.path().join("body");
    fs::write(&file, vec![7; 16 << 20]).unwrap();
    let output = get(
        &address,
        &["--body", file.to_str().unwrap(), "--timeout", "60s"],
    );
    serving.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout.len(), 200 * 60_000);
}

const SCRIPT: &str = "<?php header('X-Len: ' . strlen(file_get_contents('php://input')));
    echo $_GET['q'], ' ', $_SERVER['REQUEST_METHOD'];";

#[track_caller]
fn assert_php_runs(address: &str, script: &Path) {
    let output = support::fcgi()
        .args(["get", "--include", "--connect", address, "--script"])
        .arg(script)
        .args(["--param", "QUERY_STRING=q=hello", "--body"])
        .arg(script)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("\r\n\r\nhello POST"), "{text}");
    assert!(
        text.contains(&format!("X-Len: {}\r\n", SCRIPT.len())),
        "{text}"
    );
}

#[test]
fn php_fpm_runs_a_script() {
    let php = Php::fpm("");
    assert_php_runs(php.address(), &php.script("a.php", SCRIPT));
}

#[test]
fn php_cgi_runs_a_script() {
    let php = Php::cgi(1);
    assert_php_runs(php.address(), &php.script("a.php", SCRIPT));
}

#[test]
fn missing_script_is_a_404_with_a_message() {
    let php = Php::fpm("");
    let output = get(php.address(), &[]);
    assert_eq!(output.status.code(), Some(1));
    // php-fpm's own words.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty());
    assert!(said.contains("Primary script unknown"), "{said}");
}
