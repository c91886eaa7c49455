//! What a request learns when memcached fails: in time, by name, with advice.
#![cfg(feature = "memcached")]

mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use peers::{Memcached, free_port};
use session_store::backend::memcached::{MemcachedBackend, MemcachedOptions};
use session_store::{
    Backend, Change, CommitOptions, Committed, ErrorKind, LockOptions, ReadOptions, SessionId,
    StoreUrl,
};
use support::{TTL, assert_names_it, freeze};

fn backend(port: u16) -> MemcachedBackend {
    let url = format!("memcached://127.0.0.1:{port}?timeout=1");
    MemcachedBackend::new(MemcachedOptions::from_url(&StoreUrl::parse(&url).unwrap()).unwrap())
        .unwrap()
}

fn name(port: u16) -> String {
    format!("memcached at 127.0.0.1:{port}")
}

fn id() -> SessionId {
    SessionId::parse("user").unwrap()
}

fn soon() -> LockOptions {
    LockOptions::until(Instant::now() + Duration::from_secs(5))
}

async fn put(backend: &MemcachedBackend, bytes: Vec<u8>) -> session_store::Result<Committed> {
    let (mut lease, _) = backend.lock_and_load(&id(), soon()).await?;
    let change = Change::Put(bytes.into());
    let committed = backend
        .commit(&mut lease, change, CommitOptions::new(TTL))
        .await;
    if committed.is_err() {
        let _ = backend.release(lease).await;
    }
    committed
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let port = free_port();
    let error = put(&backend(port), b"a".into()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, &name(port));
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let server = Memcached::start();
    let backend = backend(server.port);
    assert!(put(&backend, b"a".into()).await.unwrap().is_done());
    freeze(&server.peer);
    let asked = Instant::now();
    let error = put(&backend, b"b".into()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Timeout, &name(server.port));
    assert!(asked.elapsed() < Duration::from_secs(3));
    server.peer.signal(Signal::SIGCONT);
    let entry = backend.load(&id(), ReadOptions::default()).await.unwrap();
    assert_eq!(entry.unwrap().bytes, "a");
}

#[tokio::test]
async fn a_restart_in_mid_request_revives_nothing() {
    let server = Memcached::start();
    let port = server.port;
    let backend = backend(port);
    assert!(put(&backend, b"a".into()).await.unwrap().is_done());
    let (mut lease, _) = backend.lock_and_load(&id(), soon()).await.unwrap();
    drop(server);
    let options = CommitOptions::new(TTL);
    let change = Change::Put("b".into());
    let error = backend.commit(&mut lease, change.clone(), options).await;
    assert_names_it(&error.unwrap_err(), ErrorKind::Unavailable, &name(port));
    let _again = Memcached::start_with(port, &[]);
    let outcome = backend.commit(&mut lease, change, options).await.unwrap();
    assert_eq!(outcome, Committed::Conflict);
    let entry = backend.load(&id(), ReadOptions::default()).await.unwrap();
    assert_eq!(entry, None);
}

#[tokio::test]
async fn a_session_above_the_servers_limit_leaves_the_old_one() {
    let server = Memcached::start();
    let backend = backend(server.port);
    assert!(put(&backend, b"a".into()).await.unwrap().is_done());
    let error = put(&backend, vec![b'x'; 2 << 20]).await.unwrap_err();
    assert_names_it(&error, ErrorKind::TooLarge, &name(server.port));
    let entry = backend.load(&id(), ReadOptions::default()).await.unwrap();
    assert_eq!(entry.unwrap().bytes, "a");
}

#[tokio::test]
async fn a_full_server_that_may_not_evict_says_so() {
    let server = Memcached::start_with(free_port(), &["-M", "-m", "2"]);
    let backend = backend(server.port);
    let mut outcome = Ok(());
    for number in 0..10_000 {
        let id = SessionId::parse(&format!("filler{number}")).unwrap();
        let created = backend.create(&id, vec![b'x'; 10_000].into(), TTL).await;
        outcome = created.map(drop);
        if outcome.is_err() {
            break;
        }
    }
    assert_names_it(&outcome.unwrap_err(), ErrorKind::Full, &name(server.port));
}

#[tokio::test]
async fn an_abandoned_wait_leaves_no_lock() {
    let server = Memcached::start();
    let backend = backend(server.port);
    let id = id();
    assert!(put(&backend, b"a".into()).await.unwrap().is_done());
    for _ in 0..20 {
        let waiting = backend.lock_and_load(&id, soon());
        // The request is sent, its answer never seen.
        let _ = futures::poll!(waiting);
    }
    let (lease, _) = backend.lock_and_load(&id, soon()).await.unwrap();
    backend.release(lease).await.unwrap();
}
