//! From a request to its answer.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fastcgi_proto::cgi::LocalRedirect;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use tower_service::Service;
use tracing::Instrument;

use super::backend::Backend;
use super::body::{Served, SiteBody, Source};
use super::call::Call;
use super::content::Content;
use super::fault::Fault;
use super::files::{FileService, file_request};
use super::handover;
use super::origin::Origin;
use super::resolve::Resolved;
use super::root::Found;
use super::script::Script;
use super::site::{PhpSite, WhenFull};
use super::trace::Trace;
use crate::request::BoxError;

/// How often one request may be led elsewhere by the scripts themselves.
const MAX_LOCAL_REDIRECTS: usize = 10;

/// The body of an answer by backend `B` and file service `F`.
type Answer<B, F> = SiteBody<<B as Backend>::Body, <F as FileService>::Body>;

/// An answer that is not followed yet.
type Bare<B, F> = Response<Served<<B as Backend>::Body, <F as FileService>::Body>>;

impl<B: Backend, F: FileService> PhpSite<B, F> {
    /// Answers a request, without a wait for readiness.
    ///
    /// Dropping the future says that the client has left.
    pub async fn respond<Q>(&self, request: Request<Q>) -> Response<Answer<B, F>>
    where
        Q: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
    {
        let origin = request.extensions().get().copied();
        self.answer(&mut self.backend.clone(), origin, request)
            .await
    }

    /// Answers a request from `origin`, which need not be among its
    /// extensions then.
    pub async fn respond_to<Q>(&self, origin: Origin, request: Request<Q>) -> Response<Answer<B, F>>
    where
        Q: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
    {
        self.answer(&mut self.backend.clone(), Some(origin), request)
            .await
    }

    /// `backend` holds the place that was kept for the request, if one was.
    async fn answer<Q>(
        &self,
        backend: &mut B,
        origin: Option<Origin>,
        request: Request<Q>,
    ) -> Response<Answer<B, F>>
    where
        Q: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
    {
        let (mut parts, body) = request.into_parts();
        // Nobody is believed of whom nothing is known.
        let mut known = origin.unwrap_or_default();
        if origin.is_some() {
            self.settings.proxies.apply(&mut known, &mut parts);
        }
        let mut trace = Trace::begin(&parts, known.request_id);
        let head = parts.method == Method::HEAD;
        let exchange = Exchange {
            site: self,
            origin: known,
            trace: &trace,
        };
        let answering = exchange.answer(backend, parts, body);
        let mut response = match trace.is_on() {
            true => answering.instrument(trace.span().clone()).await,
            false => answering.await,
        };
        if head {
            without_body(&mut response);
        }
        trace.head(&response, response.body().source.is_end());
        response.map(|served| SiteBody::new(served, trace))
    }
}

/// One request on its way.
struct Exchange<'t, B, F> {
    site: &'t PhpSite<B, F>,
    origin: Origin,
    trace: &'t Trace,
}

