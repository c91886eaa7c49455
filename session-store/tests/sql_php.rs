//! PHP with Symfony's statements and locks, and ours, share one table: both
//! read, write and lock, and neither loses what the other wrote.

#![cfg(all(feature = "postgres", feature = "mysql", feature = "sqlite"))]

mod support;

use std::process::{Child, Command, Stdio};

use peers::{MariaDb, Postgres};
use session_store::{Committed, ErrorKind, SessionId, Store};

const ROUNDS: u32 = 25;

/// One database as both parties reach it.
struct Table {
    dsn: String,
    url: String,
    lock: &'static str,
}

impl Table {
    fn php(&self, id: &str, command: &str, argument: &str) -> Command {
        let mut php = Command::new(peers::tool(
            "php",
            "php-cli php-pgsql php-mysql php-sqlite3",
        ));
        php.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/php/pdo.php"))
            .args([&self.dsn, self.lock, id, command, argument])
            .stdin(Stdio::null());
        php
    }

    #[track_caller]
    fn run(&self, id: &str, command: &str, argument: &str) -> String {
        let done = self.php(id, command, argument).output().unwrap();
        let output = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{output}");
        output
    }

    async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    async fn share(&self) {
        let store = self.open().await;
        self.run("abc", "set", "v|s:3:\"php\";");
        let entry = store.read(&id("abc")).await.unwrap().unwrap();
        assert_eq!(entry.bytes, "v|s:3:\"php\";");
        let locked = store.lock(&id("abc")).await.unwrap();
        assert!(locked.commit("v|s:4:\"rust\";").await.unwrap().is_done());
        assert_eq!(self.run("abc", "get", ""), "v|s:4:\"rust\";");
        self.race().await;
    }

    /// Three PHP processes and three stores count together.
    async fn race(&self) {
        let mut theirs: Vec<Child> = (0..3)
            .map(|_| {
                let rounds = ROUNDS.to_string();
                self.php("race", "incr", &rounds).spawn().unwrap()
            })
            .collect();
        let mut ours = Vec::new();
        for _ in 0..3 {
            let store = self.open().await;
            ours.push(tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    while !add_one(&store).await {}
                }
            }));
        }
        for worker in ours {
            worker.await.unwrap();
        }
        for worker in &mut theirs {
            assert!(worker.wait().unwrap().success());
        }
        let all = format!("n|i:{};", 6 * ROUNDS);
        assert_eq!(self.run("race", "get", ""), all);
    }

    /// A held lock keeps the other party out, both ways.
    async fn exclude(&self, php_waits: impl FnMut() -> bool) {
        let store = self.open().await;
        let mut holding = self.php("held", "hold", "");
        let mut holder = holding
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = holder.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        let impatient = Store::open(&format!("{}&lock_wait=0.3", self.url)).await;
        let refused = impatient.unwrap().lock(&id("held")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::LockTimeout);
        drop(holder.stdin.take());
        let locked = store.lock(&id("held")).await.unwrap();
        assert_eq!(locked.data().unwrap(), "held|i:1;");
        assert!(holder.wait().unwrap().success());

        let mut waiting = self.php("held", "set", "late|i:1;").spawn().unwrap();
        support::until("PHP waits", php_waits).await;
        assert!(waiting.try_wait().unwrap().is_none());
        assert!(locked.commit("ours|i:1;").await.unwrap().is_done());
        assert!(waiting.wait().unwrap().success());
        assert_eq!(self.run("held", "get", ""), "late|i:1;");
    }
}

/// `false` if PHP wrote meanwhile, where its lock is not ours.
async fn add_one(store: &Store) -> bool {
    let locked = store.lock(&id("race")).await.unwrap();
    let old = locked.data().and_then(|bytes| {
        let text = std::str::from_utf8(bytes).unwrap();
        text.strip_prefix("n|i:")?.strip_suffix(';')?.parse().ok()
    });
    let new: u32 = old.unwrap_or(0) + 1;
    match locked.commit(format!("n|i:{new};")).await.unwrap() {
        Committed::Conflict => false,
        outcome => {
            assert!(outcome.is_done());
            true
        }
    }
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_shared_with_symfony() {
    let server = Postgres::start();
    for lock in ["row", "named"] {
        let table = Table {
            dsn: server.dsn(),
            url: server.url(&format!("&preset=symfony&lock={lock}")),
            lock,
        };
        table.share().await;
        let waits = || server.is_true("EXISTS (SELECT FROM pg_locks WHERE NOT granted)");
        table.exclude(waits).await;
        server.sql("DELETE FROM sessions");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_is_shared_with_symfony() {
    let server = MariaDb::start();
    for lock in ["row", "named"] {
        let table = Table {
            dsn: server.dsn(),
            url: server.url(&format!("&preset=symfony&lock={lock}")),
            lock,
        };
        table.share().await;
        let waits = || {
            server.is_true(
                "EXISTS (SELECT 1 FROM information_schema.processlist WHERE state = 'User lock') \
                 OR (SELECT variable_value FROM information_schema.global_status \
                 WHERE variable_name = 'Innodb_row_lock_current_waits') > 0",
            )
        };
        table.exclude(waits).await;
        server.sql("DELETE FROM sessions");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_shared_with_symfony() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let table = Table {
        dsn: format!("sqlite:{}", path.display()),
        url: format!("sqlite:{}?preset=symfony", path.display()),
        lock: "row",
    };
    drop(table.open().await);
    table.share().await;
}
