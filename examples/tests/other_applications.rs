//! FastCGI applications that others wrote, behind `fcgi`.

mod support;

use std::fs;
use std::process::{Command, Output};

use peers::{Application, Peer};

/// Runs `fcgi get --include` against `application`.
fn get(application: &Application, more: &[&str]) -> Output {
    let mut command: Command = support::fcgi();
    command
        .args(["get", "--include", "--timeout", "60s", "--connect"])
        .arg(format!("127.0.0.1:{}", application.port))
        .arg("--script")
        .arg(application.script())
        .args(more);
    command.output().expect("fcgi starts")
}

#[track_caller]
fn assert_answer(output: &Output, code: i32, status: &str, method: &str, body: &[u8]) {
    let head =
        format!("Status: {status}\r\nContent-Type: text/plain\r\nX-Method: {method}\r\n\r\n");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout[..output.stdout.len().min(500)]);
    assert_eq!(output.status.code(), Some(code), "{stderr}{stdout}");
    let printed = output.stdout.strip_prefix(head.as_bytes());
    assert!(printed == Some(body), "{stdout}");
}

fn requests_are_answered(application: &Application) {
    let output = get(application, &[]);
    assert_answer(&output, 0, "200", "GET", b"stdin 0 0");
    let output = get(application, &["--param", "WANTED_STATUS=404"]);
    assert_answer(&output, 1, "404", "GET", b"stdin 0 0");
}

fn body_of_5_mb_arrives(application: &Application) {
    let folder = Peer::folder();
    let file = folder.path().join("body");
    let body: Vec<u8> = (0..5_000_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let sum: u64 = body.iter().map(|&byte| u64::from(byte)).sum();
    fs::write(&file, &body).unwrap();
    let output = get(application, &["--body", file.to_str().unwrap()]);
    let text = format!("stdin 5000000 {sum}");
    assert_answer(&output, 0, "200", "POST", text.as_bytes());
}

fn answer_of_5_mb_arrives(application: &Application) {
    let output = get(application, &["--param", "WANTED_BYTES=5000000"]);
    let mut body = b"stdin 0 0".to_vec();
    body.resize(body.len() + 5_000_000, b'x');
    assert_answer(&output, 0, "200", "GET", &body);
}

fn params_of_100_kib_arrive(application: &Application) {
    let long = format!("LONG={}", "v".repeat(50_000));
    let other = format!("OTHER={}", "w".repeat(50_000));
    let output = get(application, &["--param", &long, "--param", &other]);
    assert_answer(&output, 0, "200", "GET", b"stdin 0 0");
}

/// A module per application, a test per case.
macro_rules! applications {
    ($($name:ident),*) => {$(
        mod $name {
            use peers::Application;

            #[test]
            fn requests_are_answered() {
                crate::requests_are_answered(&Application::$name());
            }

            #[test]
            fn body_of_5_mb_arrives() {
                crate::body_of_5_mb_arrives(&Application::$name());
            }

            #[test]
            fn answer_of_5_mb_arrives() {
                crate::answer_of_5_mb_arrives(&Application::$name());
            }

            #[test]
            fn params_of_100_kib_arrive() {
                crate::params_of_100_kib_arrive(&Application::$name());
            }
        }
    )*};
}

applications!(perl, libfcgi, fcgiwrap);

#[test]
fn messages_come_out_on_standard_error() {
    for application in [
        Application::perl(),
        Application::libfcgi(),
        Application::fcgiwrap(),
    ] {
        let output = get(&application, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("note for the log"), "{stderr}");
    }
}