impl<B: Backend, F: FileService> Exchange<'_, B, F> {
    async fn answer<Q>(&self, backend: &mut B, parts: Parts, body: Q) -> Bare<B, F>
    where
        Q: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
    {
        let settings = &*self.site.settings;
        if let Err(status) = settings.head.check(&parts) {
            let fault = Fault::new(status, "the head of the request is out of bounds");
            return self.refuse(&parts, None, &fault);
        }
        let script = match settings.root.resolve(&parts.uri) {
            Ok(Resolved::Script(script)) => script,
            resolved => {
                give_back(backend);
                return self.no_script(parts, resolved).await;
            }
        };
        if !body.is_end_stream() {
            // A client that takes its time must not keep a place from others.
            give_back(backend);
        }
        let streams = backend.takes_streams() && settings.bodies.is_streaming();
        let content = settings.bodies.read_as(&parts.headers, body, streams);
        match content.await {
            Ok(content) => self.run(backend, parts, content, script).await,
            Err(error) => self.refuse(&parts, Some(&script), &error.into()),
        }
    }

    /// Runs a script, and what it leads to on this site.
    async fn run(
        &self,
        backend: &mut B,
        mut parts: Parts,
        mut content: Content,
        mut script: Script,
    ) -> Bare<B, F> {
        let settings = &*self.site.settings;
        for _ in 0..=MAX_LOCAL_REDIRECTS {
            self.trace.script(&script);
            let call = Call::new(&parts, self.origin, &script, &settings.gateway);
            let response = match backend.run(call, content).await {
                Ok(response) => response,
                Err(fault) => return self.refuse(&parts, Some(&script), &fault),
            };
            let Some(uri) = elsewhere(&response, &parts.uri) else {
                return self.finish(parts, &script, response).await;
            };
            drain(response.into_body()).await;
            lead(&mut parts, uri);
            content = Content::empty();
            script = match settings.root.resolve(&parts.uri) {
                Ok(Resolved::Script(script)) => script,
                resolved => return self.no_script(parts, resolved).await,
            };
        }
        let fault = Fault::new(StatusCode::BAD_GATEWAY, "scripts lead in a circle");
        self.refuse(&parts, Some(&script), &fault)
    }

    /// The answer of a script, or the file that it hands over.
    async fn finish(
        &self,
        mut parts: Parts,
        script: &Script,
        response: Response<B::Body>,
    ) -> Bare<B, F> {
        let (mut head, body) = response.into_parts();
        let answered = B::answered(&body).copied();
        if let Some(answered) = &answered {
            self.trace.answered(answered);
        }
        let handover = &self.site.settings.handover;
        let wanted = handover.take(&mut head.headers);
        let bodiless = parts.method == Method::HEAD
            || head.status == StatusCode::NO_CONTENT
            || head.status == StatusCode::NOT_MODIFIED;
        if wanted.is_none() && !bodiless {
            let source = Source::Php(body);
            return Response::from_parts(head, Served { source, answered });
        }
        // Read to its end, or the worker would take the client for gone.
        drain(body).await;
        let Some(wanted) = wanted else {
            let source = Source::empty();
            return Response::from_parts(head, Served { source, answered });
        };
        let (found, service) = match handover.open(&wanted) {
            Ok(opened) => opened,
            Err(error) => {
                let reason = format!("the file {:?} cannot be handed over", wanted.name());
                let fault = Fault::new(StatusCode::NOT_FOUND, reason).caused_by(&error);
                return self.refuse(&parts, Some(script), &fault.of_the_site());
            }
        };
        if parts.method != Method::HEAD {
            parts.method = Method::GET;
        }
        let mut response = self.file(parts, found, service).await;
        handover::merge(&mut response, head.status, &head.headers);
        response.body_mut().answered = answered;
        response
    }

    /// What needs no worker.
    async fn no_script(&self, parts: Parts, resolved: io::Result<Resolved>) -> Bare<B, F> {
        let fault = match resolved {
            Ok(Resolved::File(found)) => {
                return self.file(parts, found, self.site.files.clone()).await;
            }
            Ok(Resolved::Redirect(location)) => Fault::redirect(location),
            Ok(Resolved::BadPath) => Fault::new(StatusCode::BAD_REQUEST, "the path is none"),
            Ok(_) => Fault::new(StatusCode::NOT_FOUND, "nothing at this path"),
            Err(error) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                let fault = Fault::new(status, "a file cannot be read").caused_by(&error);
                fault.of_the_site()
            }
        };
        self.refuse(&parts, None, &fault)
    }

    async fn file(&self, parts: Parts, found: Found, service: F) -> Bare<B, F> {
        match file_request(parts, found) {
            Some(request) => {
                let response = service.send(request).await;
                response.map(|body| Source::File(body).into())
            }
            None => {
                let fault = Fault::new(StatusCode::NOT_FOUND, "the path is too long");
                fault.to_response().map(|text| Source::bytes(text).into())
            }
        }
    }

    fn refuse(&self, parts: &Parts, script: Option<&Script>, fault: &Fault) -> Bare<B, F> {
        fault.log(parts, self.origin.request_id, script.map(Script::filename));
        self.trace.failed(fault.reason());
        fault.to_response().map(|text| Source::bytes(text).into())
    }
}

/// Gives the place back that was kept for the request.
fn give_back<B: Backend>(backend: &mut B) {
    *backend = backend.clone();
}

/// The path on this site that a script sent alone (RFC 3875, section 6.2.2),
/// for the same host.
fn elsewhere<B>(response: &Response<B>, uri: &Uri) -> Option<Uri> {
    response.extensions().get::<LocalRedirect>()?;
    let location = response.headers().get(LOCATION)?.as_bytes();
    let mut uri = uri.clone().into_parts();
    uri.path_and_query = Some(location.try_into().ok()?);
    Uri::from_parts(uri).ok()
}

/// Makes the request one for `uri`, without a body.
fn lead(parts: &mut Parts, uri: Uri) {
    parts.uri = uri;
    if parts.method != Method::HEAD {
        parts.method = Method::GET;
    }
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
}

/// Reads a body to its end and forgets it.
async fn drain<P: Body + Unpin>(mut body: P) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// An answer to HEAD tells the length of what GET would get.
fn without_body<P: Body, F: Body>(response: &mut Response<Served<P, F>>) {
    let body = std::mem::replace(&mut response.body_mut().source, Source::empty());
    let length = body.length().filter(|&length| length > 0);
    if let Some(length) = length {
        let headers = response.headers_mut();
        headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
}

impl<B, F, Q> Service<Request<Q>> for PhpSite<B, F>
where
    B: Backend,
    F: FileService,
    Q: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Answer<B, F>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        match self.settings.when_full {
            WhenFull::Refuse => Poll::Ready(Ok(())),
            WhenFull::Wait => self.backend.poll_place(cx).map(Ok),
        }
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let site = self.clone();
        // The place that was kept goes with the request.
        let mut backend = std::mem::replace(&mut self.backend, site.backend.clone());
        Box::pin(async move {
            let origin = request.extensions().get().copied();
            Ok(site.answer(&mut backend, origin, request).await)
        })
    }
}
