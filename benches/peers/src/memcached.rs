//! memcached on a free port.

use std::process::Command;

use crate::{Peer, free_port, tool, wait_for_port};

/// One `memcached`.
#[derive(Debug)]
pub struct Memcached {
    /// The process.
    pub peer: Peer,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Memcached {
    /// Starts a server on a free port.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(free_port(), &[])
    }

    /// Starts a server on `port` with further options, such as `["-m", "1"]`.
    #[track_caller]
    #[must_use]
    pub fn start_with(port: u16, options: &[&str]) -> Self {
        let mut command = Command::new(tool("memcached", "memcached"));
        command
            .args(["-l", "127.0.0.1", "-p", &port.to_string(), "-u", "nobody"])
            .args(["-t", "1"])
            .args(options);
        let peer = Peer::start(command, Peer::folder());
        wait_for_port(port);
        Self { peer, port }
    }
}
