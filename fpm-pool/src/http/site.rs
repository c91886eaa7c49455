//! A PHP site and its settings.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;

use super::body_policy::BodyPolicy;
use super::call::Gateway;
use super::check::HeadLimits;
use super::document_root::DocumentRoot;
use super::files::{FileService, NoFiles};
use super::handover::Handover;
use super::proxies::TrustedProxies;
use super::resolve::Resolved;
use super::root::Symlinks;
use super::session_keys::SessionKeys;
use crate::PoolHandle;

/// What [`PhpSite`]'s `poll_ready` says while the pool's queue is full.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Ready: a request for a script is answered with 503 and `Retry-After`,
    /// files and refusals need no pool. What hosts want that wait for
    /// readiness without a limit, as axum does.
    #[default]
    Refuse,
    /// Pending, until there is a place, which is kept for the next request.
    /// It is given back if that needs none, and while its body comes: such a
    /// request may still be refused. For hosts that shed load or hold back
    /// their connections by readiness; files wait as well.
    Wait,
}

/// A PHP site as a service: from any HTTP request to its answer, by a script
/// that a pool runs, by a file, or by the refusal that fits. It never fails.
///
/// Clones share everything and are cheap. Settings are for the start: each
/// method returns the site with another one.
///
/// What a request may carry in its extensions: the [`Origin`](super::Origin)
/// (client, TLS) and [`EarlyHints`](super::EarlyHints). An answer that neither
/// script nor file gave carries the [`Fault`](super::Fault); which worker gave
/// one, the [body](super::SiteBody::answered) says.
///
/// Each request is a [`tracing`] span `request` of the target
/// `fpm_pool::http`, level DEBUG, with `script`, `worker`, `queue_wait_us`,
/// `first_byte_us`, `status`, `sent_bytes`, `end` (`complete`, `broken off`,
/// `client left`) and `failure`; it ends with the answer's body. A W3C trace
/// context reaches PHP as the client sent it (`HTTP_TRACEPARENT`,
/// `HTTP_TRACESTATE`); a host with spans of its own sets these fields.
///
/// # Examples
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use fpm_pool::http::PhpSite;
/// use fpm_pool::{Pool, PoolConfig, WorkerCommand};
/// use tower_http::services::ServeDir;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let pool = Pool::start(PoolConfig::new("www").command(WorkerCommand::php_cgi("php-cgi")))?;
/// let php = PhpSite::new(pool, "/srv/www/public")
///     .front_controller("index.php")
///     .files(ServeDir::new("/srv/www/public"));
/// let app: Router = Router::new()
///     .route("/api", get(|| async { "Rust" }))
///     .fallback_service(php);
/// # drop(app);
/// # Ok(())
/// # }
/// ```
pub struct PhpSite<B = PoolHandle, F = NoFiles> {
    pub(super) backend: B,
    pub(super) files: F,
    pub(super) settings: Arc<Settings<F>>,
}

/// What all requests of a site share.
#[derive(Clone, Debug)]
pub(super) struct Settings<F> {
    pub(super) root: DocumentRoot,
    pub(super) gateway: Gateway,
    pub(super) bodies: BodyPolicy,
    pub(super) head: HeadLimits,
    pub(super) proxies: TrustedProxies,
    pub(super) handover: Handover<F>,
    pub(super) when_full: WhenFull,
}

impl<B> PhpSite<B, NoFiles> {
    /// The site below the folder `root`, whose scripts `pool` runs. What is
    /// no script is answered with 404 until [`files`](Self::files) says who
    /// sends files.
    ///
    /// The workers read the scripts themselves: `root` has to mean the same
    /// to them.
    #[must_use]
    pub fn new(pool: B, root: impl AsRef<Path>) -> Self {
        Self::with_root(pool, DocumentRoot::new(root))
    }

    /// A site with the rules of `root`.
    #[must_use]
    pub fn with_root(pool: B, root: DocumentRoot) -> Self {
        let settings = Settings {
            root,
            gateway: Gateway::default(),
            bodies: BodyPolicy::default(),
            head: HeadLimits::default(),
            proxies: TrustedProxies::default(),
            handover: Handover::default(),
            when_full: WhenFull::default(),
        };
        Self {
            backend: pool,
            files: NoFiles,
            settings: Arc::new(settings),
        }
    }

