//! One request from its head to its answer.

use std::sync::Arc;

use bytes::Bytes;
use fpm_pool::http::{Fault, HeadLimits, Origin, TrustedProxies, requested_host};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::answer::Answer;
use super::client::Client;
use super::counters::Counters;
use super::files::FileContent;
use super::limits::Limits;
use super::log::{AccessLog, Report, Tracked};
use super::pages;
use super::php::Backend;
use super::sites::{Site, Sites};
use super::status;
use super::upload::Upload;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) sites: Sites,
    pub(crate) backend: Backend,
    pub(crate) limits: Limits,
    pub(crate) trusted: TrustedProxies,
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
    ) -> Response<Tracked<Answer>> {
        let (mut parts, body) = request.into_parts();
        let id = self.counters.begun();
        let mut origin = client.origin.request_id(id);
        self.trusted.apply(&mut origin, &mut parts);
        let mut report = Report::begin(
            id,
            &parts,
            &origin,
            &self.counters,
            self.access_log.as_ref(),
        );
        let body = Upload::new(body, Arc::clone(&client.unread));
        let is_head = parts.method == Method::HEAD;
        let mut response = match self.site(&parts) {
            Ok(site) => respond(site, origin, Request::from_parts(parts, body)).await,
            Err(page) => page.map(Answer::from),
        };
        match response.body_mut() {
            Answer::Page(page) if is_head => {
                let length = page.take().map_or(0, |page| page.len());
                response.headers_mut().insert(CONTENT_LENGTH, length.into());
            }
            Answer::Page(_) => {}
            Answer::Site(body) => {
                report.answered(body.answered());
                if let (Some(FileContent::File(file)), Some(queue)) =
                    (body.as_file_mut(), &client.files)
                {
                    file.send_through(queue);
                }
            }
        }
        report.track(response)
    }

    /// The site that a request is for, or a page in place of one.
    fn site(&self, parts: &Parts) -> Result<&Site, Box<Response<Bytes>>> {
        let is_status = self.status_path.as_deref() == Some(parts.uri.path());
        // A site checks what it gets; here it counts for what comes before.
        if (is_status || !self.sites.by_host.is_empty())
            && let Err(status) = HeadLimits::default().check(parts)
        {
            return Err(pages::error(status).into());
        }
        if is_status {
            let (http, php) = (self.counters.read(), self.backend.status());
            return Err(status::respond(http, php, parts).into());
        }
        let site = self.sites.find(requested_host(parts));
        site.ok_or_else(|| pages::error(StatusCode::MISDIRECTED_REQUEST).into())
    }
}

/// The site's answer, or a page where it has none.
async fn respond(site: &Site, origin: Origin, request: Request<Upload>) -> Response<Answer> {
    let response = site.respond_to(origin, request).await;
    if response.extensions().get::<Fault>().is_none() {
        return response.map(Answer::Site);
    }
    pages::dressed(response.status(), response.headers()).map(Answer::from)
}
