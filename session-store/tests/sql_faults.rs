//! What a request learns when a database fails: in time, by name, with
//! advice, and with the session as it was.

#![cfg(all(feature = "postgres", feature = "mysql", feature = "sqlite"))]

mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use peers::{MariaDb, Postgres, wait_until};
use session_store::{ErrorKind, SessionId, Store};
use support::assert_names_it;

fn id() -> SessionId {
    SessionId::parse("user").unwrap()
}

/// A server that stopped answering, then goes on.
async fn goes_silent(url: &str, name: &str, signal: impl Fn(Signal)) {
    let store = Store::open(url).await.unwrap();
    let locked = store.lock(&id()).await.unwrap();
    assert!(locked.commit("user|i:7;").await.unwrap().is_done());
    signal(Signal::SIGSTOP);
    let asked = Instant::now();
    let error = store.read(&id()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Timeout, name);
    assert!(asked.elapsed() < Duration::from_secs(3));
    signal(Signal::SIGCONT);
    let entry = store.read(&id()).await.unwrap().unwrap();
    assert_eq!(entry.bytes, "user|i:7;");
}

/// A lock whose server ends, and a new request after that.
async fn goes_down(url: &str, name: &str, stop: impl FnOnce()) {
    let store = Store::open(url).await.unwrap();
    let locked = store.lock(&id()).await.unwrap();
    stop();
    let error = locked.commit("user|i:8;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, name);
    let error = store.read(&id()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, name);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_fails_by_name_and_in_time() {
    let server = Postgres::start();
    let url = server.url("&preset=symfony&timeout=1");
    let store = Store::open(&url).await.unwrap();
    let locked = store.lock(&id()).await.unwrap();
    assert!(locked.commit("user|i:7;").await.unwrap().is_done());
    server.sql("ALTER DATABASE test SET default_transaction_read_only = on");
    let read_only = Store::open(&url).await.unwrap();
    let error = read_only.lock(&id()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::ReadOnly, "PostgreSQL at");
    let entry = read_only.read(&id()).await.unwrap().unwrap();
    assert_eq!(entry.bytes, "user|i:7;");
    server.sql("BEGIN READ WRITE; ALTER DATABASE test RESET default_transaction_read_only; COMMIT");
    loses_its_connections(&url, &server).await;

    // Its children go on; who is new gets no answer.
    server.signal(Signal::SIGSTOP);
    let asked = Instant::now();
    let error = Store::open(&url).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Timeout, "PostgreSQL at");
    assert!(asked.elapsed() < Duration::from_secs(3));
    server.signal(Signal::SIGCONT);

    let socket = server.socket_folder().join(".s.PGSQL.5432");
    goes_down(&url, "PostgreSQL at", || {
        server.signal(Signal::SIGQUIT);
        wait_until("PostgreSQL is down", || !socket.exists());
    })
    .await;
}

/// What a restarted server is to its clients: the lock is lost with its
/// connection, the next request finds the session as it was.
async fn loses_its_connections(url: &str, server: &Postgres) {
    let store = Store::open(url).await.unwrap();
    let locked = store.lock(&id()).await.unwrap();
    server.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
         WHERE datname = 'test' AND pid <> pg_backend_pid()",
    );
    let error = locked.commit("user|i:8;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, "PostgreSQL at");
    let locked = store.lock(&id()).await.unwrap();
    assert_eq!(locked.data().unwrap(), "user|i:7;");
    assert!(locked.commit("user|i:7;").await.unwrap().is_done());
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_fails_by_name_and_in_time() {
    let server = MariaDb::start();
    let url = server.url("&preset=symfony&timeout=1");
    goes_silent(&url, "MySQL at", |signal| server.signal_all(signal)).await;
    server.sql("SET GLOBAL read_only = 1");
    let store = Store::open(&url).await.unwrap();
    let locked = store.lock(&id()).await;
    let error = match locked {
        Ok(locked) => locked.commit("user|i:9;").await.unwrap_err(),
        Err(error) => error,
    };
    assert_names_it(&error, ErrorKind::ReadOnly, "MySQL at");
    assert_eq!(store.read(&id()).await.unwrap().unwrap().bytes, "user|i:7;");
    server.sql("SET GLOBAL read_only = 0");
    goes_down(&url, "MySQL at", || server.signal_all(Signal::SIGKILL)).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let text = "this is not a database, and it must stay".repeat(50);
    std::fs::write(&path, &text).unwrap();
    let error = Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap_err();
    assert_names_it(&error, ErrorKind::Corrupt, "SQLite at");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}
