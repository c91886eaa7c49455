//! Databases that are killed, restarted or silent while a request runs: the
//! request learns it in time, the session is as it was, and the same store
//! goes on by itself.

#![cfg(all(feature = "postgres", feature = "mysql"))]

mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use peers::{MariaDb, Postgres};
use session_store::{Committed, ErrorKind, Result, SessionId, Store};
use support::assert_names_it;

/// Each way to lock.
const VARIANTS: [&str; 3] = [
    "&lease=2",
    "&preset=symfony&lock=row&table=by_row",
    "&preset=symfony&lock=named&table=by_name",
];

/// A server as these tests treat it.
trait Server {
    const NAME: &str;
    fn url(&self, params: &str) -> String;
    fn kill(&mut self);
    fn start_again(&mut self);
    fn signal_all(&self, signal: Signal);
}

macro_rules! server {
    ($server:ty, $name:literal) => {
        impl Server for $server {
            const NAME: &str = $name;

            fn url(&self, params: &str) -> String {
                self.url(params)
            }

            fn kill(&mut self) {
                self.kill();
            }

            fn start_again(&mut self) {
                self.start_again();
            }

            fn signal_all(&self, signal: Signal) {
                self.signal_all(signal);
            }
        }
    };
}

server!(Postgres, "PostgreSQL at");
server!(MariaDb, "MySQL at");

fn id() -> SessionId {
    SessionId::parse("user").unwrap()
}

async fn write(store: &Store, bytes: &'static str) -> Result<Committed> {
    store.lock(&id()).await?.commit(bytes).await
}

async fn assert_stored(store: &Store, bytes: &str) {
    let entry = store.read(&id()).await.unwrap().unwrap();
    assert_eq!(entry.bytes, bytes);
}

/// Killed under a lock; back before the request ends, or after.
async fn is_killed_and_back<S: Server>(server: &mut S, store: &Store) {
    assert!(write(store, "n|i:1;").await.unwrap().is_done());
    for is_back_in_time in [true, false] {
        let locked = store.lock(&id()).await.unwrap();
        server.kill();
        if is_back_in_time {
            server.start_again();
        }
        let asked = Instant::now();
        match locked.commit("n|i:2;").await {
            // A lease is a row, and outlives the server.
            Ok(Committed::Stored(_)) if is_back_in_time => {
                assert_stored(store, "n|i:2;").await;
                assert!(write(store, "n|i:1;").await.unwrap().is_done());
            }
            Ok(outcome) => assert_eq!(outcome, Committed::Conflict),
            Err(error) => assert_names_it(&error, ErrorKind::Unavailable, S::NAME),
        }
        if !is_back_in_time {
            let error = store.read(&id()).await.unwrap_err();
            assert_names_it(&error, ErrorKind::Unavailable, S::NAME);
            let error = write(store, "n|i:3;").await.unwrap_err();
            assert_names_it(&error, ErrorKind::Unavailable, S::NAME);
            assert!(asked.elapsed() < Duration::from_secs(3));
            server.start_again();
        }
        assert_stored(store, "n|i:1;").await;
        assert!(write(store, "n|i:4;").await.unwrap().is_done());
        assert!(write(store, "n|i:1;").await.unwrap().is_done());
    }
}

/// Killed while a second request waits for the lock.
async fn is_killed_under_a_waiter<S: Server>(server: &mut S, store: &Store, params: &str) {
    let other = Store::open(&server.url(params)).await.unwrap();
    let locked = store.lock(&id()).await.unwrap();
    let waiting = tokio::spawn(async move { write(&other, "n|i:9;").await });
    // Nothing tells from outside that it waits; either order holds.
    tokio::task::yield_now().await;
    server.kill();
    let asked = Instant::now();
    let error = waiting.await.unwrap().unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, S::NAME);
    assert!(asked.elapsed() < Duration::from_secs(3));
    let error = locked.commit("n|i:2;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Unavailable, S::NAME);
    server.start_again();
    assert_stored(store, "n|i:1;").await;
    assert!(write(store, "n|i:1;").await.unwrap().is_done());
}

/// Stopped under a lock, with every process that serves a client.
async fn is_silent_and_back<S: Server>(server: &mut S, store: &Store) {
    let locked = store.lock(&id()).await.unwrap();
    server.signal_all(Signal::SIGSTOP);
    let asked = Instant::now();
    let error = locked.commit("n|i:2;").await.unwrap_err();
    assert_names_it(&error, ErrorKind::Timeout, S::NAME);
    assert!(asked.elapsed() < Duration::from_secs(3));
    let asked = Instant::now();
    let error = store.read(&id()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Timeout, S::NAME);
    assert!(asked.elapsed() < Duration::from_secs(3));
    server.signal_all(Signal::SIGCONT);
    // A statement that was under way may have been carried out.
    let locked = store.lock(&id()).await.unwrap();
    let found = locked.data().map(|data| data.to_vec()).unwrap_or_default();
    assert!([&b"n|i:1;"[..], b"n|i:2;"].contains(&&*found), "{found:?}");
    assert!(locked.commit("n|i:3;").await.unwrap().is_done());
    assert_stored(store, "n|i:3;").await;
}

async fn goes_and_comes_back<S: Server>(mut server: S) {
    for variant in VARIANTS {
        println!("variant {variant}");
        let params = format!("{variant}&timeout=1");
        let store = Store::open(&server.url(&params)).await.unwrap();
        is_killed_and_back(&mut server, &store).await;
        is_killed_under_a_waiter(&mut server, &store, &params).await;
        is_silent_and_back(&mut server, &store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_goes_and_comes_back() {
    goes_and_comes_back(Postgres::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_goes_and_comes_back() {
    goes_and_comes_back(MariaDb::start()).await;
}
