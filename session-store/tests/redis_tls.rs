//! Redis over TLS: one server, behind Sentinel and as a Cluster; and what a
//! wrong certificate, a wrong name or a missing one is called.
#![cfg(feature = "redis-tls")]

mod support;

use std::error::Error as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use peers::{Authority, Peer, Redis, free_port, tool, wait_for_port, wait_until};
use session_store::{ErrorKind, SessionId, Store};
use support::assert_names_it;

/// Settings of a server that shows this certificate at a port of its own.
fn settings(authority: &Authority, name: &str, port: u16, asks_clients: bool) -> Vec<String> {
    let (certificate, key) = authority.sign(name);
    let file = |path: &Path| path.to_str().unwrap().to_owned();
    [
        ("--tls-port", port.to_string()),
        ("--tls-cert-file", file(&certificate)),
        ("--tls-key-file", file(&key)),
        ("--tls-ca-cert-file", file(&authority.certificate())),
        (
            "--tls-auth-clients",
            if asks_clients { "yes" } else { "no" }.to_owned(),
        ),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}

fn start(settings: &[String], more: &[&str]) -> Redis {
    let mut all: Vec<&str> = settings.iter().map(String::as_str).collect();
    all.extend(more);
    Redis::start_with(free_port(), &all)
}

async fn counts(store: &Store) {
    let id = SessionId::parse("user").unwrap();
    for _ in 0..3 {
        let locked = store.lock(&id).await.unwrap();
        let next = locked.data().map_or(1, |data| data.len() + 1);
        assert!(locked.commit("x".repeat(next)).await.unwrap().is_done());
    }
    assert_eq!(store.read(&id).await.unwrap().unwrap().bytes, "xxx");
    assert_eq!(store.list(10).await.unwrap(), ["user"]);
}

#[tokio::test]
async fn one_server() {
    let authority = Authority::new();
    let port = free_port();
    let _redis = start(&settings(&authority, "IP:127.0.0.1", port, false), &[]);
    let ca = authority.certificate();
    let url = format!("rediss://127.0.0.1:{port}?cacert={}", ca.display());
    counts(&Store::open(&url).await.unwrap()).await;
}

#[tokio::test]
async fn a_server_that_asks_who_it_is() {
    let authority = Authority::new();
    let port = free_port();
    let _redis = start(&settings(&authority, "IP:127.0.0.1", port, true), &[]);
    let ca = authority.certificate();
    let nobody = format!("rediss://127.0.0.1:{port}?cacert={}", ca.display());
    let store = Store::open(&nobody).await.unwrap();
    let error = store.list(1).await.unwrap_err();
    assert_names_it(
        &error,
        ErrorKind::Denied,
        &format!("redis at 127.0.0.1:{port}"),
    );
    let (certificate, key) = authority.sign("DNS:client");
    let somebody = format!(
        "{nobody}&cert={}&key={}",
        certificate.display(),
        key.display()
    );
    counts(&Store::open(&somebody).await.unwrap()).await;
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_not_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let port = free_port();
    let name = format!("redis at 127.0.0.1:{port}");
    let _redis = start(
        &settings(&authority, "DNS:elsewhere.example", port, false),
        &[],
    );
    for (ca, says) in [(&other, "UnknownIssuer"), (&authority, "elsewhere.example")] {
        let ca = ca.certificate();
        let url = format!("rediss://127.0.0.1:{port}?cacert={}", ca.display());
        let store = Store::open(&url).await.unwrap();
        let error = store.list(1).await.unwrap_err();
        assert_names_it(&error, ErrorKind::Untrusted, &name);
        let source = error.source().unwrap().to_string();
        assert!(source.contains(says), "{source}");
    }
    // The system trusts neither.
    let store = Store::open(&format!("rediss://127.0.0.1:{port}"))
        .await
        .unwrap();
    let error = store.list(1).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Untrusted, &name);
}

#[tokio::test]
async fn one_side_without_tls_fails_in_time() {
    let authority = Authority::new();
    let port = free_port();
    let redis = start(&settings(&authority, "IP:127.0.0.1", port, false), &[]);
    let ca = authority.certificate().display().to_string();
    let plain = redis.port;
    for (url, at) in [
        (
            format!("rediss://127.0.0.1:{plain}?timeout=1&cacert={ca}"),
            plain,
        ),
        (format!("redis://127.0.0.1:{port}?timeout=1"), port),
    ] {
        let store = Store::open(&url).await.unwrap();
        let asked = Instant::now();
        let error = store.list(1).await.unwrap_err();
        assert!(asked.elapsed() < Duration::from_secs(10));
        // Redis 7 takes a TLS hello for the start of a long command and waits;
        // one that closes the connection instead is as good.
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Timeout | ErrorKind::Unavailable),
            "{error:?}"
        );
        assert_names_it(&error, kind, &format!("redis at 127.0.0.1:{at}"));
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let authority = Authority::new();
    let ca = authority.certificate();
    for (params, says) in [
        ("cacert=/nonexistent.pem".to_owned(), "/nonexistent.pem"),
        (format!("cacert={}", empty.display()), "no PEM file"),
        (format!("cert={}", ca.display()), "belong together"),
    ] {
        let error = Store::open(&format!("rediss://h?{params}"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{params}");
        let source = error.source().unwrap().to_string();
        assert!(source.contains(says), "{source}");
    }
}

#[tokio::test]
async fn behind_a_sentinel() {
    let authority = Authority::new();
    let (primary_port, port) = (free_port(), free_port());
    let of_primary = settings(&authority, "IP:127.0.0.1", primary_port, false);
    let _primary = start(&of_primary, &["--tls-replication", "yes"]);
    let folder = Peer::folder();
    let config = folder.path().join("sentinel.conf");
    let mut text = format!(
        "port 0\nbind 127.0.0.1\ntls-replication yes\ndir {}\n\
         sentinel monitor sessions 127.0.0.1 {primary_port} 1\n",
        folder.path().display()
    );
    for pair in settings(&authority, "IP:127.0.0.1", port, false).chunks(2) {
        text.push_str(&format!(
            "{} {}\n",
            pair[0].trim_start_matches('-'),
            pair[1]
        ));
    }
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(tool("redis-sentinel", "redis-sentinel"));
    command.arg(&config);
    let _sentinel = Peer::start(command, folder);
    wait_for_port(port);
    let ca = authority.certificate();
    let url = format!(
        "rediss+sentinel://127.0.0.1:{port}/sessions?cacert={}",
        ca.display()
    );
    counts(&Store::open(&url).await.unwrap()).await;
}

#[tokio::test]
async fn a_cluster() {
    let authority = Authority::new();
    let (port, bus) = (free_port(), free_port().to_string());
    let settings = settings(&authority, "IP:127.0.0.1", port, false);
    let node = start(
        &settings,
        &[
            "--cluster-announce-ip",
            "127.0.0.1",
            "--tls-cluster",
            "yes",
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus,
        ],
    );
    let _ = node.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    wait_until("the cluster is whole", || {
        node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    });
    let ca = authority.certificate();
    let url = format!("rediss+cluster://127.0.0.1:{port}?cacert={}", ca.display());
    counts(&Store::open(&url).await.unwrap()).await;
}
