//! The examples of hosts run, and do what they say.
#![cfg(feature = "http")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::Site;

/// The example's program, built with the tests; on its own this test builds
/// it.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let program = target.join("examples").join(name);
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "-p",
            "fpm-pool",
            "--all-features",
            "--example",
            name,
        ]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        build.arg("--target-dir").arg(target.parent().unwrap());
        assert!(build.status().unwrap().success());
    }
    program
}

/// A host of a folder; ended when dropped.
struct Host {
    child: Child,
    address: String,
}

impl Host {
    fn start(example: &str, site: &Site) -> Self {
        let mut child = Command::new(program(example))
            .arg(site.root())
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn site() -> Site {
    let who = "<?php echo 'php for ', $_SERVER['REMOTE_ADDR'];";
    Site::new(&[("index.php", who), ("style.css", "a{}")])
}

#[test]
fn axum_hosts_php_beside_rust() {
    let site = site();
    let host = Host::start("axum", &site);
    assert!(host.get("/api").ends_with("Rust"));
    for path in ["/", "/any/route"] {
        let answer = host.get(path);
        assert!(answer.contains("php for 127.0.0.1"), "{answer}");
    }
    assert!(host.get("/style.css").ends_with("a{}"));
}

#[test]
fn hyper_hosts_php() {
    let site = site();
    let host = Host::start("hyper", &site);
    let answer = host.get("/");
    assert!(answer.contains("php for 127.0.0.1"), "{answer}");
    assert!(host.get("/style.css").ends_with("a{}"));
    assert!(host.get("/nothing").starts_with("HTTP/1.1 404"));
}

#[test]
fn server_of_ones_own_hosts_php() {
    let site = site();
    let run = |path: &str| {
        let mut own_server = Command::new(program("own_server"));
        let output = own_server.arg(site.root()).arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run("/"), "php for unix:200\n");
    assert_eq!(run("/style.css"), "404\n");
}

/// The most memory that the process has had, in bytes.
fn peak_memory(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[test]
fn gigabyte_passes_both_ways_in_bounded_memory() {
    const LENGTH: u64 = 1 << 30;
    let count = "<?php $n = 0; $in = fopen('php://input', 'r'); \
        while (($d = fread($in, 1 << 20)) !== '' && $d !== false) { $n += strlen($d); } echo $n;";
    let send = "<?php header('Content-Length: ' . (1 << 30)); $d = str_repeat('x', 1 << 20); \
        for ($i = 0; $i < 1024; $i++) echo $d;";
    let site = Site::new(&[("count.php", count), ("send.php", send)]);
    let host = Host::start("axum", &site);
    let mut upload = TcpStream::connect(&host.address).unwrap();
    let head = format!(
        "PUT /count.php HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n"
    );
    upload.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..LENGTH >> 20 {
        upload.write_all(&piece).unwrap();
    }
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(&LENGTH.to_string()), "{answer}");

    let mut download = TcpStream::connect(&host.address).unwrap();
    let head = "GET /send.php HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    download.write_all(head.as_bytes()).unwrap();
    let got = std::io::copy(&mut download, &mut std::io::sink()).unwrap();
    assert!(got > LENGTH && got < LENGTH + 4096, "{got}");
    let peak = peak_memory(&host.child);
    assert!(peak < 64 << 20, "{peak} bytes");
}

/// A copy of DokuWiki from its package, not installed yet.
fn dokuwiki(site: &Site) {
    let package = Path::new("/usr/share/dokuwiki");
    assert!(
        package.exists(),
        "run: apt-get install --no-install-recommends dokuwiki"
    );
    let wiki = site.path("wiki");
    let script = "cp -rL $0/. $1/ && rm -f $1/inc/preload.php $1/.htaccess && mkdir -p $1/conf && \
        for f in /etc/dokuwiki/*; do [ -L $f ] || cp -r $f $1/conf/; done; \
        rm -f $1/conf/local.php && sed -i \"s,'/var/lib/dokuwiki/data','./data',\" $1/conf/dokuwiki.php && \
        for d in attic cache index locks log media media_attic media_meta meta pages tmp; \
        do mkdir -p $1/data/$d; done";
    fs::create_dir(&wiki).unwrap();
    let mut copy = Command::new("sh");
    copy.args(["-ec", script]).arg(package).arg(&wiki);
    assert!(copy.status().unwrap().success());
}

#[test]
fn dokuwiki_and_adminer_run_beside_rust() {
    let site = Site::new(&[(
        "adminer/index.php",
        "<?php include '/usr/share/adminer/adminer.php';",
    )]);
    dokuwiki(&site);
    let host = Host::start("axum", &site);
    assert!(host.get("/api").ends_with("Rust"));
    let login = host.get("/adminer/");
    assert!(login.contains("auth[username]"), "{login}");
    let installer = host.get("/wiki/install.php");
    assert!(installer.contains("DokuWiki Installer"), "{installer}");
    let start = host.get("/wiki/doku.php/start?do=show");
    assert!(start.starts_with("HTTP/1.1 200"), "{start}");
    let file = host.get("/wiki/lib/tpl/dokuwiki/css/basic.less");
    assert!(file.starts_with("HTTP/1.1 200"), "{file}");
}
