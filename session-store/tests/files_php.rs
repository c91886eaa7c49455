//! PHP's `files` handler and ours share sessions: both read, write and lock,
//! and neither loses what the other wrote.

#![cfg(feature = "files")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use session_store::backend::{Files, FilesLayout};
use session_store::{Committed, Document, ErrorKind, Limits, Node, SerializeHandler};
use session_store::{SessionId, Store, StoreOptions};
use support::somebody_waits_for;

fn php(folder: &Path, id: &str, command: &str, argument: &str) -> Command {
    let mut php = Command::new(peers::tool("php", "php-cli"));
    php.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/php/files.php"))
        .arg(folder)
        .args([id, command, argument]);
    php
}

#[track_caller]
fn run(mut command: Command) -> String {
    let done = command.output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(done.stdout).unwrap()
}

/// PHP with a session open; closing its stdin lets it go on.
struct Holder(Child, Option<ChildStdin>);

impl Holder {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        let stdin = child.stdin.take();
        Self(child, stdin)
    }

    fn go_on(&mut self) {
        if let Some(mut stdin) = self.1.take() {
            let _ = stdin.write_all(b"\n");
        }
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn store(folder: &Path) -> Store {
    Store::new(Files::new(FilesLayout::new(folder)))
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

async fn add_one(store: &Store, id: &SessionId) -> Duration {
    let asked = Instant::now();
    let locked = store.lock(id).await.unwrap();
    let waited = asked.elapsed();
    let (php, limits) = (SerializeHandler::Php, Limits::default());
    let bytes = locked.data().cloned().unwrap_or_default();
    let mut session = Document::decode(php, bytes, &limits).unwrap();
    let old = session.value("n").and_then(|value| value.as_int());
    let value = session.graph_mut().add(Node::Int(old.unwrap_or(0) + 1));
    session.set("n", value);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let outcome = locked.commit(session.encode(php, &limits).unwrap()).await;
    assert!(outcome.unwrap().is_done());
    waited
}

#[tokio::test]
async fn each_reads_what_the_other_wrote() {
    let folder = tempfile::tempdir().unwrap();
    run(php(folder.path(), "abc", "set", "from PHP"));
    let store = store(folder.path());
    let entry = store.read(&id("abc")).await.unwrap().unwrap();
    assert_eq!(entry.bytes, "v|s:8:\"from PHP\";");
    let mode = fs::metadata(folder.path().join("sess_abc")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    for bytes in ["v|s:9:\"from Rust\";", "v|s:1:\"x\";", ""] {
        let locked = store.lock(&id("abc")).await.unwrap();
        assert!(locked.commit(bytes).await.unwrap().is_done());
        let shown = run(php(folder.path(), "abc", "get", ""));
        let expected = match bytes {
            "" => "[]".into(),
            bytes => format!("{{\"v\":\"{}\"}}", bytes.split('"').nth(1).unwrap()),
        };
        assert_eq!(shown, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_of_php_and_four_of_ours_lose_no_increment() {
    const ROUNDS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let mut theirs: Vec<Child> = (0..4)
        .map(|_| {
            let rounds = ROUNDS.to_string();
            php(folder.path(), "race", "incr", &rounds).spawn().unwrap()
        })
        .collect();
    let ours: Vec<_> = (0..4)
        .map(|_| {
            // Stores of their own share nothing but the folder.
            let store = store(folder.path());
            tokio::spawn(async move {
                let mut longest = Duration::ZERO;
                for _ in 0..ROUNDS {
                    longest = longest.max(add_one(&store, &id("race")).await);
                }
                longest
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    for worker in ours {
        longest = longest.max(worker.await.unwrap());
    }
    for worker in &mut theirs {
        assert!(worker.wait().unwrap().success());
    }
    println!("longest wait {longest:?}");
    let entry = store(folder.path()).read(&id("race")).await.unwrap();
    assert_eq!(entry.unwrap().bytes, "n|i:400;");
}

#[tokio::test]
async fn a_killed_php_lets_us_in_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Holder::start(php(folder.path(), "abc", "hold", ""));
    let store = store(folder.path());
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.lock(&id("abc")).await.map(|_| Instant::now()) }
    });
    somebody_waits_for(&folder.path().join("sess_abc")).await;
    assert!(!waiting.is_finished());
    let killed = Instant::now();
    holder.kill();
    let entered = waiting.await.unwrap().unwrap();
    let waited = entered.saturating_duration_since(killed);
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

#[tokio::test]
async fn php_keeps_us_out_until_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Holder::start(php(folder.path(), "abc", "hold", ""));
    let mut options = StoreOptions::default();
    options.lock_wait = Duration::from_millis(200);
    let backend = Files::new(FilesLayout::new(folder.path()));
    let store = Store::with_options(std::sync::Arc::new(backend), options);
    let refused = store.lock(&id("abc")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockTimeout);
    // Reading needs no lock.
    assert!(store.exists(&id("abc")).await.unwrap());
    holder.go_on();
    assert!(holder.0.wait().unwrap().success());
    let entry = store.read(&id("abc")).await.unwrap().unwrap();
    assert_eq!(entry.bytes, "held|i:1;");
}

#[tokio::test]
async fn a_logout_in_php_is_not_revived_by_whoever_waited() {
    let folder = tempfile::tempdir().unwrap();
    run(php(folder.path(), "abc", "set", "secret"));
    let mut holder = Holder::start(php(folder.path(), "abc", "destroy-later", ""));
    let store = store(folder.path());
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            let locked = store.lock(&id("abc")).await.unwrap();
            // PHP frees the lock before it unlinks: the data may still be
            // seen, but it cannot be written back.
            let seen = locked.data().cloned();
            (seen, locked)
        }
    });
    somebody_waits_for(&folder.path().join("sess_abc")).await;
    holder.go_on();
    let (seen, locked) = waiting.await.unwrap();
    assert!(holder.0.wait().unwrap().success());
    let outcome = locked.commit("v|s:7:\"revived\";").await.unwrap();
    match seen {
        Some(_) => assert_eq!(outcome, Committed::Gone),
        None => assert!(outcome.is_done()),
    }
    let left = store.read(&id("abc")).await.unwrap();
    assert!(left.is_none_or(|entry| !entry.bytes.windows(6).any(|part| part == b"secret")));
}

#[tokio::test]
async fn php_waiting_during_our_logout_sees_nobody_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let locked = store.lock(&id("abc")).await.unwrap();
    assert!(locked.commit("user|i:7;").await.unwrap().is_done());
    let locked = store.lock(&id("abc")).await.unwrap();
    let mut waiting = php(folder.path(), "abc", "get", "");
    let child = waiting.stdout(Stdio::piped()).spawn().unwrap();
    let blocked = format!("/proc/{}/wchan", child.id());
    peers::wait_until("PHP waits for the lock", || {
        fs::read_to_string(&blocked).is_ok_and(|place| place.contains("lock"))
            || fs::read_to_string(format!("/proc/{}/syscall", child.id()))
                // flock on x86-64 and on arm64.
                .is_ok_and(|call| call.starts_with("73 ") || call.starts_with("32 "))
    });
    assert_eq!(locked.destroy().await.unwrap(), Committed::Deleted);
    let shown = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "[]");
}

#[tokio::test]
async fn collecting_spares_what_php_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sess_abc");
    let mut holder = Holder::start(php(folder.path(), "abc", "hold", ""));
    let old = std::time::SystemTime::now() - Duration::from_secs(5000);
    fs::write(folder.path().join("sess_old"), "a|i:1;").unwrap();
    for path in [&path, &folder.path().join("sess_old")] {
        fs::File::open(path).unwrap().set_modified(old).unwrap();
    }
    fs::create_dir(folder.path().join("sess_folder")).unwrap();
    assert_eq!(store(folder.path()).gc(100).await.unwrap(), 1);
    assert!(path.exists());
    holder.go_on();
    assert!(holder.0.wait().unwrap().success());
    assert_eq!(fs::read_to_string(path).unwrap(), "held|i:1;");
}

