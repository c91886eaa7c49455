//! FastCGI applications built on what others wrote.

mod fcgiwrap;
mod libfcgi;
mod perl;

use std::path::Path;
use std::process::Command;

use crate::{Peer, free_port, wait_for_port};

/// A FastCGI application that answers each request with
///
/// - status 200, or what the param `WANTED_STATUS` says,
/// - the field `X-Method` with the request's method,
/// - a text `stdin <length> <sum of its bytes>`, and, where the param
///   `WANTED_BYTES` asks for it, that many `x` behind it,
/// - and the line `note for the log` on STDERR.
#[derive(Debug)]
pub struct Application {
    /// Its process.
    pub peer: Peer,
    /// Its FastCGI port on 127.0.0.1.
    pub port: u16,
}

impl Application {
    /// Perl's FCGI module.
    #[track_caller]
    #[must_use]
    pub fn perl() -> Self {
        Self::start(perl::command)
    }

    /// A C program linked with libfcgi, compiled on the spot.
    #[track_caller]
    #[must_use]
    pub fn libfcgi() -> Self {
        Self::start(libfcgi::command)
    }

    /// A CGI program run by fcgiwrap; its path is
    /// [`script`](Self::script).
    #[track_caller]
    #[must_use]
    pub fn fcgiwrap() -> Self {
        Self::start(fcgiwrap::command)
    }

    /// The `SCRIPT_FILENAME` to ask for.
    #[must_use]
    pub fn script(&self) -> std::path::PathBuf {
        self.peer.path().join("script.cgi")
    }

    #[track_caller]
    fn start(command: impl FnOnce(&Path, u16) -> Command) -> Self {
        let folder = Peer::folder();
        let port = free_port();
        let command = command(folder.path(), port);
        let peer = Peer::start(command, folder);
        wait_for_port(port);
        Self { peer, port }
    }
}