    /// Sends what is a file through `service`, which is never asked for
    /// hidden files, sources of scripts, or what is denied. Call it before
    /// [`send_files`](PhpSite::send_files).
    #[must_use]
    pub fn files<F: FileService>(self, service: F) -> PhpSite<B, F> {
        let settings = Arc::unwrap_or_clone(self.settings);
        let settings = Settings {
            root: settings.root,
            gateway: settings.gateway,
            bodies: settings.bodies,
            head: settings.head,
            proxies: settings.proxies,
            handover: Handover::default(),
            when_full: settings.when_full,
        };
        PhpSite {
            backend: self.backend,
            files: service,
            settings: Arc::new(settings),
        }
    }
}

impl<B, F: Clone> PhpSite<B, F> {
    fn set(mut self, change: impl FnOnce(&mut Settings<F>)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    fn set_root(self, change: impl FnOnce(DocumentRoot) -> DocumentRoot) -> Self {
        self.set(|settings| settings.root = change(settings.root.clone()))
    }

    /// The script below the root that gets every path which is no file:
    /// `index.php`.
    #[must_use]
    pub fn front_controller(self, script: &str) -> Self {
        self.set_root(|root| root.front_controller(script))
    }

    /// Shows nothing at this path and below it. May be called repeatedly.
    #[must_use]
    pub fn deny(self, path: &str) -> Self {
        self.set_root(|root| root.deny(path))
    }

    /// Which links out of the root are followed: by default those to folders
    /// by the folder's owner.
    #[must_use]
    pub fn symlinks(self, policy: Symlinks) -> Self {
        self.set_root(|root| root.symlinks(policy))
    }

    /// What a folder shows: `index.php` and `index.html` by default.
    #[must_use]
    pub fn index<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.set_root(|root| root.index(names))
    }

    /// Lets scripts hand over the files below `folder` with `X-Sendfile: PATH`
    /// or `X-Accel-Redirect: /URL-PATH`, sent through `service`, which must
    /// look for them in `folder` or take the opened file from the request.
    /// May be called repeatedly.
    ///
    /// The path is absolute, or relative to the folder. Ranges and
    /// preconditions of the client count; the fields that the script sets go
    /// before those of the file, but for its length and its validators.
    /// Without this call the two fields pass like any other.
    #[must_use]
    pub fn send_files(self, folder: impl Into<PathBuf>, service: F) -> Self {
        self.set(|settings| settings.handover.add(folder.into(), service))
    }

    /// A variable for all scripts; it wins over what a request says. Choose
    /// the names yourself: PHP obeys some, such as `PHP_ADMIN_VALUE`.
    #[must_use]
    pub fn var(self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        let var = (name.into(), value.into());
        self.set(|settings| settings.gateway.vars.push(var))
    }

    /// `SERVER_SOFTWARE`: the host's name and version.
    #[must_use]
    pub fn software(self, name: impl Into<Vec<u8>>) -> Self {
        self.set(|settings| settings.gateway.software = name.into())
    }

    /// Which cookies name a session, and how many workers one may have. None
    /// by default.
    #[must_use]
    pub fn session_keys(self, keys: SessionKeys) -> Self {
        self.set(|settings| settings.gateway.session_keys = keys)
    }

    /// How request bodies reach the workers, and their bounds.
    #[must_use]
    pub fn bodies(self, policy: BodyPolicy) -> Self {
        self.set(|settings| settings.bodies = policy)
    }

    /// Bounds on the head of a request.
    #[must_use]
    pub fn head_limits(self, limits: HeadLimits) -> Self {
        self.set(|settings| settings.head = limits)
    }

    /// The proxies in front that are believed; none by default. Without the
    /// [`Origin`](super::Origin) of a request none is.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        self.set(|settings| settings.proxies = proxies)
    }

    /// What readiness means while the queue is full.
    #[must_use]
    pub fn when_full(self, choice: WhenFull) -> Self {
        self.set(|settings| settings.when_full = choice)
    }

    /// The document root and its rules.
    #[must_use]
    pub fn root(&self) -> &DocumentRoot {
        &self.settings.root
    }

    /// Who runs the scripts.
    #[must_use]
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// What the path of a request leads to.
    ///
    /// # Errors
    ///
    /// As [`DocumentRoot::resolve`].
    pub fn resolve(&self, uri: &Uri) -> std::io::Result<Resolved> {
        self.settings.root.resolve(uri)
    }
}

impl<B: Clone, F: Clone> Clone for PhpSite<B, F> {
    fn clone(&self) -> Self {
        Self {
            backend: self.backend.clone(),
            files: self.files.clone(),
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<B, F> fmt::Debug for PhpSite<B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhpSite")
            .field("root", &self.settings.root.path())
            .finish_non_exhaustive()
    }
}
