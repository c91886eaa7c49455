//! One module per suite; [`ALL`] lists them.

mod codec;
mod config;
mod http;
mod keepalive;
mod leaving;
mod memory;
mod overload;
mod profile;
mod reload;
mod sessions;
mod spawn;

use crate::Report;
use crate::contenders;

/// How a run is wanted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Fewer and shorter repetitions: for a look, not for quoting.
    pub quick: bool,
    /// PHP workers of every server.
    pub workers: usize,
    /// Only cases whose name contains one of these; all when empty.
    pub cases: Vec<String>,
    /// Only these peers beside ours; all when empty.
    pub peers: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            quick: false,
            workers: 4,
            cases: Vec::new(),
            peers: Vec::new(),
        }
    }
}

impl Options {
    /// How often each case is measured per server, in turn with the others.
    #[must_use]
    pub fn repetitions(&self) -> usize {
        if self.quick { 3 } else { 5 }
    }

    /// Whether the case `name` was asked for.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|part| name.contains(part.as_str()))
    }
}

/// A set of measurements that run together.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// The name on the command line and in front of every figure.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// Whether a busy machine spoils its figures.
    pub timed: bool,
    /// Measures and reports; the error says what to install or change.
    pub run: fn(&Options, &mut Report) -> Result<(), String>,
}

/// Every suite, in the order of a full run.
pub const ALL: &[Suite] = &[
    Suite {
        name: "http",
        about: "requests/s, latency and CPU per request at 1, 8 and 64 connections",
        timed: true,
        run: http::run,
    },
    Suite {
        name: "overload",
        about: "answers in time when more arrive than can be served",
        timed: true,
        run: overload::run,
    },
    Suite {
        name: "leaving",
        about: "latency of those that stay while others leave a server at ease",
        timed: true,
        run: leaving::run,
    },
    Suite {
        name: "reload",
        about: "failed requests and added latency over 20 reloads under load",
        timed: true,
        run: reload::run,
    },
    Suite {
        name: "spawn",
        about: "time from demand to first answer with 0, 1 and 16 workers short",
        timed: true,
        run: spawn::run,
    },
    Suite {
        name: "memory",
        about: "proportional set size of all processes",
        timed: true,
        run: memory::run,
    },
    Suite {
        name: "profile",
        about: "system calls, allocations and context switches of one request",
        timed: false,
        run: profile::run,
    },
    Suite {
        name: "sessions",
        about: "changed sessions a second: PHP's handlers, our endpoints, Rust",
        timed: true,
        run: sessions::run,
    },
    Suite {
        name: "codec",
        about: "instructions and allocations of the FastCGI codec (valgrind)",
        timed: false,
        run: codec::run,
    },
    Suite {
        name: "config",
        about: "check of a configuration of 1,000 pools",
        timed: true,
        run: config::run,
    },
];

/// Every name that [`Options::peers`] may hold.
pub fn peer_names() -> impl Iterator<Item = &'static str> {
    let servers = contenders::ALL.iter().map(|(name, _)| *name);
    servers.chain(codec::peer_names().filter(|name| !name.is_empty()))
}

/// Whether this process only runs a piece of a suite for another one.
#[must_use]
pub fn is_child() -> bool {
    codec::is_child()
}
