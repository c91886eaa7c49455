//! A start that fails says why, and with which exit code.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::support::{Serve, Site, command};

fn run(args: &[&str]) -> Output {
    command()
        .args(["--listen", "127.0.0.1:0"])
        .args(args)
        .output()
        .unwrap()
}

#[track_caller]
fn assert_fails(output: &Output, code: i32, texts: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for text in texts {
        assert!(stderr.contains(text), "{text:?} in {stderr}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_command_line_is_explained() {
    assert_fails(&run(&["--no-such-option"]), 2, &["--no-such-option"]);
    assert_fails(&run(&["--queue-timeout", "soon"]), 2, &["250ms"]);
    let help = run(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.contains("Exit codes:") && text.contains("--exclusive-cookie"));
    let version = String::from_utf8(run(&["--version"]).stdout).unwrap();
    assert_eq!(version, concat!("serve ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn missing_root_is_named() {
    assert_fails(
        &run(&["/no/such/root"]),
        3,
        &["/no/such/root", "does not exist"],
    );
    let site = Site::new(&[("file", "")]);
    let file = site.join("file");
    assert_fails(&run(&[file.to_str().unwrap()]), 3, &["not a folder"]);
    assert_fails(
        &run(&["--vhost", "a=/no/such/vhost"]),
        3,
        &["/no/such/vhost"],
    );
}

#[test]
fn taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = command().args(["--listen", &address]).output().unwrap();
    assert_fails(&output, 4, &[&address, "is taken"]);
}

#[test]
fn missing_php_has_an_apt_line() {
    let output = command()
        .env("PATH", "/nonexistent")
        .args(["--listen", "127.0.0.1:0"])
        .output();
    assert_fails(&output.unwrap(), 5, &["php-cgi", "apt-get install php-cgi"]);
    assert_fails(&run(&["--php", "/no/such/php"]), 5, &["/no/such/php"]);
}

#[test]
fn workers_that_do_not_start_are_reported() {
    let site = Site::new(&[("php-broken", "#!/bin/sh\nexit 3\n")]);
    let program = site.join("php-broken");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    assert_fails(
        &run(&["--php", program.to_str().unwrap()]),
        6,
        &["do not start"],
    );
}

#[test]
fn wrong_configuration_is_named_with_its_line() {
    let site = Site::new(&[(
        "fpm.conf",
        "[www]\nlisten = /tmp/x\npm = static\npm.max_children = many\n",
    )]);
    let file = site.join("fpm.conf");
    let file = file.to_str().unwrap();
    assert_fails(&run(&["--config", file]), 7, &["fpm.conf:4"]);
    assert_fails(&run(&["--config", "/no/such.conf"]), 7, &["/no/such.conf"]);
    assert_fails(&run(&["--tls-cert", file, "--tls-key", file]), 7, &["TLS"]);
    assert_fails(
        &run(&["--access-log", "/no/such/folder/log"]),
        8,
        &["/no/such/folder/log"],
    );
}

#[test]
fn configuration_sets_up_the_workers() {
    let site = Site::new(&[
        (
            "root/i.php",
            "<?php echo ini_get('memory_limit'), ' ', getenv('COLOUR'), ' ', ini_get('precision'), ' ', getcwd();",
        ),
        (
            "fpm.conf",
            "[one]\nlisten = /tmp/one\npm = static\npm.max_children = 1\n\
            [two]\nlisten = /tmp/two\npm = ondemand\npm.max_children = 3\nenv[COLOUR] = green\n\
            php_admin_value[memory_limit] = 77M\nphp_value[precision] = 11\n",
        ),
    ]);
    let (root, file) = (site.join("root"), site.join("fpm.conf"));
    let serve = Serve::start([
        root.to_str().unwrap(),
        "--config",
        file.to_str().unwrap(),
        "--pool",
        "two",
        "--status-path",
        "/status",
    ]);
    assert_eq!(
        serve.get("/i.php").text(),
        format!("77M green 11 {}", root.display())
    );
    let status = serve.status();
    assert_eq!(status["pool"]["name"], "two");
    assert_eq!(status["pool"]["process_manager"], "ondemand");
    assert_eq!(status["pool"]["max_children"], 3);
}
