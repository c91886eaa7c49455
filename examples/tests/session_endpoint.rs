//! `session endpoint`: unmodified PHP keeps its sessions in any store.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use peers::tool;

/// A running endpoint, and PHP's settings as it printed them.
struct Endpoint {
    child: Child,
    address: String,
    settings: Vec<String>,
}

impl Endpoint {
    #[track_caller]
    fn start(store: &str, arguments: &[&str], lines: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_session"))
            .args(["--store", store, "endpoint"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || output.next().unwrap().unwrap();
        let first = next();
        let address = first.strip_prefix("listening on ").unwrap().to_owned();
        let settings = (0..lines).map(|_| next().replace(" = ", "=")).collect();
        Self {
            child,
            address,
            settings,
        }
    }

    #[track_caller]
    fn php(&self, file: &Path) -> String {
        let mut php = Command::new(tool("php", "php-cli"));
        for setting in &self.settings {
            php.args(["-d", setting]);
        }
        let output = php.args(["-d", "session.use_cookies=0"]).arg(file).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const COUNT: &str = "<?php session_id('visitor'); session_start();
    echo $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;";

#[test]
fn php_counts_through_every_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("count.php");
    std::fs::write(&script, COUNT).unwrap();
    let socket = format!("unix:{}", folder.path().join("s").display());
    for (arguments, lines) in [
        (["resp", "--listen", "127.0.0.1:0"], 3),
        (["memcached", "--listen", "127.0.0.1:0"], 2),
        (["prepend", "--listen", &socket], 2),
    ] {
        let endpoint = Endpoint::start("memory:", &arguments, lines);
        assert_eq!(endpoint.php(&script), "1", "{arguments:?}");
        assert_eq!(endpoint.php(&script), "2", "{arguments:?}");
    }
}

#[test]
fn php_and_the_program_change_the_same_session() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("count.php");
    std::fs::write(&script, COUNT).unwrap();
    let store = format!("files:{}", folder.path().join("sessions").display());
    std::fs::create_dir(folder.path().join("sessions")).unwrap();
    let endpoint = Endpoint::start(&store, &["resp", "--listen", "127.0.0.1:0"], 3);
    assert_eq!(endpoint.php(&script), "1");
    let status = Command::new(env!("CARGO_BIN_EXE_session"))
        .args(["--store", &store, "incr", "visitor", "n"])
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(endpoint.php(&script), "3");
}

#[test]
fn the_php_file_can_be_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_session"))
        .args(["endpoint", "prepend", "--listen", "127.0.0.1:9", "--print"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("<?php"));
    assert!(text.contains("'tcp://127.0.0.1:9'"));
}

#[test]
fn an_address_in_use_is_an_error_with_its_reason() {
    let endpoint = Endpoint::start("memory:", &["resp", "--listen", "127.0.0.1:0"], 3);
    let output = Command::new(env!("CARGO_BIN_EXE_session"))
        .args([
            "--store",
            "memory:",
            "endpoint",
            "resp",
            "--listen",
            &endpoint.address,
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&endpoint.address), "{text}");
}
