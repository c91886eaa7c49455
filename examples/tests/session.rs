//! `session`: what a shell sees of a store, and processes that count
//! together.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use peers::tool;

fn session(store: &str, arguments: &[&str]) -> Command {
    let mut session = Command::new(env!("CARGO_BIN_EXE_session"));
    session.args(["--store", store]).args(arguments);
    session
}

#[track_caller]
fn run(store: &str, arguments: &[&str]) -> String {
    let done = session(store, arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(done.stdout).unwrap()
}

#[track_caller]
fn assert_fails(done: &Output, code: i32, says: &str) {
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{errors}");
    assert!(errors.contains(says), "{errors}");
}

/// A store of each kind that needs no server.
fn stores(folder: &Path) -> Vec<String> {
    let at = folder.display();
    vec![
        format!("files:{at}"),
        format!("redb:{at}/sessions.redb"),
        format!("sqlite:{at}/native.db"),
        format!("sqlite:{at}/symfony.db?preset=symfony"),
        format!("sqlite:{at}/laravel.db?preset=laravel"),
        format!("sqlite:{at}/drupal.db?preset=drupal"),
    ]
}

#[test]
fn every_command_works_on_every_local_store() {
    let folder = tempfile::tempdir().unwrap();
    for store in &stores(folder.path()) {
        run(
            store,
            &["set", "abc", "user", r#"{"name":"Zoë","ids":[1,2]}"#],
        );
        run(store, &["incr", "abc", "n", "--times", "3"]);
        let shown: serde_json::Value = serde_json::from_str(&run(store, &["get", "abc"])).unwrap();
        let expected = serde_json::json!({"user": {"name": "Zoë", "ids": [1, 2]}, "n": 3});
        assert_eq!(shown, expected, "{store}");
        assert_eq!(run(store, &["list"]).lines().count(), 1, "{store}");
        assert_eq!(run(store, &["gc"]), "0\n");

        run(store, &["convert", "--to", "igbinary", "abc"]);
        let again = run(store, &["--handler", "igbinary", "get", "abc"]);
        let again: serde_json::Value = serde_json::from_str(&again).unwrap();
        assert_eq!(again, expected, "{store}");

        run(store, &["destroy", "abc"]);
        let missing = session(store, &["get", "abc"]).output().unwrap();
        assert_fails(&missing, 1, "no such session");
        assert_eq!(run(store, &["list"]), "");
    }
}

#[test]
fn eight_processes_lose_no_increment() {
    let folder = tempfile::tempdir().unwrap();
    // The stores wait for the disk, so they do it side by side.
    std::thread::scope(|scope| {
        for store in stores(folder.path()) {
            scope.spawn(move || count_to_400(&store));
        }
    });
}

#[track_caller]
fn count_to_400(store: &str) {
    let children: Vec<Child> = (0..8)
        .map(|_| {
            session(store, &["incr", "race", "n", "--times", "50"])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let done = child.wait_with_output().unwrap();
        let report = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{store}: {report}");
        assert!(report.contains("longest wait"), "{report}");
    }
    assert_eq!(run(store, &["incr", "race", "n"]), "401\n", "{store}");
}

/// `session` where no file may be larger than so many kilobytes.
fn session_with_file_limit(kilobytes: u32, store: &str, arguments: &[&str]) -> Output {
    // The signal that comes with the limit is ignored, which leaves an error.
    let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
    Command::new(tool("bash", "bash"))
        .args(["-c", &script, env!("CARGO_BIN_EXE_session")])
        .args(["--store", store])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_leaves_the_session_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("files:{}", folder.path().display());
    run(&store, &["set", "abc", "v", "\"old\""]);
    let before = std::fs::read(folder.path().join("sess_abc")).unwrap();
    let large = format!("\"{}\"", "x".repeat(3000));
    let refused = session_with_file_limit(1, &store, &["set", "abc", "v", &large]);
    assert_fails(&refused, 3, "store less in the session");
    assert_fails(&refused, 3, &folder.path().display().to_string());
    assert_eq!(
        std::fs::read(folder.path().join("sess_abc")).unwrap(),
        before
    );
}

#[test]
fn a_database_that_cannot_grow_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let large = format!("\"{}\"", "x".repeat(100_000));
    for (store, name) in [
        (format!("redb:{at}/sessions.redb"), "redb at"),
        (format!("sqlite:{at}/app.db"), "SQLite at"),
    ] {
        run(&store, &["set", "first", "v", "\"old\""]);
        let refused = (0..100).find_map(|turn| {
            let arguments = ["set", &format!("s{turn}"), "v", &large];
            let done = session_with_file_limit(4000, &store, &arguments);
            (!done.status.success()).then_some(done)
        });
        let refused = refused.expect("4 MB hold no 10 MB");
        assert_fails(&refused, 3, name);
        assert_fails(&refused, 3, "no space is left");
        assert!(run(&store, &["get", "first"]).contains("\"v\": \"old\""));
        assert!(run(&store, &["get", "s0"]).contains(&large));
        run(&store, &["set", "last", "v", &large]);
    }
}

#[test]
fn undecodable_data_is_reported_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sess_abc");
    let store = format!("files:{}", folder.path().display());
    for bytes in [&b"user|O:garbage"[..], b"user|i:1;tail"] {
        std::fs::write(&path, bytes).unwrap();
        for arguments in [
            &["get", "abc"][..],
            &["incr", "abc", "n"],
            &["set", "abc", "n", "1"],
        ] {
            let refused = session(&store, arguments).output().unwrap();
            assert_fails(&refused, 4, "left as it is");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }
}

#[test]
fn wrong_use_is_told_from_failing_stores() {
    let cases = [
        (&["--store", "ftp://x/", "list"][..], 2, "scheme"),
        (&["list"], 2, "--store"),
        (&["--store", "memory:?ttl=x", "list"], 2, "ttl"),
        (&["--store", "memory:", "get", "a_b"], 2, "session id"),
        (
            &["--store", "memory:", "--handler", "wddx", "list"],
            2,
            "wddx",
        ),
        (
            &["--store", "memory:", "endpoint", "http", "--listen", "x"],
            2,
            "resp, memcached, prepend",
        ),
        (
            &["--store", "memory:", "endpoint", "resp", "--listen", "x"],
            3,
            "cannot listen on x",
        ),
        (
            &["--store", "memory:?serialization=json", "list"],
            2,
            "preset=laravel",
        ),
        (
            &["--store", "files:/nonexistent", "list"],
            3,
            "/nonexistent",
        ),
        // Not even root makes files there.
        (
            &["--store", "files:/sys", "set", "abc", "v", "1"],
            3,
            "files at /sys",
        ),
        (
            &["--store", "redb:/sys/a.redb", "list"],
            3,
            "redb at /sys/a.redb",
        ),
        (
            &["--store", "sqlite:/nonexistent/a.db", "list"],
            3,
            "SQLite at",
        ),
        (
            &["--store", "postgres://u@127.0.0.1:1/x", "list"],
            3,
            "PostgreSQL at 127.0.0.1:1",
        ),
        (
            &["--store", "mysql://u@127.0.0.1:1/x", "list"],
            3,
            "MySQL at 127.0.0.1:1",
        ),
    ];
    for (arguments, code, says) in cases {
        let mut session = Command::new(env!("CARGO_BIN_EXE_session"));
        assert_fails(&session.args(arguments).output().unwrap(), code, says);
    }
}
