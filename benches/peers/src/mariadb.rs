//! A MariaDB server of the test's own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use crate::{Peer, tool, wait_until};

/// MariaDB on a private Unix socket, with an empty database `test` and a
/// user `test` who needs no password.
#[derive(Debug)]
pub struct MariaDb {
    peer: Peer,
}

impl MariaDb {
    /// Makes a data folder in a temporary place and starts the server.
    ///
    /// # Panics
    ///
    /// When MariaDB is not installed or does not come up.
    #[must_use]
    pub fn start() -> Self {
        let folder = Peer::folder();
        let data = folder.path().join("data");
        open_to_all(folder.path());
        let made = Command::new(tool("mariadb-install-db", "mariadb-server"))
            .args(["--no-defaults", "--auth-root-authentication-method=normal"])
            .args(["--skip-test-db", "--skip-name-resolve"])
            .args(THROWAWAY)
            .args(user())
            .arg(format!("--datadir={}", data.display()))
            // Two installations at a time disturb each other in /tmp.
            .arg(format!("--tmpdir={}", folder.path().display()))
            .output()
            .expect("mariadb-install-db starts");
        assert!(made.status.success(), "mariadb-install-db: {made:?}");
        let peer = Peer::start(command(folder.path()), folder);
        let server = Self { peer };
        server.wait();
        let setup = "CREATE DATABASE test; CREATE USER test@localhost; \
                     GRANT ALL ON test.* TO test@localhost";
        assert!(server.try_sql("mysql", setup), "{}", server.peer.log());
        server
    }

    /// Kills the server, with what was in its memory.
    pub fn kill(&mut self) {
        self.peer.kill();
    }

    /// Starts it again with its data.
    pub fn start_again(&mut self) {
        self.peer.start_again(command(self.peer.path()));
        self.wait();
    }

    fn wait(&self) {
        wait_until("MariaDB answers", || self.try_sql("mysql", "SELECT 1"));
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.peer.path().join("socket")
    }

    /// Its store URL, with more parameters if they start with `&`.
    #[must_use]
    pub fn url(&self, params: &str) -> String {
        let socket = self.socket();
        format!(
            "mysql://test@localhost/test?socket={}{params}",
            socket.display()
        )
    }

    /// What PHP's PDO calls it; its user is `test`.
    #[must_use]
    pub fn dsn(&self) -> String {
        format!("mysql:unix_socket={};dbname=test", self.socket().display())
    }

    /// Runs SQL in its database as root.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn sql(&self, sql: &str) {
        assert!(self.try_sql("test", sql), "mariadb refused: {sql}");
    }

    /// Whether a condition holds in its database.
    #[must_use]
    pub fn is_true(&self, condition: &str) -> bool {
        let done = self.client("test", &format!("SELECT {condition}"));
        done.is_ok_and(|done| done.stdout.trim_ascii() == b"1")
    }

    /// Sends a signal to the server, which is one process.
    pub fn signal_all(&self, signal: Signal) {
        self.peer.signal(signal);
    }

    fn try_sql(&self, database: &str, sql: &str) -> bool {
        let done = self.client(database, sql);
        done.is_ok_and(|done| done.status.success())
    }

    fn client(&self, database: &str, sql: &str) -> io::Result<Output> {
        Command::new(tool("mariadb", "mariadb-server"))
            .args([
                "--no-defaults",
                "-N",
                "-u",
                "root",
                "-D",
                database,
                "-e",
                sql,
            ])
            .arg(format!("--socket={}", self.socket().display()))
            .output()
    }
}

/// The server on the data in a folder.
fn command(folder: &Path) -> Command {
    let data = folder.join("data");
    let mut command = Command::new(tool("mariadbd", "mariadb-server"));
    command
        .args(["--no-defaults", "--skip-networking", "--skip-log-bin"])
        .args(THROWAWAY)
        .args(user())
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", folder.join("socket").display()))
        .arg(format!("--pid-file={}", data.join("pid").display()));
    command
}

/// Little to write, and nothing to survive a crash of the machine; what is
/// committed survives that of the server. `loose`: a release that no longer
/// has a setting (the flush method is on its way out since 11.0) starts
/// without it.
const THROWAWAY: [&str; 5] = [
    "--loose-innodb-log-file-size=4M",
    "--loose-innodb-buffer-pool-size=16M",
    "--loose-innodb-flush-log-at-trx-commit=2",
    "--loose-innodb-flush-method=nosync",
    "--loose-innodb-doublewrite=0",
];

/// MariaDB refuses root unless told.
fn user() -> Option<&'static str> {
    Uid::effective().is_root().then_some("--user=mysql")
}

/// The server's user makes its socket here.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder, all).expect("the folder is ours");
}
