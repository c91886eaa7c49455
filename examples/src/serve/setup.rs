//! From the command line to a server that is ready to accept.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::cli::{HttpOptions, Options, PhpOptions};
use super::failure::Failure;
use super::io::Tls;
use super::limits::Limits;
use super::log::{AccessLog, Closer};
use super::php::{Backend, HandoverRoots, Php, SessionKeys};
use super::sample;
use super::server::Server;
use super::sessions::Sessions;
use super::site::{Root, Site, Sites};
use super::status::Counters;
use crate::address::ListenAddress;
use crate::listener::Listener;

/// A server, and what its owner needs to run and stop it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) server: Arc<Server>,
    pub(super) listeners: Vec<Listener>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) grace: Duration,
    php: Arc<PhpOptions>,
    log_closer: Option<Closer>,
    /// The sample site, removed with this.
    _sample: Option<TempDir>,
    /// What serves the sessions, stopped with this.
    _sessions: Option<Sessions>,
}

/// Checks everything that can fail, cheapest first, then starts the workers.
///
/// # Errors
///
/// A [`Failure`] with the exit code of its kind.
pub(super) async fn setup(options: Options) -> Result<Parts, Failure> {
    let (sites, sample) = sites(&options)?;
    let handover = HandoverRoots::new(&options.php.sendfile_root)
        .map_err(|(path, cause)| Failure::Root { path, cause })?;
    let tls = tls(&options.http)?;
    let (php, sessions) = with_sessions(options.php).await?;
    let php = Arc::new(php);
    let prepared = Backend::prepare(&php)?;
    let listeners = listen(&options.listen).await?;
    let (access_log, log_closer) = match &options.report.access_log {
        None => (None, None),
        Some(target) => AccessLog::open(target, options.report.access_log_format)
            .map(|(log, closer)| (Some(log), Some(closer)))
            .map_err(|cause| Failure::AccessLog {
                path: target.to_string(),
                cause,
            })?,
    };
    let backend = prepared.start().await?;
    let server = Server {
        sites,
        php: Php {
            backend,
            session_keys: SessionKeys::new(
                &php.session_cookie,
                php.session_share.0,
                php.exclusive_cookie.clone(),
            ),
            handover,
        },
        limits: limits(&options.http),
        trusted: options.http.trusted_proxy,
        status_path: options.report.status_path,
        access_log,
        counters: Arc::new(Counters::new()),
    };
    Ok(Parts {
        server: Arc::new(server),
        listeners,
        tls,
        grace: options.http.grace,
        php,
        log_closer,
        _sample: sample,
        _sessions: sessions,
    })
}

/// Starts what `--sessions` asks for, and tells the workers of it. Settings
/// that the command line has too win.
async fn with_sessions(mut php: PhpOptions) -> Result<(PhpOptions, Option<Sessions>), Failure> {
    let Some(url) = &php.sessions else {
        return Ok((php, None));
    };
    let user = Backend::worker_user(&php)?;
    let sessions = Sessions::start(url, user.as_deref()).await?;
    php.define.splice(0..0, sessions.defines());
    Ok((php, Some(sessions)))
}

impl Parts {
    /// Reads configuration and certificate again; requests go on meanwhile.
    pub(super) fn reload(&self) {
        if let Some(tls) = &self.tls {
            match tls.reload() {
                Ok(()) => tracing::info!("the certificate was read again"),
                Err(error) => tracing::error!("the old certificate stays: {error}"),
            }
        }
        let (server, php) = (Arc::clone(&self.server), Arc::clone(&self.php));
        tokio::spawn(async move {
            match server.php.backend.reload(&php).await {
                Ok(generation) => tracing::info!(generation, "new workers have taken over"),
                Err(cause) => tracing::error!("reload failed, the old workers go on: {cause}"),
            }
        });
    }

    /// Opens the access log anew.
    pub(super) fn reopen_log(&self) {
        if let Some(log) = &self.server.access_log {
            log.reopen();
        }
    }

    /// Stops the workers; requests that run have `grace` to end.
    pub(super) async fn stop_workers(&self, grace: Duration) {
        self.server.php.backend.stop(grace).await;
    }

    /// Writes what is left of the access log.
    pub(super) fn close_log(mut self) {
        if let Some(closer) = self.log_closer.take() {
            closer.close();
        }
    }
}

fn sites(options: &Options) -> Result<(Sites, Option<TempDir>), Failure> {
    let denied: Arc<[String]> = options.deny.iter().map(|path| below_root(path)).collect();
    let front_controller = options.front_controller.as_deref().map(below_root);
    let site = |path: &Path| {
        let root = Root::new(path, options.symlinks).map_err(|cause| Failure::Root {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Site {
            root,
            front_controller: front_controller.clone(),
            denied: Arc::clone(&denied),
        })
    };
    let by_host = options
        .vhost
        .iter()
        .map(|(name, root)| Ok((name.clone(), site(root)?)));
    let by_host: HashMap<_, _> = by_host.collect::<Result<_, Failure>>()?;
    let (default, sample) = match &options.root {
        Some(root) => (Some(site(root)?), None),
        None if !by_host.is_empty() => (None, None),
        None => {
            let folder = sample::unpack().map_err(|cause| Failure::System {
                what: "the sample site cannot be unpacked",
                cause,
            })?;
            (Some(site(folder.path())?), Some(folder))
        }
    };
    Ok((Sites { default, by_host }, sample))
}

/// `index.php` and `/index.php/` as `/index.php`.
fn below_root(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}

fn tls(options: &HttpOptions) -> Result<Option<Arc<Tls>>, Failure> {
    let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) else {
        return Ok(None);
    };
    let tls = Tls::load(certificate, key).map_err(Failure::Tls)?;
    Ok(Some(Arc::new(tls)))
}

async fn listen(addresses: &[crate::address::Address]) -> Result<Vec<Listener>, Failure> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let bound = Listener::bind(&ListenAddress::Bind(address.clone())).await;
        listeners.push(bound.map_err(|cause| Failure::Listen {
            address: address.clone(),
            cause,
        })?);
    }
    Ok(listeners)
}

fn limits(options: &HttpOptions) -> Limits {
    Limits {
        body_bytes: options.max_body,
        header_time: options.header_timeout,
        body_stall: options.body_timeout,
        send_stall: options.send_timeout,
        ..Limits::default()
    }
}
