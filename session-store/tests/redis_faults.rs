//! What a request learns when Redis fails: in time, by name, with advice.
#![cfg(feature = "redis")]

mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use peers::{Redis, free_port};
use session_store::backend::redis::{RedisBackend, RedisOptions};
use session_store::{
    Backend, Change, CommitOptions, Committed, ErrorKind, LockOptions, ReadOptions, SessionId,
    StoreUrl,
};
use support::{TTL, assert_names_it, freeze};

fn backend(port: u16) -> RedisBackend {
    let url = format!("redis://127.0.0.1:{port}?timeout=1");
    RedisBackend::new(RedisOptions::from_url(&StoreUrl::parse(&url).unwrap()).unwrap()).unwrap()
}

fn name(port: u16) -> String {
    format!("redis at 127.0.0.1:{port}")
}

fn id() -> SessionId {
    SessionId::parse("user").unwrap()
}

fn soon() -> LockOptions {
    LockOptions::until(Instant::now() + Duration::from_secs(5))
}

async fn put(backend: &RedisBackend, bytes: &'static str) -> session_store::Result<Committed> {
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

async fn stored(backend: &RedisBackend) -> String {
    let entry = backend.load(&id(), ReadOptions::default()).await.unwrap();
    String::from_utf8(entry.unwrap().bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let port = free_port();
    let error = put(&backend(port), "n|i:1;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, &name(port));
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let redis = Redis::start();
    let backend = backend(redis.port);
    assert!(put(&backend, "n|i:1;").await.unwrap().is_done());
    freeze(&redis.peer);
    let asked = Instant::now();
    let error = put(&backend, "n|i:2;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Timeout, &name(redis.port));
    assert!(asked.elapsed() < Duration::from_secs(3));
    redis.peer.signal(Signal::SIGCONT);
    assert_eq!(stored(&backend).await, "n|i:1;");
}

#[tokio::test]
async fn a_restart_in_mid_request_loses_the_lease_and_writes_nothing() {
    let redis = Redis::start();
    let port = redis.port;
    let backend = backend(port);
    assert!(put(&backend, "n|i:1;").await.unwrap().is_done());
    let (mut lease, _) = backend.lock_and_load(&id(), soon()).await.unwrap();
    drop(redis);
    let options = CommitOptions::new(TTL);
    let error = backend
        .commit(&mut lease, Change::Put("n|i:2;".into()), options)
        .await
        .unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, &name(port));
    let _again = Redis::start_with(port, &[]);
    let outcome = backend
        .commit(&mut lease, Change::Put("n|i:2;".into()), options)
        .await;
    assert_eq!(outcome.unwrap(), Committed::Conflict);
    let entry = backend.load(&id(), ReadOptions::default()).await.unwrap();
    assert_eq!(entry, None);
}

#[tokio::test]
async fn a_full_server_keeps_what_it_has() {
    let redis = Redis::start();
    let backend = backend(redis.port);
    assert!(put(&backend, "n|i:1;").await.unwrap().is_done());
    let (mut lease, _) = backend.lock_and_load(&id(), soon()).await.unwrap();
    let _ = redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = backend
        .commit(
            &mut lease,
            Change::Put("n|i:2;".into()),
            CommitOptions::new(TTL),
        )
        .await
        .unwrap_err();
    assert_names_it(&error, ErrorKind::Full, &name(redis.port));
    backend.release(lease).await.unwrap();
    let error = backend.lock_and_load(&id(), soon()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Full, &name(redis.port));
    assert_eq!(stored(&backend).await, "n|i:1;");
}

#[tokio::test]
async fn a_replica_is_read_only() {
    let redis = Redis::start();
    assert!(put(&backend(redis.port), "n|i:1;").await.unwrap().is_done());
    let of = format!("127.0.0.1 {}", redis.port);
    let replica = Redis::start_with(
        free_port(),
        &["--replicaof", &of, "--repl-diskless-sync-delay", "0"],
    );
    peers::wait_until("the replica has the session", || {
        replica
            .cli(&["GET", "PHPREDIS_SESSION:user"])
            .contains("n|i:1;")
    });
    let error = put(&backend(replica.port), "n|i:2;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::ReadOnly, &name(replica.port));
    assert_eq!(stored(&backend(replica.port)).await, "n|i:1;");
}

#[tokio::test]
async fn a_wrong_password_is_denied() {
    let redis = Redis::start_with(free_port(), &["--requirepass", "secret"]);
    let error = put(&backend(redis.port), "n|i:1;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Denied, &name(redis.port));
    let url = format!("redis://:wrong@127.0.0.1:{}", redis.port);
    let wrong = RedisBackend::new(RedisOptions::from_url(&StoreUrl::parse(&url).unwrap()).unwrap())
        .unwrap();
    let error = put(&wrong, "n|i:1;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Denied, &name(redis.port));
    assert!(!format!("{error:?}").contains("wrong"));
    let url = format!("redis://:secret@127.0.0.1:{}", redis.port);
    let right = RedisBackend::new(RedisOptions::from_url(&StoreUrl::parse(&url).unwrap()).unwrap())
        .unwrap();
    assert!(put(&right, "n|i:1;").await.unwrap().is_done());
}

#[tokio::test]
async fn an_abandoned_wait_leaves_no_lock() {
    let redis = Redis::start();
    let backend = backend(redis.port);
    let id = id();
    for _ in 0..50 {
        let waiting = backend.lock_and_load(&id, soon());
        // The request is sent, its answer never seen.
        let _ = futures::poll!(waiting);
    }
    let (lease, _) = backend.lock_and_load(&id, soon()).await.unwrap();
    backend.release(lease).await.unwrap();
}
