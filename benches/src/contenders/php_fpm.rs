//! php-fpm with one static pool on a Unix socket, for the web servers that
//! talk to it.

use std::path::Path;

use peers::{InstalledFpm, Peer, Php};

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

    /// What is different from the pool of [`Php::fpm`].
    fn directives(self) -> String {
        let manager = if self.started { "static" } else { "ondemand" };
        // Web servers may run as another user.
        let mut text = format!(
            "pm = {manager}\npm.max_children = {}\nlisten.mode = 0666\n",
            self.workers
        );
        if let Some(length) = self.backlog {
            text.push_str(&format!("listen.backlog = {length}\n"));
        }
        let timeout = self.control_timeout;
        text.push_str(&format!("[global]\nprocess_control_timeout = {timeout}\n"));
        text
    }
}

/// A running php-fpm.
#[derive(Debug)]
pub struct PhpFpm {
    php: Php,
    workers: usize,
}

impl PhpFpm {
    /// Starts php-fpm with one pool.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    pub fn start(pool: FpmPool) -> Result<Self, String> {
        let installed = InstalledFpm::find()
            .ok_or("php-fpm is not installed: apt-get install --no-install-recommends php-fpm")?;
        Self::start_program(installed.program(), pool)
    }

    /// Starts another program that takes php-fpm's options and file.
    ///
    /// # Errors
    ///
    /// When its folder cannot be opened to web servers.
    pub fn start_program(program: &Path, pool: FpmPool) -> Result<Self, String> {
        let php = Php::fpm_program(program, &pool.directives());
        super::open_folder(php.peer().path())?;
        Ok(Self {
            php,
            workers: pool.workers,
        })
    }

    /// The socket that web servers connect to.
    #[must_use]
    pub fn socket(&self) -> &str {
        let address = self.php.address();
        address.strip_prefix("unix:").unwrap_or(address)
    }

    /// Its number of workers.
    #[must_use]
    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// Its processes, for the contender that they are a part of.
    pub(super) fn into_process(self) -> Peer {
        self.php.into_peer()
    }
}
