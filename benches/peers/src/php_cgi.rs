//! php-cgi as a FastCGI server on a private socket or a free port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Peer, free_port, tool, wait_for_port, wait_for_socket};

/// A running `php-cgi -b` and an empty document root.
#[derive(Debug)]
pub struct PhpCgi {
    peer: Peer,
    address: String,
}

impl PhpCgi {
    /// Starts it on a private Unix socket; `children` > 0 makes it fork that
    /// many workers, 0 serves from the one process.
    ///
    /// # Panics
    ///
    /// When php-cgi is missing (the message has the apt line) or does not
    /// come up.
    #[track_caller]
    #[must_use]
    pub fn start(children: u32) -> Self {
        let folder = Peer::folder();
        let socket = folder.path().join("cgi.sock");
        let bind = socket.display().to_string();
        let this = Self::launch(folder, &bind, format!("unix:{bind}"), children);
        wait_for_socket(&socket);
        this
    }

    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[track_caller]
    #[must_use]
    pub fn start_tcp(children: u32) -> Self {
        let port = free_port();
        let bind = format!("127.0.0.1:{port}");
        let this = Self::launch(Peer::folder(), &bind, bind.clone(), children);
        wait_for_port(port);
        this
    }

    #[track_caller]
    fn launch(folder: tempfile::TempDir, bind: &str, address: String, children: u32) -> Self {
        fs::create_dir(folder.path().join("www")).expect("the peer's folder is writable");
        let mut command = Command::new(tool("php-cgi", "php-cgi"));
        command
            .arg("-b")
            .arg(bind)
            .env("PHP_FCGI_CHILDREN", children.to_string())
            // It would otherwise leave after 500 requests.
            .env("PHP_FCGI_MAX_REQUESTS", "1000000000");
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

    /// The process: its log, its id, signals.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::PhpCgi;
    use crate::PhpFpm;

    #[test]
    fn both_kinds_of_php_come_up_and_go_away() {
        let addresses: Vec<String> = {
            let (cgi, fpm) = (PhpCgi::start(0), PhpFpm::start(""));
            [cgi.address(), fpm.address()].map(str::to_owned).into()
        };
        for address in addresses {
            let path = address.strip_prefix("unix:").expect("a Unix socket");
            assert!(UnixStream::connect(path).is_err(), "{address} is gone");
        }
    }
}
