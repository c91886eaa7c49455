//! What the server is told to do, whoever tells it.

use std::path::PathBuf;
use std::time::Duration;

use fpm_pool::http::{BodyPolicy, SessionKeys, Symlinks, TrustedProxies};

use super::limits::Limits;
use super::log;
use crate::address::Address;

/// All settings.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<Address>,
    /// Threads that serve connections; `None` for as many as suit.
    pub(crate) threads: Option<usize>,
    /// Files of a certificate chain and of its key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) trusted: TrustedProxies,
    pub(crate) limits: Limits,
    /// How long requests may go on after a stop signal.
    pub(crate) grace: Duration,
    pub(crate) sites: SiteSettings,
    pub(crate) php: PhpSettings,
    /// Where the store of sessions is that this process serves to PHP.
    pub(crate) sessions: Option<String>,
    pub(crate) report: ReportSettings,
}

/// What is served.
#[derive(Debug)]
pub(crate) struct SiteSettings {
    /// The document root for all hosts without one of their own.
    pub(crate) root: Option<PathBuf>,
    /// Document roots by lower-case host name.
    pub(crate) by_host: Vec<(String, PathBuf)>,
    pub(crate) front_controller: Option<String>,
    pub(crate) denied: Vec<String>,
    pub(crate) symlinks: Symlinks,
    /// Folders that scripts may hand over files from.
    pub(crate) send_files: Vec<PathBuf>,
    pub(crate) session_keys: SessionKeys,
    pub(crate) bodies: BodyPolicy,
}

/// Who runs the scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhpSettings {
    /// FastCGI servers that already run; without one, workers of our own.
    pub(crate) upstreams: Vec<Address>,
    /// A php-fpm configuration, and which of its pools.
    pub(crate) config: Option<PathBuf>,
    pub(crate) pool: Option<String>,
    pub(crate) program: Option<PathBuf>,
    /// PHP settings, `NAME=VALUE`; of two the last wins.
    pub(crate) defines: Vec<String>,
    pub(crate) workers: Option<usize>,
    pub(crate) queue: Option<usize>,
    pub(crate) queue_timeout: Option<Duration>,
    /// Zero for no limit.
    pub(crate) request_timeout: Option<Duration>,
}

/// What the operator sees.
#[derive(Debug)]
pub(crate) struct ReportSettings {
    pub(crate) status_path: Option<String>,
    pub(crate) access_log: Option<log::Target>,
    pub(crate) access_log_format: log::Format,
}
