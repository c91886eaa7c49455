//! Unmodified PHP keeps its sessions in a store of this crate.
#![cfg(all(feature = "endpoint", feature = "memory"))]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use session_store::backend::Memory;
use session_store::endpoint::{Endpoint, Listener, Protocol, ini, prepend_file};
use session_store::{Committed, SessionId, Store};
use support::{count, longest_wait, php, php_increments, php_run};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// An endpoint on a memory store, and PHP's settings for it.
struct Host {
    store: Store,
    settings: Vec<String>,
    task: JoinHandle<()>,
    folder: TempDir,
}

impl Host {
    async fn start(protocol: Protocol, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = format!("unix:{}", folder.path().join("s").display());
        let address = match protocol {
            Protocol::Prepend => socket.as_str(),
            _ => "127.0.0.1:0",
        };
        let listener = Listener::bind(address).await.unwrap();
        let mut settings = settings(protocol, listener.address(), folder.path());
        settings.extend(more.iter().map(ToString::to_string));
        let store = Store::new(Memory::default());
        let endpoint = Endpoint::new(protocol, store.clone());
        let task = tokio::spawn(async move { endpoint.run(&listener).await.unwrap() });
        Self {
            store,
            settings,
            task,
            folder,
        }
    }

    /// All hosts that a test of every handler runs against.
    async fn all() -> Vec<Self> {
        vec![
            Self::start(Protocol::Prepend, &[]).await,
            Self::start(Protocol::Resp, &[]).await,
            Self::start(Protocol::Memcached, &[]).await,
            Self::start(Protocol::Memcached, &["memcached.sess_binary_protocol=0"]).await,
        ]
    }

    async fn php(&self, code: &str) -> String {
        let (settings, code) = (self.settings.clone(), code.to_owned());
        // php -r loads no prepended file, so the code is one.
        let script = self.folder.path().join("script.php");
        std::fs::write(&script, format!("<?php {code}")).unwrap();
        tokio::task::spawn_blocking(move || support::php_file(&settings, &script, &[]))
            .await
            .unwrap()
    }

