//! A process that is killed while it holds a session: the next one enters at
//! once where the lock dies with its holder, else at the end of the lease.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use peers::{MariaDb, Memcached, Postgres, Redis, tool, wait_until};

/// How long leases live here; memcached counts whole seconds, up to two more.
const LEASE: Duration = Duration::from_secs(2);

/// When the next process enters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Enters {
    AtOnce,
    AtTheLeasesEnd,
}

fn session(store: &str, more: &str, arguments: &[&str]) -> Command {
    let mark = if store.contains('?') { '&' } else { '?' };
    let mut session = Command::new(env!("CARGO_BIN_EXE_session"));
    session
        .args(["--store", &format!("{store}{mark}lease=2&{more}")])
        .args(arguments);
    session
}

#[track_caller]
fn run(mut session: Command) -> Output {
    let done = session.output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}");
    done
}

/// A process that holds the session until it is killed.
fn hold(store: &str) -> Child {
    let arguments = ["incr", "held", "n", "--hold-ms", "60000"];
    let holder = session(store, "lock_wait=10", &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the session is held", || {
        let impatient = session(store, "lock_wait=0.05", &["incr", "held", "n"]);
        let refused = { impatient }.output().unwrap();
        String::from_utf8_lossy(&refused.stderr).contains("another request held")
    });
    holder
}

#[track_caller]
fn assert_next_enters(store: &str, enters: Enters) {
    run(session(store, "", &["set", "held", "n", "0"]));
    let mut holder = hold(store);
    holder.kill().unwrap();
    holder.wait().unwrap();
    let asked = Instant::now();
    let next = run(session(store, "lock_wait=20", &["incr", "held", "n"]));
    let waited = asked.elapsed();
    println!("{store}: the next one entered {enters:?}, after {waited:.1?}");
    let limit = match enters {
        Enters::AtOnce => Duration::from_millis(1500),
        Enters::AtTheLeasesEnd => LEASE + Duration::from_secs(3),
    };
    assert!(waited < limit, "{store}: {waited:?}");
    // What the dead one was about to write is not there; only who asked
    // before it held may have counted.
    let count: u32 = String::from_utf8_lossy(&next.stdout)
        .trim()
        .parse()
        .unwrap();
    assert!(count >= 1, "{store}");
}

#[test]
fn on_local_stores() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    assert_next_enters(&format!("files:{at}"), Enters::AtOnce);
    assert_next_enters(&format!("redb:{at}/a.redb"), Enters::AtOnce);
    assert_next_enters(&format!("sqlite:{at}/a.db"), Enters::AtTheLeasesEnd);
}

#[test]
fn on_redis_and_memcached() {
    let (redis, memcached) = (Redis::start(), Memcached::start());
    let redis = format!("redis://127.0.0.1:{}", redis.port);
    assert_next_enters(&redis, Enters::AtTheLeasesEnd);
    let memcached = format!("memcached://127.0.0.1:{}", memcached.port);
    assert_next_enters(&memcached, Enters::AtTheLeasesEnd);
}

#[test]
fn on_postgresql() {
    let server = Postgres::start();
    for lock in ["row", "named"] {
        let store = server.url(&format!("&preset=symfony&lock={lock}"));
        assert_next_enters(&store, Enters::AtOnce);
    }
    assert_next_enters(&server.url(""), Enters::AtTheLeasesEnd);
}

#[test]
fn on_mariadb() {
    let server = MariaDb::start();
    for lock in ["row", "named"] {
        let store = server.url(&format!("&preset=symfony&lock={lock}"));
        assert_next_enters(&store, Enters::AtOnce);
    }
    assert_next_enters(&server.url(""), Enters::AtTheLeasesEnd);
}

/// Killed at the very system call that would have written.
#[test]
fn in_mid_write_a_file_keeps_its_old_content() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("files:{}", folder.path().display());
    let path = folder.path().join("sess_held");
    let long = format!("\"{}\"", "x".repeat(5000));
    for (old, new) in [("1", &*long), (&*long, "1"), ("1", "2")] {
        run(session(&store, "", &["set", "held", "v", old]));
        let before = std::fs::read(&path).unwrap();
        let killed = Command::new(tool("strace", "strace"))
            .args(["-f", "-o", "/dev/null", "-e", "trace=pwrite64"])
            .args(["-e", "inject=pwrite64:signal=KILL"])
            .args([env!("CARGO_BIN_EXE_session"), "--store", &store])
            .args(["set", "held", "v", new])
            .output()
            .unwrap();
        assert!(!killed.status.success());
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let shown = run(session(&store, "", &["get", "held"]));
        assert!(String::from_utf8_lossy(&shown.stdout).contains(old));
    }
}
