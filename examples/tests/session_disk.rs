//! `session` on a disk that is full or takes no writes: exit code 3, a
//! message that names the place and what to do, the old session unharmed.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use peers::{Disk, in_own_mounts};

/// A store of each kind that keeps files, and what its errors name.
fn stores(folder: &Path) -> [(String, String); 3] {
    let at = folder.display();
    [
        (format!("files:{at}"), format!("files at {at}")),
        (format!("redb:{at}/a.redb"), format!("redb at {at}/a.redb")),
        (format!("sqlite:{at}/a.db"), format!("SQLite at {at}/a.db")),
    ]
}

fn session(store: &str, arguments: &[&str]) -> Output {
    let mut session = Command::new(env!("CARGO_BIN_EXE_session"));
    let session = session.args(["--store", store]).args(arguments);
    session.output().expect("session starts")
}

#[track_caller]
fn run(store: &str, arguments: &[&str]) -> String {
    let done = session(store, arguments);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{store}: {errors}");
    String::from_utf8(done.stdout).unwrap()
}

#[track_caller]
fn assert_refused(store: &str, arguments: &[&str], says: [&str; 3]) {
    let asked = Instant::now();
    let done = session(store, arguments);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(3), "{store}: {errors}");
    for part in says {
        assert!(errors.contains(part), "{store}: {errors}");
    }
    assert!(asked.elapsed() < Duration::from_secs(4), "{store}");
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    in_own_mounts("a_full_disk_is_named_and_loses_nothing", || {
        let large = format!("\"{}\"", "x".repeat(120_000));
        for number in 0..3 {
            let disk = Disk::mount("8m");
            let (store, name) = &stores(&disk.path())[number];
            run(store, &["set", "abc", "v", "\"old\""]);
            disk.fill();
            let says = [name, "no space is left", "free space there"];
            assert_refused(store, &["set", "abc", "v", &large], says);
            assert_refused(store, &["set", "new", "v", &large], says);
            assert!(run(store, &["get", "abc"]).contains("\"v\": \"old\""));
            assert_eq!(run(store, &["list"]), "abc\n");
            disk.free();
            run(store, &["set", "abc", "v", &large]);
            assert!(run(store, &["get", "abc"]).contains(&large));
        }
    });
}

#[test]
fn a_read_only_disk_is_named_and_can_be_read() {
    in_own_mounts("a_read_only_disk_is_named_and_can_be_read", || {
        let disk = Disk::mount("16m");
        for (store, _) in stores(&disk.path()) {
            run(&store, &["set", "abc", "v", "\"old\""]);
        }
        for (store, name) in stores(&disk.read_only()) {
            let says = [&name, "it takes no writes", "make it writable"];
            assert_refused(&store, &["set", "abc", "v", "1"], says);
            assert_refused(&store, &["destroy", "abc"], says);
            assert!(run(&store, &["get", "abc"]).contains("\"v\": \"old\""));
            assert_eq!(run(&store, &["list"]), "abc\n");
        }
    });
}
