//! What the tests of the programs share.
#![allow(dead_code, reason = "each test file uses a part")]

use std::process::Command;
use std::time::Duration;

use peers::{Peer, wait_until};

/// `echo-app` on a free port of 127.0.0.1.
pub(crate) struct EchoApp {
    pub(crate) peer: Peer,
    pub(crate) port: u16,
}

impl EchoApp {
    #[track_caller]
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut command = echo_app();
        command.args(["--listen", "127.0.0.1:0"]).args(options);
        let peer = Peer::start(command, Peer::folder());
        let address = listening_on(&peer);
        let port = address.rsplit_once(':').expect("host:port").1;
        let port = port.parse().expect("a port");
        Self { peer, port }
    }

    #[track_caller]
    pub(crate) fn with_delay(delay: Duration) -> Self {
        Self::start(&["--delay-ms", &delay.as_millis().to_string()])
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

pub(crate) fn echo_app() -> Command {
    Command::new(env!("CARGO_BIN_EXE_echo-app"))
}

pub(crate) fn fcgi() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fcgi"))
}

/// The address in the line that a program prints once it accepts.
#[track_caller]
pub(crate) fn listening_on(peer: &Peer) -> String {
    let line = || {
        let log = peer.log();
        let line = log
            .lines()
            .find_map(|line| line.strip_prefix("listening on "));
        // The line is whole only with its end.
        line.filter(|_| log.contains('\n')).map(str::to_owned)
    };
    wait_until("the program prints where it listens", || line().is_some());
    line().expect("the line is there")
}