#[tokio::test]
async fn links_and_other_things_are_no_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let secret = folder.path().join("secret");
    fs::write(&secret, "user|i:0;").unwrap();
    symlink(&secret, folder.path().join("sess_link")).unwrap();
    fs::create_dir(folder.path().join("sess_folder")).unwrap();
    let refused = store.read(&id("link")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert_eq!(
        store.lock(&id("link")).await.unwrap_err().kind(),
        ErrorKind::Denied
    );
    assert!(store.read(&id("folder")).await.is_err());
    assert!(store.lock(&id("folder")).await.is_err());
    assert_eq!(fs::read(&secret).unwrap(), b"user|i:0;");
}

#[tokio::test]
async fn a_missing_folder_is_an_error_that_names_it() {
    let store = store(Path::new("/nonexistent/sessions"));
    for error in [
        store.read(&id("abc")).await.unwrap_err(),
        store.lock(&id("abc")).await.unwrap_err(),
        store.gc(1).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("/nonexistent/sessions"));
    }
}

#[tokio::test]
async fn asking_for_an_unknown_id_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store
        .lock(&id("abc"))
        .await
        .unwrap()
        .release()
        .await
        .unwrap();
    drop(store.lock(&id("abc")).await.unwrap());
    store
        .lock(&id("abc"))
        .await
        .unwrap()
        .release()
        .await
        .unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