    async fn stored(&self, id: &str) -> Option<String> {
        let id = SessionId::parse(id).unwrap();
        let entry = self.store.read(&id).await.unwrap()?;
        Some(String::from_utf8(entry.bytes.to_vec()).unwrap())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn settings(protocol: Protocol, address: &str, folder: &Path) -> Vec<String> {
    let file = folder.join("session-store.php");
    let target = match protocol {
        Protocol::Prepend => {
            std::fs::write(&file, prepend_file(address)).unwrap();
            file.to_str().unwrap()
        }
        _ => address,
    };
    let settings = ini(protocol, target).into_iter();
    settings
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_lose_no_increment_and_wait_in_turn() {
    for host in Host::all().await {
        let settings = host.settings.clone();
        let longest = tokio::task::spawn_blocking(move || {
            longest_wait(php_increments(&settings, "race", 8, 50))
        });
        let longest = longest.await.unwrap();
        println!("{:?}: longest wait {longest:?}", host.settings[0]);
        assert_eq!(count(host.stored("race").await.unwrap().as_bytes()), 400);
        assert!(longest < Duration::from_secs(2), "{longest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_shared_with_rust() {
    for host in Host::all().await {
        let id = SessionId::parse("user").unwrap();
        let locked = host.store.lock(&id).await.unwrap();
        assert!(locked.commit("name|s:3:\"Ada\";").await.unwrap().is_done());
        let greet =
            "session_id('user'); session_start(); echo $_SESSION['name']; $_SESSION['n'] = 1;";
        assert_eq!(host.php(greet).await, "Ada", "{:?}", host.settings);
        let stored = host.stored("user").await.unwrap();
        assert_eq!(stored, "name|s:3:\"Ada\";n|i:1;");
        assert_eq!(host.store.destroy(&id).await.unwrap(), Committed::Deleted);
        let look = "session_id('user'); session_start(); echo json_encode($_SESSION);";
        assert_eq!(host.php(look).await, "[]");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn destroyed_and_regenerated_sessions_are_gone() {
    for host in Host::all().await {
        let code = "session_id('old'); session_start(); $_SESSION['n'] = 1; session_write_close();
            session_start(); session_regenerate_id(true); echo session_id(); session_write_close();
            session_id('gone'); session_start(); $_SESSION['n'] = 2; session_write_close();
            session_start(); session_destroy();";
        let new = host.php(code).await;
        assert_eq!(host.stored(&new).await.as_deref(), Some("n|i:1;"));
        assert_eq!(host.stored("gone").await, None);
        let id = SessionId::parse("old").unwrap();
        let old = host.store.backend().load(&id, Default::default()).await;
        assert_eq!(old.unwrap(), None, "{:?}", host.settings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_mode_takes_known_ids_only_and_leaves_no_orphans() {
    for host in Host::all().await {
        let code = "ini_set('session.use_strict_mode', '1');
            session_id('unknown'); session_start(); echo session_id() === 'unknown' ? 'adopted' : 'new';
            $_SESSION['n'] = 1; session_write_close(); $id = session_id();
            session_start(); echo session_id() === $id ? ' kept' : ' lost';
            session_regenerate_id(true); session_write_close();";
        assert_eq!(host.php(code).await, "new kept", "{:?}", host.settings);
        let listed = host.store.list(100).await.unwrap();
        assert_eq!(listed.len(), 1, "{:?}: {listed:?}", host.settings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_a_killed_process_is_free_at_once() {
    for host in Host::all().await {
        let script = host.folder.path().join("holder.php");
        let code = "<?php session_id('held'); session_start(); echo \"locked\\n\"; sleep(60);";
        std::fs::write(&script, code).unwrap();
        let mut holder = php(&host.settings)
            .arg(&script)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(holder.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        let store = host.store.clone();
        let waiter = tokio::spawn(async move {
            let id = SessionId::parse("held").unwrap();
            let locked = store.lock(&id).await.unwrap();
            let entered = Instant::now();
            locked.release().await.unwrap();
            entered
        });
        let killed = Instant::now();
        holder.kill().unwrap();
        holder.wait().unwrap();
        let entered = waiter.await.unwrap();
        let waited = entered.duration_since(killed);
        assert!(waited < Duration::from_secs(1), "{waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waited_during_the_logout_finds_nothing() {
    for host in Host::all().await {
        let id = SessionId::parse("user").unwrap();
        let locked = host.store.lock(&id).await.unwrap();
        assert!(locked.commit("user|i:7;").await.unwrap().is_done());
        let script = host.folder.path().join("logout.php");
        let code = "<?php session_id('user'); session_start(); echo \"locked\\n\"; usleep(200000); session_destroy();";
        std::fs::write(&script, code).unwrap();
        let mut logout = php(&host.settings)
            .arg(&script)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(logout.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let other =
            "session_id('user'); session_start(); echo json_encode($_SESSION); $_SESSION['x'] = 1;";
        assert_eq!(host.php(other).await, "[]", "{:?}", host.settings);
        logout.wait().unwrap();
        assert_eq!(host.stored("user").await.as_deref(), Some("x|i:1;"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_id_leads_requests_with_the_old_one() {
    let host = Host::start(Protocol::Prepend, &[]).await;
    let code = "session_id('old'); session_start(); $_SESSION['user'] = 7; session_write_close();
        session_start(); session_regenerate_id(true); $_SESSION['n'] = 1; echo session_id();";
    let new = host.php(code).await;
    let late = "session_id('old'); session_start(); echo $_SESSION['user']; $_SESSION['late'] = 1;";
    assert_eq!(host.php(late).await, "7");
    let stored = host.stored(&new).await.unwrap();
    assert_eq!(stored, "user|i:7;n|i:1;late|i:1;");
}

#[tokio::test(flavor = "multi_thread")]
async fn lifetimes_and_big_and_binary_sessions_pass() {
    for host in Host::all().await {
        let code = "ini_set('session.gc_maxlifetime', '1'); session_id('short'); session_start();
            $_SESSION['n'] = 1; session_write_close();
            ini_set('session.gc_maxlifetime', '1440'); session_id('big'); session_start();
            $_SESSION['s'] = str_repeat(\"\\r\\n\\0\\xff|;\", 200000); session_write_close();
            session_start(); echo strlen($_SESSION['s']), md5($_SESSION['s']);";
        let bytes = b"\r\n\0\xff|;".repeat(200_000);
        let printed = host.php(code).await;
        assert!(printed.starts_with("1200000"), "{printed}");
        let id = SessionId::parse("big").unwrap();
        let entry = host.store.read(&id).await.unwrap().unwrap();
        assert!(entry.bytes.windows(bytes.len()).any(|part| part == bytes));
        let until = Instant::now() + Duration::from_secs(5);
        while host.stored("short").await.is_some() {
            assert!(Instant::now() < until, "{:?}", host.settings);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn php_is_told_why_nothing_was_stored() {
    let host = Host::start(Protocol::Prepend, &["display_errors=1", "html_errors=0"]).await;
    host.task.abort();
    let _ = std::fs::remove_file(host.folder.path().join("s"));
    let printed = host
        .php("session_id('user'); var_dump(@session_start()); echo error_get_last()['message'];")
        .await;
    assert!(printed.contains("bool(false)"), "{printed}");
    let plain = php_run(&host.settings, "echo 1;", &[]);
    assert_eq!(plain, "1");
}
