//! php-fpm with one pool on a private socket or a free port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;

use crate::{Peer, free_port, tool, try_tool, wait_for_port, wait_for_socket};

/// The names under which distributions install php-fpm, newest first.
const NAMES: [&str; 6] = [
    "php-fpm",
    "php-fpm8.5",
    "php-fpm8.4",
    "php-fpm8.3",
    "php-fpm8.2",
    "php-fpm8.1",
];

/// A running php-fpm with one pool, `www`, and an empty document root.
#[derive(Debug)]
pub struct PhpFpm {
    peer: Peer,
    address: String,
}

impl PhpFpm {
    /// Starts a pool of two static workers on a private Unix socket.
    ///
    /// `pool_ini_extra` is appended to the pool's section: later lines win,
    /// so it can change every directive.
    ///
    /// # Panics
    ///
    /// When php-fpm is missing (the message has the apt line) or does not
    /// come up.
    #[track_caller]
    #[must_use]
    pub fn start(pool_ini_extra: &str) -> Self {
        let folder = Peer::folder();
        let socket = folder.path().join("fpm.sock");
        let this = Self::launch(
            folder,
            socket.display().to_string(),
            format!("unix:{}", socket.display()),
            pool_ini_extra,
        );
        wait_for_socket(&socket);
        this
    }

    /// Starts the same pool on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[track_caller]
    #[must_use]
    pub fn start_tcp(pool_ini_extra: &str) -> Self {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let this = Self::launch(Peer::folder(), listen.clone(), listen, pool_ini_extra);
        wait_for_port(port);
        this
    }

    #[track_caller]
    fn launch(folder: tempfile::TempDir, listen: String, address: String, extra: &str) -> Self {
        let root = folder.path();
        fs::create_dir(root.join("www")).expect("the peer's folder is writable");
        let conf = root.join("fpm.conf");
        let owner = if Uid::effective().is_root() {
            "user = root\ngroup = root\n"
        } else {
            ""
        };
        let text = format!(
            "[global]\nerror_log = /proc/self/fd/2\ndaemonize = no\n\
             [www]\nlisten = {listen}\n{owner}pm = static\npm.max_children = 2\n\
             catch_workers_output = no\n{extra}\n"
        );
        fs::write(&conf, text).expect("the peer's folder is writable");
        let program = NAMES
            .iter()
            .find_map(|name| try_tool(name))
            .unwrap_or_else(|| tool("php-fpm", "php-fpm"));
        let mut command = Command::new(program);
        command.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]);
        command.arg(&conf);
        Self {
            peer: Peer::start(command, folder),
            address,
        }
    }

    /// Where it listens: `unix:PATH` or `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The folder for its scripts; nothing maps to it but the
    /// `SCRIPT_FILENAME` of a request.
    #[must_use]
    pub fn docroot(&self) -> PathBuf {
        self.peer.path().join("www")
    }

    /// Writes `source` to the script `name` and returns its path.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    #[track_caller]
    #[must_use]
    pub fn script(&self, name: impl AsRef<Path>, source: &str) -> PathBuf {
        let path = self.docroot().join(name);
        fs::write(&path, source).expect("the document root is writable");
        path
    }

    /// The process: its log, its id, signals to the master.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}
