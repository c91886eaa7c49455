//! php-fpm with one static pool on a Unix socket, for the web servers that
//! talk to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use peers::Peer;

use super::{program, write};

/// How the pool is set up.
#[derive(Debug, Clone, Copy)]
pub struct FpmPool {
    /// `pm.max_children`.
    pub workers: usize,
    /// Workers are there from the start (`pm = static`), or come with demand
    /// (`pm = ondemand`).
    pub started: bool,
    /// `listen.backlog`; 511, as it comes, when `None`.
    pub backlog: Option<u32>,
    /// `process_control_timeout` in seconds; 0 as it comes.
    pub control_timeout: u32,
}

impl FpmPool {
    /// `workers` static workers, all else as php-fpm comes.
    #[must_use]
    pub fn fixed(workers: usize) -> Self {
        Self {
            workers,
            started: true,
            backlog: None,
            control_timeout: 0,
        }
    }
}

/// A running php-fpm and its socket.
#[derive(Debug)]
pub struct PhpFpm {
    /// Its processes.
    pub process: Peer,
    /// The socket that web servers connect to.
    pub socket: PathBuf,
}

impl PhpFpm {
    /// Starts php-fpm with one pool.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    pub fn start(pool: FpmPool) -> Result<Self, String> {
        let php_fpm = php_fpm_program()?;
        let folder = Peer::folder();
        super::open_folder(folder.path())?;
        let socket = folder.path().join("fpm.sock");
        let config = write(folder.path(), "fpm.conf", &config(folder.path(), pool))?;
        let mut command = Command::new(php_fpm);
        command.arg("-F").arg("-y").arg(config);
        if nix::unistd::geteuid().is_root() {
            command.arg("-R");
        }
        let process = Peer::start(command, folder);
        peers::wait_for_socket(&socket);
        Ok(Self { process, socket })
    }
}

fn php_fpm_program() -> Result<PathBuf, String> {
    ["php-fpm8.2", "php-fpm8.4", "php-fpm8.3", "php-fpm"]
        .iter()
        .find_map(|name| peers::try_tool(name))
        .ok_or_else(|| program("php-fpm", "php-fpm").expect_err("it was not found"))
}

fn config(folder: &Path, pool: FpmPool) -> String {
    let folder = folder.display();
    let user = user_lines();
    let backlog = pool
        .backlog
        .map(|length| format!("listen.backlog = {length}\n"));
    let manager = if pool.started { "static" } else { "ondemand" };
    format!(
        "[global]\nerror_log = {folder}/fpm.log\ndaemonize = no\nprocess_control_timeout = {}\n\
         [bench]\n{user}listen = {folder}/fpm.sock\nlisten.mode = 0666\n{}\
         pm = {manager}\npm.max_children = {}\npm.max_requests = 0\n",
        pool.control_timeout,
        backlog.unwrap_or_default(),
        pool.workers,
    )
}

fn user_lines() -> &'static str {
    // Workers run as whoever runs the harness, as those of the other servers.
    if nix::unistd::geteuid().is_root() {
        "user = root\ngroup = root\n"
    } else {
        ""
    }
}
