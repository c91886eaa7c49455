//! Who runs the scripts: workers of our own, or FastCGI servers.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use fpm_pool::http::{self, Call, Content, Fault};
use fpm_pool::{Answered, PoolConfig, Status};

use super::body::ScriptBody;
use super::fpm_conf;
use super::upstream::{UpstreamStatus, Upstreams};
use super::workers::Workers;
use crate::serve::failure::Failure;
use crate::serve::settings::PhpSettings;

/// Who runs the scripts.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Workers that this process supervises.
    Workers(Workers),
    /// FastCGI servers that already run.
    Upstreams(Arc<Upstreams>),
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

impl Backend {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// When php-cgi is missing, or the configuration cannot be used.
    pub(crate) fn prepare(settings: &PhpSettings) -> Result<Prepared, Failure> {
        match settings.upstreams.is_empty() {
            true => Workers::configure(settings).map(|config| Prepared::Workers(Box::new(config))),
            false => Ok(Prepared::Upstreams(Upstreams::new(settings))),
        }
    }

    /// Who the workers run as, if not who we do.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used, or locks the workers into a
    /// folder where they cannot reach us.
    pub(crate) fn worker_user(settings: &PhpSettings) -> Result<Option<String>, Failure> {
        match &settings.config {
            Some(file) => fpm_conf::worker_user(&fpm_conf::read(file, settings.pool.as_deref())?),
            None => Ok(None),
        }
    }

    /// Gives the requests to new workers with settings read again; returns
    /// their generation.
    ///
    /// # Errors
    ///
    /// Why the old workers go on.
    pub(crate) async fn reload(&self, settings: &PhpSettings) -> Result<u64, String> {
        match self {
            Self::Workers(workers) => workers.reload(settings).await,
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

impl http::Backend for Backend {
    type Body = ScriptBody;

    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Workers(workers) => workers.pool.poll_place(cx),
            Self::Upstreams(_) => Poll::Ready(()),
        }
    }

    /// A server elsewhere that saw half of a body would run the script with
    /// that half, and it is not ours to kill.
    fn takes_streams(&self) -> bool {
        matches!(self, Self::Workers(_))
    }

    async fn run(
        &mut self,
        call: Call<'_>,
        content: Content,
    ) -> Result<::http::Response<ScriptBody>, Fault> {
        match self {
            Self::Workers(workers) => {
                let response = workers.pool.run(call, content).await?;
                Ok(response.map(ScriptBody::Worker))
            }
            Self::Upstreams(upstreams) => upstreams.run(&call, content).await,
        }
    }

    fn answered(body: &ScriptBody) -> Option<&Answered> {
        match body {
            ScriptBody::Worker(body) => Some(body.answered()),
            ScriptBody::Upstream(_) => None,
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
            Self::Upstreams(upstreams) => Ok(Backend::Upstreams(Arc::new(upstreams))),
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
