//! Who runs the scripts: workers of our own, or FastCGI servers.

use std::fmt;
use std::time::Duration;

use fpm_pool::{PoolConfig, Status};
use http::{Response, StatusCode};

use super::content::Content;
use super::fpm_conf;
use super::request::Call;
use super::upstream::{UpstreamStatus, Upstreams};
use super::workers::Workers;
use crate::serve::cli::PhpOptions;
use crate::serve::failure::Failure;
use crate::serve::http::Body;

/// Who runs the scripts.
#[derive(Debug)]
pub(crate) enum Backend {
    /// Workers that this process supervises.
    Workers(Workers),
    /// FastCGI servers that already run.
    Upstreams(Upstreams),
}

/// A backend whose settings are checked, before anything is started.
#[derive(Debug)]
pub(crate) enum Prepared {
    Workers(Box<PoolConfig>),
    Upstreams(Upstreams),
}

/// The state of a backend at one moment.
#[derive(Debug)]
pub(crate) enum BackendStatus {
    Pool(Box<Status>),
    Upstreams(Vec<UpstreamStatus>),
}

/// What a script answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response<Body>,
    /// How long the request waited for a worker.
    pub(super) queued: Option<Duration>,
    /// The process that ran it.
    pub(super) worker: Option<u32>,
}

/// Why a script did not answer.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    /// For the log, with the causes of the cause.
    pub(super) cause: String,
    pub(super) retry_after: Option<Duration>,
    /// The log has it already.
    pub(super) logged: bool,
}

impl Backend {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// When php-cgi is missing, or the configuration cannot be used.
    pub(crate) fn prepare(options: &PhpOptions) -> Result<Prepared, Failure> {
        match options.upstream.is_empty() {
            true => Workers::configure(options).map(|config| Prepared::Workers(Box::new(config))),
            false => Ok(Prepared::Upstreams(Upstreams::new(options))),
        }
    }

    /// Who the workers run as, if not who we do.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used, or locks the workers into a
    /// folder where they cannot reach us.
    pub(crate) fn worker_user(options: &PhpOptions) -> Result<Option<String>, Failure> {
        match &options.config {
            Some(file) => fpm_conf::worker_user(&fpm_conf::read(file, options.pool.as_deref())?),
            None => Ok(None),
        }
    }

    /// Runs a script and returns its answer; the body may still come.
    ///
    /// # Errors
    ///
    /// A [`Fault`] to answer with and to log.
    pub(super) async fn run(&self, call: &Call<'_>, content: Content) -> Result<Answer, Fault> {
        match self {
            Self::Workers(workers) => workers.run(call, content).await,
            Self::Upstreams(upstreams) => upstreams.run(call, content).await,
        }
    }

    /// Gives the requests to new workers with settings read again; returns
    /// their generation.
    ///
    /// # Errors
    ///
    /// Why the old workers go on.
    pub(crate) async fn reload(&self, options: &PhpOptions) -> Result<u64, String> {
        match self {
            Self::Workers(workers) => workers.reload(options).await,
            Self::Upstreams(_) => Err("FastCGI servers are not ours to reload".to_owned()),
        }
    }

    /// Stops the workers; requests that run have `grace` to end.
    pub(crate) async fn stop(&self, grace: Duration) {
        match self {
            Self::Workers(workers) => workers.stop(grace).await,
            Self::Upstreams(_) => {}
        }
    }

    pub(crate) fn status(&self) -> BackendStatus {
        match self {
            Self::Workers(workers) => BackendStatus::Pool(Box::new(workers.status())),
            Self::Upstreams(upstreams) => BackendStatus::Upstreams(upstreams.status()),
        }
    }
}

impl Prepared {
    /// Starts the workers and waits for the first one.
    ///
    /// # Errors
    ///
    /// When they do not start.
    pub(crate) async fn start(self) -> Result<Backend, Failure> {
        match self {
            Self::Workers(config) => Workers::start(*config).await.map(Backend::Workers),
            Self::Upstreams(upstreams) => Ok(Backend::Upstreams(upstreams)),
        }
    }
}

/// An error with the causes behind it, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    use fmt::Write;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {inner}");
        source = inner.source();
    }
    text
}
