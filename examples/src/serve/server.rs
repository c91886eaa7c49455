//! One request from its head to its answer.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::connection::Client;
use super::files;
use super::http::{Body, Origin, TrustedProxy, Upload, check, host, pages};
use super::limits::Limits;
use super::log::{AccessLog, Report, Tracked};
use super::php::{Php, ScriptRequest};
use super::site::{BadPath, CleanPath, Sites, Target, resolve};
use super::status::{self, Counters};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) sites: Sites,
    pub(crate) php: Php,
    pub(crate) limits: Limits,
    pub(crate) trusted: Vec<TrustedProxy>,
    pub(crate) status_path: Option<String>,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) counters: Arc<Counters>,
}

impl Server {
    /// Answers a request; every failure becomes a page.
    pub(crate) async fn handle(
        &self,
        client: &Client,
        request: Request<Incoming>,
    ) -> Response<Tracked> {
        let (mut parts, body) = request.into_parts();
        let mut origin = client.origin.clone();
        origin.apply(&mut parts, &self.trusted);
        let id = self.counters.begun();
        let mut report = Report::begin(id, &parts, &self.counters, self.access_log.as_ref());
        if let Some(entry) = &mut report.entry {
            entry.client = origin.remote.map(|remote| remote.ip());
            entry.https = origin.https;
        }
        let body = Upload::new(
            body,
            self.limits.body_bytes,
            self.limits.body_stall,
            Arc::clone(&client.unread),
        );
        let head = parts.method == Method::HEAD;
        let mut response = self.answer(id, parts, body, &origin, &mut report).await;
        if head {
            without_body(&mut response);
        }
        if let (Body::File(file), Some(queue)) = (response.body_mut(), &client.files) {
            file.send_through(queue);
        }
        report.status = response.status();
        response.map(|body| Tracked::new(body, report))
    }

    async fn answer(
        &self,
        id: u64,
        parts: Parts,
        body: Upload,
        origin: &Origin,
        report: &mut Report,
    ) -> Response<Body> {
        if let Err(status) = check(&parts, &self.limits) {
            return pages::error(status);
        }
        if self.status_path.as_deref() == Some(parts.uri.path()) {
            return status::respond(self, &parts);
        }
        let Some(site) = self.sites.find(host(&parts)) else {
            return pages::error(StatusCode::MISDIRECTED_REQUEST);
        };
        let target = match CleanPath::parse(parts.uri.path()) {
            Err(BadPath::Malformed) => return pages::error(StatusCode::BAD_REQUEST),
            Err(BadPath::Control) => return pages::error(StatusCode::NOT_FOUND),
            Ok(path) => resolve(site, &path),
        };
        match target {
            Ok(Target::Script(script)) => {
                let request = ScriptRequest {
                    id,
                    parts,
                    body,
                    origin,
                    script,
                    document_root: site.root.path(),
                };
                self.php.run(request, report).await
            }
            Ok(Target::File(found)) => {
                let response = files::respond(found, &parts.method, &parts.headers);
                with_page(response)
            }
            Ok(Target::Folder) => pages::redirect_to_folder(&parts.uri),
            Ok(Target::Missing) => pages::error(StatusCode::NOT_FOUND),
            Err(error) => {
                tracing::error!(request = id, path = parts.uri.path(), %error, "a file cannot be read");
                pages::error(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

/// Gives a refusal without content its page; its other fields stay.
fn with_page(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let wants_page = status.is_client_error();
    if !wants_page {
        return response;
    }
    let mut page = pages::error(status);
    for (name, value) in response.headers() {
        page.headers_mut().insert(name, value.clone());
    }
    page
}

/// An answer to HEAD tells the length of what GET would get.
fn without_body(response: &mut Response<Body>) {
    use http::header::CONTENT_LENGTH;
    use http_body::Body as _;
    let body = std::mem::replace(response.body_mut(), Body::empty());
    if let Some(length) = body.size_hint().exact().filter(|&length| length > 0) {
        response
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert(length.into());
    }
}
