//! From the command line to a server that is ready to accept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fpm_pool::http::{DocumentRoot, PhpSite};
use tempfile::TempDir;

use super::counters::Counters;
use super::failure::Failure;
use super::files::Files;
use super::io::Tls;
use super::log::{AccessLog, Closer};
use super::php::Backend;
use super::sample;
use super::server::Server;
use super::sessions::Sessions;
use super::settings::{PhpSettings, ReportSettings, Settings, SiteSettings};
use super::sites::{Site, Sites};
use crate::address::{Address, ListenAddress};
use crate::listener::Listener;

/// `SERVER_SOFTWARE`.
const SOFTWARE: &str = concat!("serve/", env!("CARGO_PKG_VERSION"));

/// A server, and what its owner needs to run and stop it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) server: Arc<Server>,
    pub(super) listeners: Vec<Listener>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) grace: Duration,
    php: Arc<PhpSettings>,
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
pub(super) async fn setup(settings: Settings) -> Result<Parts, Failure> {
    let roots = Roots::check(&settings.sites)?;
    let tls = tls(settings.tls.as_ref())?;
    let (php, sessions) = with_sessions(settings.php, settings.sessions.as_deref()).await?;
    let prepared = Backend::prepare(&php)?;
    let listeners = listen(&settings.listen).await?;
    let (access_log, log_closer) = access_log(&settings.report)?;
    let backend = prepared.start().await?;
    let server = Server {
        sites: roots.sites(&settings.sites, &backend),
        backend,
        limits: settings.limits,
        trusted: settings.trusted,
        status_path: settings.report.status_path,
        access_log,
        counters: Arc::new(Counters::new()),
    };
    Ok(Parts {
        server: Arc::new(server),
        listeners,
        tls,
        grace: settings.grace,
        php: Arc::new(php),
        log_closer,
        _sample: roots.sample,
        _sessions: sessions,
    })
}

/// Starts what `--sessions` asks for, and tells the workers of it. Settings
/// that the command line has too win.
async fn with_sessions(
    mut php: PhpSettings,
    url: Option<&str>,
) -> Result<(PhpSettings, Option<Sessions>), Failure> {
    let Some(url) = url else {
        return Ok((php, None));
    };
    let user = Backend::worker_user(&php)?;
    let sessions = Sessions::start(url, user.as_deref()).await?;
    php.defines.splice(0..0, sessions.defines());
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
            match server.backend.reload(&php).await {
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
        self.server.backend.stop(grace).await;
    }

    /// Writes what is left of the access log.
    pub(super) fn close_log(mut self) {
        if let Some(closer) = self.log_closer.take() {
            closer.close();
        }
    }
}

/// The document roots of all sites, which exist.
struct Roots {
    default: Option<DocumentRoot>,
    by_host: Vec<(String, DocumentRoot)>,
    sample: Option<TempDir>,
}

impl Roots {
    /// # Errors
    ///
    /// When a folder is missing, or the sample site cannot be unpacked.
    fn check(settings: &SiteSettings) -> Result<Self, Failure> {
        for folder in &settings.send_files {
            check(&DocumentRoot::new(folder))?;
        }
        let root = |path: &Path| {
            let root = DocumentRoot::new(path).symlinks(settings.symlinks);
            check(&root)?;
            let root = match &settings.front_controller {
                Some(script) => root.front_controller(script),
                None => root,
            };
            let denied = settings.denied.iter();
            Ok(denied.fold(root, |root, path| root.deny(path)))
        };
        let by_host = settings.by_host.iter();
        let by_host = by_host.map(|(name, path)| Ok((name.clone(), root(path)?)));
        let by_host = by_host.collect::<Result<Vec<_>, Failure>>()?;
        let (default, sample) = match &settings.root {
            Some(path) => (Some(root(path)?), None),
            None if !by_host.is_empty() => (None, None),
            None => {
                let folder = sample::unpack().map_err(|cause| Failure::System {
                    what: "the sample site cannot be unpacked",
                    cause,
                })?;
                (Some(root(folder.path())?), Some(folder))
            }
        };
        Ok(Self {
            default,
            by_host,
            sample,
        })
    }

    /// The sites on them, whose scripts `backend` runs.
    fn sites(&self, settings: &SiteSettings, backend: &Backend) -> Sites {
        let site = |root: &DocumentRoot| -> Site {
            let site = PhpSite::with_root(backend.clone(), root.clone())
                .software(SOFTWARE)
                .session_keys(settings.session_keys.clone())
                .bodies(settings.bodies.clone())
                .files(Files);
            let folders = settings.send_files.iter();
            folders.fold(site, |site, folder| site.send_files(folder, Files))
        };
        let by_host = self.by_host.iter();
        Sites {
            default: self.default.as_ref().map(site),
            by_host: by_host
                .map(|(name, root)| (name.clone(), site(root)))
                .collect(),
        }
    }
}

fn check(root: &DocumentRoot) -> Result<(), Failure> {
    root.check().map_err(|cause| Failure::Root {
        path: root.path().to_owned(),
        cause,
    })
}

fn tls(files: Option<&(PathBuf, PathBuf)>) -> Result<Option<Arc<Tls>>, Failure> {
    let Some((certificate, key)) = files else {
        return Ok(None);
    };
    let tls = Tls::load(certificate, key).map_err(Failure::Tls)?;
    Ok(Some(Arc::new(tls)))
}

fn access_log(settings: &ReportSettings) -> Result<(Option<AccessLog>, Option<Closer>), Failure> {
    let Some(target) = &settings.access_log else {
        return Ok((None, None));
    };
    let (log, closer) = AccessLog::open(target, settings.access_log_format).map_err(|cause| {
        Failure::AccessLog {
            path: target.to_string(),
            cause,
        }
    })?;
    Ok((Some(log), Some(closer)))
}

async fn listen(addresses: &[Address]) -> Result<Vec<Listener>, Failure> {
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
