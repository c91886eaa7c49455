//! A PostgreSQL server of the test's own.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};

use crate::{Peer, tool, wait_until};

/// PostgreSQL on a private Unix socket, with an empty database `test` and a
/// user `test` who needs no password.
#[derive(Debug)]
pub struct Postgres {
    peer: Peer,
}

impl Postgres {
    /// Makes a cluster in a temporary folder and starts it.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed or does not come up.
    #[must_use]
    pub fn start() -> Self {
        let folder = Peer::folder();
        let data = folder.path().join("data");
        give_to_postgres(folder.path());
        let made = as_postgres(&program("initdb"))
            .args(["--username=test", "--auth=trust", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "initdb: {made:?}");
        let peer = Peer::start(command(folder.path()), folder);
        let server = Self { peer };
        server.wait();
        assert!(server.try_sql("postgres", "CREATE DATABASE test"));
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
        wait_until("PostgreSQL answers", || {
            self.try_sql("postgres", "SELECT 1")
        });
    }

    /// The folder with its socket.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        self.peer.path()
    }

    /// Its store URL, with more parameters if they start with `&`.
    #[must_use]
    pub fn url(&self, params: &str) -> String {
        let folder = self.socket_folder().display();
        format!("postgres://test@localhost/test?host={folder}{params}")
    }

    /// What PHP's PDO calls it.
    #[must_use]
    pub fn dsn(&self) -> String {
        let folder = self.socket_folder().display();
        format!("pgsql:host={folder};dbname=test;user=test")
    }

    /// Runs SQL in its database.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn sql(&self, sql: &str) {
        assert!(self.try_sql("test", sql), "psql refused: {sql}");
    }

    /// Whether a condition holds in its database.
    #[must_use]
    pub fn is_true(&self, condition: &str) -> bool {
        // What is false divides by zero.
        self.try_sql("test", &format!("SELECT 1 / ({condition})::int"))
    }

    /// Sends a signal to the server and to its processes that serve clients.
    pub fn signal_all(&self, signal: Signal) {
        self.peer.signal_all(signal);
    }

    /// Sends a signal to the server alone.
    pub fn signal(&self, signal: Signal) {
        self.peer.signal(signal);
    }

    fn try_sql(&self, database: &str, sql: &str) -> bool {
        Command::new(tool("psql", "postgresql"))
            .args(["-X", "-q", "-U", "test", "-d", database, "-c", sql, "-h"])
            .arg(self.socket_folder())
            .output()
            .is_ok_and(|done| done.status.success())
    }
}

/// The server on the data in a folder.
fn command(folder: &Path) -> Command {
    let mut command = as_postgres(&program("postgres"));
    command
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-c", "listen_addresses=", "-c", "fsync=off"])
        .arg("-k")
        .arg(folder);
    command
}

/// Debian keeps the server's programs out of the PATH, by version; the newest
/// that has this one.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let found = versions.ok().and_then(|versions| {
        versions
            .flatten()
            .map(|version| version.path().join("bin").join(name))
            .filter(|path| path.is_file())
            .max_by_key(|path| version_in(path))
    });
    found.unwrap_or_else(|| tool(name, "postgresql"))
}

/// The 15 of `/usr/lib/postgresql/15/bin/postgres`.
fn version_in(program: &Path) -> Option<u32> {
    let folder = program.parent()?.parent()?.file_name()?;
    folder.to_str()?.parse().ok()
}

/// PostgreSQL refuses root.
fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = server_user() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        command.current_dir("/");
    }
    command
}

fn give_to_postgres(folder: &Path) {
    if let Some(user) = server_user() {
        chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .expect("root gives folders away");
    }
}

fn server_user() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    let user = User::from_name("postgres").ok().flatten();
    Some(user.expect("the package postgresql makes the user postgres"))
}
