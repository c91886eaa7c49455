//! PHP as a FastCGI server on a private socket or a free port.

mod cgi;
mod fpm;
mod installed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Peer, Version, free_port, wait_for_port, wait_for_socket};

pub use installed::InstalledFpm;

/// A running PHP and an empty document root.
#[derive(Debug)]
pub struct Php {
    peer: Peer,
    program: PathBuf,
    address: String,
}

/// Where it is to listen.
#[derive(Debug, Clone, Copy)]
enum Listen {
    Unix,
    Tcp,
}

impl Php {
    /// `php-cgi -b` on a private Unix socket; `children` > 0 makes it fork
    /// that many workers, 0 serves from the one process.
    ///
    /// # Panics
    ///
    /// When php-cgi is missing (the message has the apt line) or does not
    /// come up.
    #[track_caller]
    #[must_use]
    pub fn cgi(children: u32) -> Self {
        Self::start(Listen::Unix, |_, listen| cgi::command(listen, children))
    }

    /// [`cgi`](Self::cgi) on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// As [`cgi`](Self::cgi).
    #[track_caller]
    #[must_use]
    pub fn cgi_tcp(children: u32) -> Self {
        Self::start(Listen::Tcp, |_, listen| cgi::command(listen, children))
    }

    /// php-fpm with one pool, `www`, of two static workers, on a private Unix
    /// socket.
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
    pub fn fpm(pool_ini_extra: &str) -> Self {
        Self::fpm_program(InstalledFpm::installed().program(), pool_ini_extra)
    }

    /// [`fpm`](Self::fpm) on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// As [`fpm`](Self::fpm).
    #[track_caller]
    #[must_use]
    pub fn fpm_tcp(pool_ini_extra: &str) -> Self {
        Self::start(Listen::Tcp, |folder, listen| {
            fpm::command(
                InstalledFpm::installed().program(),
                folder,
                listen,
                pool_ini_extra,
            )
        })
    }

    /// [`fpm`](Self::fpm) as `program`, which takes php-fpm's options and
    /// file.
    ///
    /// # Panics
    ///
    /// As [`fpm`](Self::fpm).
    #[track_caller]
    #[must_use]
    pub fn fpm_program(program: &Path, pool_ini_extra: &str) -> Self {
        Self::start(Listen::Unix, |folder, listen| {
            fpm::command(program, folder, listen, pool_ini_extra)
        })
    }

    #[track_caller]
    fn start(kind: Listen, command: impl FnOnce(&Path, &str) -> Command) -> Self {
        let folder = Peer::folder();
        fs::create_dir(folder.path().join("www")).expect("the peer's folder is writable");
        match kind {
            Listen::Unix => {
                let socket = folder.path().join("php.sock");
                let this = Self::launch(folder, &socket.display().to_string(), "unix:", command);
                wait_for_socket(&socket);
                this
            }
            Listen::Tcp => {
                let port = free_port();
                let this = Self::launch(folder, &format!("127.0.0.1:{port}"), "", command);
                wait_for_port(port);
                this
            }
        }
    }

    #[track_caller]
    fn launch(
        folder: TempDir,
        listen: &str,
        scheme: &str,
        command: impl FnOnce(&Path, &str) -> Command,
    ) -> Self {
        let command = command(folder.path(), listen);
        Self {
            program: command.get_program().into(),
            peer: Peer::start(command, folder),
            address: format!("{scheme}{listen}"),
        }
    }

    /// Where it listens: `unix:PATH` or `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The release of the PHP that runs.
    ///
    /// # Panics
    ///
    /// When the program does not tell.
    #[track_caller]
    #[must_use]
    pub fn version(&self) -> Version {
        Version::of(&self.program)
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

    /// The process: its log, its id, signals (to php-fpm's master).
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The process, for who keeps it running from here on.
    #[must_use]
    pub fn into_peer(self) -> Peer {
        self.peer
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::Php;

    #[test]
    fn both_kinds_of_php_come_up_and_go_away() {
        let addresses: Vec<String> = {
            let (cgi, fpm) = (Php::cgi(0), Php::fpm(""));
            [cgi.address(), fpm.address()].map(str::to_owned).into()
        };
        for address in addresses {
            let path = address.strip_prefix("unix:").expect("a Unix socket");
            assert!(UnixStream::connect(path).is_err(), "{address} is gone");
        }
    }
}
