//! The servers that are compared, each configured as its own manual
//! recommends for speed, with the same PHP, the same number of workers and
//! access logs off.

mod apache;
mod caddy;
mod h2o;
mod lighttpd;
mod nginx;
mod php_fpm;
mod same;
mod serve;

use std::path::Path;
use std::time::{Duration, Instant};

use peers::Peer;

use crate::load::{Closed, ClosedRun, Request, closed_loop};
use crate::machine;

pub use apache::start_mod_php;
pub use nginx::with_php as nginx_with_php;
pub use php_fpm::{FpmPool, PhpFpm};
pub use same::check as check_same;
pub use serve::{build_program, build_serve, start as start_serve, start_with as start_serve_with};

/// What every contender is started with.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The document root.
    pub root: &'a Path,
    /// Our `serve`, as [`build_serve`] returns it.
    pub serve: &'a Path,
    /// PHP workers.
    pub workers: usize,
    /// Client connections that will be kept open at most: servers that pin a
    /// process to a connection get that many.
    pub connections: usize,
}

/// A running server, stopped on drop.
#[derive(Debug)]
pub struct Contender {
    /// Its name in figures.
    pub name: &'static str,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// PHP workers that it is to have.
    pub workers: usize,
    processes: Vec<Peer>,
}

/// How a contender is started; the error names what is missing.
pub type Start = fn(&Setup<'_>) -> Result<Contender, String>;

/// Our server's name in figures.
pub const OURS: &str = "serve";

/// Every contender, ours first. A new one is a file with a `start` beside this
/// one, and a line here: what it is called in figures follows from its name.
pub const ALL: &[(&str, Start)] = &[
    (OURS, serve::start),
    ("nginx_fpm", nginx::start),
    ("nginx_fpm_keepalive", nginx::start_keepalive),
    ("mod_php", start_mod_php),
    ("apache_fpm", apache::start_fpm),
    ("caddy_fpm", caddy::start),
    ("lighttpd_fpm", lighttpd::start),
    ("h2o_fpm", h2o::start),
];

impl Contender {
    /// A contender of these running processes: the first one answers HTTP, the
    /// last one has the PHP workers.
    #[must_use]
    pub fn new(name: &'static str, port: u16, workers: usize, processes: Vec<Peer>) -> Self {
        Self {
            name,
            port,
            workers,
            processes,
        }
    }

    /// Whether it is ours.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.name == OURS
    }

    /// What stands behind the name of its own figures: nothing for ours,
    /// `.peer_<name>` for a peer.
    #[must_use]
    pub fn suffix(&self) -> String {
        suffix(self.name)
    }

    /// Its PHP workers: the processes below the one that has them which have
    /// no children themselves.
    #[must_use]
    pub fn worker_ids(&self) -> Vec<u32> {
        let holder = self.processes.last().map(Peer::id);
        holder.map(machine::leaves).unwrap_or_default()
    }

    /// All its processes but the PHP workers.
    #[must_use]
    pub fn server_ids(&self) -> Vec<u32> {
        let workers = self.worker_ids();
        let all = machine::tree(&self.roots()).into_iter();
        all.filter(|pid| !workers.contains(pid)).collect()
    }

    /// CPU seconds used so far by everything that this server consists of.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        machine::cpu_seconds(&self.roots())
    }

    /// Proportional set size of everything that this server consists of.
    #[must_use]
    pub fn pss_bytes(&self) -> u64 {
        machine::pss_bytes(&self.roots())
    }

    /// The ids of its started processes: the tree hangs below them.
    #[must_use]
    pub fn roots(&self) -> Vec<u32> {
        self.processes.iter().map(Peer::id).collect()
    }

    /// Sends `signal` to the process that holds PHP: php-fpm where there is
    /// one behind the server, else the server itself.
    pub fn signal_php(&self, signal: nix::sys::signal::Signal) {
        if let Some(process) = self.processes.last() {
            process.signal(signal);
        }
    }

    /// Runs `request` in a closed loop, with the CPU time it took here.
    ///
    /// # Errors
    ///
    /// When the load generator cannot run.
    pub fn load(
        &self,
        request: &Request,
        connections: usize,
        duration: Duration,
    ) -> Result<(ClosedRun, f64), String> {
        let before = self.cpu_seconds();
        let run = closed_loop(
            Closed {
                port: self.port,
                connections,
                duration,
            },
            request,
        )?;
        Ok((run, self.cpu_seconds() - before))
    }

    /// Waits until `request` is answered as it must be.
    ///
    /// # Errors
    ///
    /// When it is not within 20 seconds; with what the server printed.
    pub fn ready(self, request: &Request) -> Result<Self, String> {
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            let (run, _) = self.load(request, 1, Duration::from_millis(1))?;
            match run.first_error {
                None if !run.latencies_us.is_empty() => return Ok(self),
                error if Instant::now() > give_up => {
                    let logs: Vec<_> = self.processes.iter().map(Peer::log).collect();
                    return Err(format!(
                        "{} does not answer: {}\n{}",
                        self.name,
                        error.unwrap_or_default(),
                        logs.join("\n")
                    ));
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // Its processes are killed right after this.
        machine::note_end(&self.roots());
    }
}

/// [`Contender::suffix`] of the contender `name`.
#[must_use]
pub fn suffix(name: &str) -> String {
    if name == OURS {
        String::new()
    } else {
        format!(".peer_{name}")
    }
}

/// The contenders to start: ours, and all peers or those in `only`.
pub fn chosen(only: &[String]) -> impl Iterator<Item = (&'static str, Start)> {
    let is_chosen = move |name: &str| {
        name == OURS || only.is_empty() || only.iter().any(|wanted| wanted == name)
    };
    ALL.iter().copied().filter(move |(name, _)| is_chosen(name))
}

/// Starts every chosen contender that is installed, ours first; the missing
/// ones are named on stderr and skipped.
///
/// # Errors
///
/// When ours does not start (there is nothing to compare then), or when PHP is
/// not the same everywhere.
pub fn start_all(setup: &Setup<'_>, only: &[String]) -> Result<Vec<Contender>, String> {
    let mut started = Vec::new();
    for (name, start) in chosen(only) {
        match start(setup).and_then(|contender| contender.ready(&hello())) {
            Ok(contender) => started.push(contender),
            Err(error) if name == OURS => return Err(error),
            Err(error) => eprintln!("skipped {name}: {error}"),
        }
    }
    check_same(&started)?;
    Ok(started)
}

/// The request that shows that a contender serves PHP.
#[must_use]
pub fn hello() -> Request {
    use crate::load::Expect;
    Request::get("/hello.php", Expect::Body(b"Hello, world!\n".to_vec()))
}

/// The program `name`, or the apt line that installs it.
fn program(name: &str, package: &str) -> Result<std::path::PathBuf, String> {
    peers::try_tool(name).ok_or_else(|| {
        format!("`{name}` is not installed: apt-get install --no-install-recommends {package}")
    })
}

/// Writes a configuration file into a peer's folder.
fn write(folder: &Path, name: &str, text: &str) -> Result<std::path::PathBuf, String> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Lets the unprivileged processes of a server into its folder.
fn open_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| format!("{}: {error}", folder.display()))
}
