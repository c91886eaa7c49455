//! The layer and its service.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::config::Config;
use super::state::State;
use super::{Mode, SameSite, Session};
use crate::{IdPolicy, Limits, SerializeHandler, Store};

/// Gives each request its [`Session`].
///
/// The defaults are PHP's, with the safer cookie of PHP 8.6: strict mode,
/// `HttpOnly`, `SameSite=Lax`.
#[derive(Clone, Debug)]
pub struct SessionLayer {
    store: Store,
    config: Arc<Config>,
}

impl SessionLayer {
    /// A layer on a store. One process should have one store per backend.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            config: Arc::new(Config::default()),
        }
    }

    /// `session.name`; `PHPSESSID` by default.
    #[must_use]
    pub fn cookie_name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.with(|config| config.cookie.name = name.into())
    }

    /// `session.cookie_path`; `/` by default.
    #[must_use]
    pub fn cookie_path(self, path: impl Into<Cow<'static, str>>) -> Self {
        self.with(|config| config.cookie.path = path.into())
    }

    /// `session.cookie_domain`; the host alone by default.
    #[must_use]
    pub fn cookie_domain(self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.with(|config| config.cookie.domain = Some(domain.into()))
    }

    /// `session.cookie_lifetime`; until the browser closes by default.
    #[must_use]
    pub fn cookie_lifetime(self, lifetime: Duration) -> Self {
        self.with(|config| config.cookie.lifetime = Some(lifetime))
    }

    /// `session.cookie_secure`: sends the cookie over HTTPS only. Off by
    /// default, as in PHP.
    #[must_use]
    pub fn secure(self, secure: bool) -> Self {
        self.with(|config| config.cookie.secure = secure)
    }

    /// `session.cookie_samesite`; `Lax` by default.
    #[must_use]
    pub fn same_site(self, same_site: SameSite) -> Self {
        self.with(|config| config.cookie.same_site = same_site)
    }

    /// `session.serialize_handler`; `php` by default. It must be what the
    /// PHP application has.
    #[must_use]
    pub fn serialize_handler(self, handler: SerializeHandler) -> Self {
        self.with(|config| config.handler = handler)
    }

    /// How requests of one session get along; locked by default.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        self.with(|config| config.mode = mode)
    }

    /// `session.use_strict_mode`; strict by default.
    #[must_use]
    pub fn id_policy(self, policy: IdPolicy) -> Self {
        self.with(|config| config.policy = policy)
    }

    /// Bounds on the session's data.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.with(|config| config.limits = limits)
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests carry a [`Session`] in their extensions.
///
/// If the session cannot be stored in the end, the answer of the inner
/// service is replaced by an empty one with
/// [`SessionError::status`](super::SessionError::status): a change is never
/// lost in silence. A handler that wants to decide for itself calls
/// [`Session::save`].
#[derive(Clone, Debug)]
pub struct SessionService<S> {
    inner: S,
    layer: SessionLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    ReqBody: Send + 'static,
    ResBody: Default + Send,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // The clone takes the place of the service that is ready.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let SessionLayer { store, config } = self.layer.clone();
        let id = config.cookie.read(request.headers());
        let session = Session::new(State::new(store, Arc::clone(&config), id));
        request.extensions_mut().insert(session.clone());
        Box::pin(async move {
            let response = inner.call(request).await?;
            Ok(finish(&session, &config, response).await)
        })
    }
}

async fn finish<B: Default>(
    session: &Session,
    config: &Config,
    mut response: Response<B>,
) -> Response<B> {
    let (saved, change) = session.finish().await;
    if let Err(error) = saved {
        tracing::error!(%error, "a session could not be stored");
        response = Response::new(B::default());
        *response.status_mut() = error.status();
    }
    if let Some(cookie) = config.cookie.write(&change) {
        let headers = response.headers_mut();
        headers.append(SET_COOKIE, cookie);
        // A cache must not hand one visitor's cookie to another.
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
    response
}
