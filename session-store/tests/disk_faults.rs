//! What a request learns when the disk is full or takes no writes, on every
//! backend that keeps files: by kind, by name, in time, with the old session
//! as it was; and that the same store works once there is space again.

#![cfg(all(feature = "files", feature = "redb", feature = "sqlite"))]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use peers::{Disk, in_own_mounts};
use session_store::{Committed, ErrorKind, Result, SessionId, Store};
use support::assert_names_it;

const OLD: &str = "user|i:7;";

/// A store of each kind in a folder, and what its errors name.
fn stores(folder: &Path) -> Vec<(String, String)> {
    let at = folder.display();
    let mut stores = vec![
        (format!("files:{at}"), format!("files at {at}")),
        (format!("redb:{at}/a.redb"), format!("redb at {at}/a.redb")),
    ];
    for preset in [
        "lease=9",
        "preset=symfony",
        "preset=laravel",
        "preset=drupal",
    ] {
        let path = format!("{at}/{}.db", preset.replace('=', "-"));
        stores.push((
            format!("sqlite:{path}?{preset}"),
            format!("SQLite at {path}"),
        ));
    }
    stores
}

fn id() -> SessionId {
    SessionId::parse("user").unwrap()
}

async fn write(store: &Store, bytes: impl Into<bytes::Bytes>) -> Result<Committed> {
    store.lock(&id()).await?.commit(bytes).await
}

async fn assert_old(store: &Store) {
    let entry = store.read(&id()).await.unwrap().unwrap();
    assert_eq!(entry.bytes, OLD);
}

/// More than is left even in pages that are allocated already.
fn large() -> Vec<u8> {
    format!("v|s:600000:\"{}\";", "x".repeat(600_000)).into_bytes()
}

#[tokio::main(flavor = "current_thread")]
async fn fills_up(url: &str, name: &str, disk: &Disk) {
    let store = Store::open(url).await.unwrap();
    assert!(write(&store, OLD).await.unwrap().is_done());
    disk.fill();
    for _ in 0..2 {
        let asked = Instant::now();
        let error = write(&store, large()).await.unwrap_err();
        assert_names_it(&error, ErrorKind::Full, name);
        assert!(asked.elapsed() < Duration::from_secs(3), "{url}");
        assert_old(&store).await;
    }
    let error = store.create(large()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Full, name);
    disk.free();
    assert!(write(&store, large()).await.unwrap().is_done(), "{url}");
    assert_eq!(store.read(&id()).await.unwrap().unwrap().bytes, large());
}

#[test]
fn a_full_disk_keeps_the_session_and_works_again() {
    in_own_mounts("a_full_disk_keeps_the_session_and_works_again", || {
        for number in 0..stores(Path::new("/")).len() {
            let disk = Disk::mount("8m");
            let (url, name) = stores(&disk.path()).swap_remove(number);
            println!("{url}");
            fills_up(&url, &name, &disk);
        }
    });
}

/// A disk that fills up while a request has its session locked.
#[tokio::main(flavor = "current_thread")]
async fn fills_up_under_a_lock(url: &str, name: &str, disk: &Disk) {
    let store = Store::open(url).await.unwrap();
    assert!(write(&store, OLD).await.unwrap().is_done());
    let locked = store.lock(&id()).await.unwrap();
    disk.fill();
    let error = locked.commit(large()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Full, name);
    assert_old(&store).await;
    disk.free();
    // Its lock was given back, or is now.
    let asked = Instant::now();
    assert!(write(&store, large()).await.unwrap().is_done(), "{url}");
    assert!(asked.elapsed() < Duration::from_secs(3), "{url}");
}

#[test]
fn a_disk_that_fills_up_under_a_lock_keeps_the_session_and_not_the_lock() {
    in_own_mounts(
        "a_disk_that_fills_up_under_a_lock_keeps_the_session_and_not_the_lock",
        || {
            for number in 0..stores(Path::new("/")).len() {
                let disk = Disk::mount("8m");
                let (url, name) = stores(&disk.path()).swap_remove(number);
                println!("{url}");
                fills_up_under_a_lock(&url, &name, &disk);
            }
        },
    );
}

/// A disk that is full from the start, as the next process finds it.
#[tokio::main(flavor = "current_thread")]
async fn opens_full(url: &str, name: &str, disk: &Disk) {
    let store = Store::open(url).await.unwrap();
    assert!(write(&store, OLD).await.unwrap().is_done());
    drop(store);
    disk.fill();
    let store = Store::open(url).await.unwrap();
    assert_old(&store).await;
    let error = write(&store, large()).await.unwrap_err();
    assert_names_it(&error, ErrorKind::Full, name);
    drop(store);
    let store = Store::open(url).await.unwrap();
    assert_old(&store).await;
    disk.free();
    assert!(write(&store, large()).await.unwrap().is_done(), "{url}");
}

#[test]
fn a_disk_that_is_full_already_can_be_read() {
    in_own_mounts("a_disk_that_is_full_already_can_be_read", || {
        for number in 0..stores(Path::new("/")).len() {
            let disk = Disk::mount("8m");
            let (url, name) = stores(&disk.path()).swap_remove(number);
            println!("{url}");
            opens_full(&url, &name, &disk);
        }
    });
}

#[tokio::main(flavor = "current_thread")]
async fn takes_no_writes(disk: &Disk) {
    let writable = stores(&disk.path());
    for (url, _) in &writable {
        let store = Store::open(url).await.unwrap();
        assert!(write(&store, OLD).await.unwrap().is_done());
    }
    let view = disk.read_only();
    for (url, name) in &stores(&view) {
        println!("{url}");
        let store = Store::open(url).await.unwrap();
        assert_old(&store).await;
        assert_eq!(store.list(10).await.unwrap().len(), 1);
        let asked = Instant::now();
        let error = write(&store, "user|i:8;").await.unwrap_err();
        assert_names_it(&error, ErrorKind::ReadOnly, name);
        let error = store.create("user|i:8;").await.unwrap_err();
        assert_names_it(&error, ErrorKind::ReadOnly, name);
        let error = store.destroy(&id()).await.unwrap_err();
        assert_names_it(&error, ErrorKind::ReadOnly, name);
        assert!(asked.elapsed() < Duration::from_secs(3), "{url}");
        assert_old(&store).await;
    }
    for (url, _) in &writable {
        let store = Store::open(url).await.unwrap();
        assert_old(&store).await;
        assert!(write(&store, "user|i:8;").await.unwrap().is_done());
    }
}

#[test]
fn a_read_only_disk_can_be_read_and_says_so() {
    in_own_mounts("a_read_only_disk_can_be_read_and_says_so", || {
        takes_no_writes(&Disk::mount("16m"));
    });
}

#[tokio::main(flavor = "current_thread")]
async fn holds_nothing_yet(view: &Path) {
    for (url, name) in &stores(view) {
        println!("{url}");
        let error = match Store::open(url).await {
            Ok(store) => write(&store, OLD).await.unwrap_err(),
            Err(error) => error,
        };
        assert_names_it(&error, ErrorKind::ReadOnly, name);
    }
}

#[test]
fn an_empty_read_only_disk_says_so_too() {
    in_own_mounts("an_empty_read_only_disk_says_so_too", || {
        let disk = Disk::mount("1m");
        holds_nothing_yet(&disk.read_only());
    });
}
