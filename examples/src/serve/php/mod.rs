//! Scripts: the request for a worker, and what becomes of its answer.

mod backend;
mod content;
mod fpm_conf;
mod handover;
mod request;
mod session_keys;
mod upstream;
mod workers;

use std::path::Path;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;

pub(crate) use backend::{Backend, BackendStatus};
pub(crate) use handover::HandoverRoots;
pub(crate) use session_keys::{SessionKeys, Share, parse_share};
pub(crate) use upstream::UpstreamStatus;

use self::backend::{Answer, Fault};
use self::content::Content;
use super::http::{Body, Origin, Upload, pages};
use super::log::Report;
use super::site::Script;

/// When to come back, where nobody has an estimate.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Runs the scripts of all sites.
#[derive(Debug)]
pub(crate) struct Php {
    pub(crate) backend: Backend,
    /// What keeps one session from holding all workers.
    pub(crate) session_keys: SessionKeys,
    pub(crate) handover: HandoverRoots,
}

/// A request that a script answers.
#[derive(Debug)]
pub(crate) struct ScriptRequest<'a> {
    pub(crate) id: u64,
    pub(crate) parts: Parts,
    pub(crate) body: Upload,
    pub(crate) origin: &'a Origin,
    pub(crate) script: Script,
    pub(crate) document_root: &'a Path,
}

impl Php {
    /// Runs the script; every failure becomes a page.
    pub(crate) async fn run(
        &self,
        request: ScriptRequest<'_>,
        report: &mut Report,
    ) -> Response<Body> {
        let ScriptRequest {
            id,
            parts,
            body,
            origin,
            script,
            document_root,
        } = request;
        let upload = body.fault();
        let content = match Content::read(&parts.headers, body).await {
            Ok(content) => content,
            Err(error) => {
                tracing::info!(request = id, uri = %parts.uri, "{error}");
                return pages::error(error.status());
            }
        };
        let call = request::Call {
            parts: &parts,
            origin,
            script: &script,
            document_root,
            session_keys: &self.session_keys,
        };
        match self.backend.run(&call, content).await {
            Ok(answer) => {
                if let Some(entry) = &mut report.entry {
                    entry.queued = answer.queued;
                    entry.worker = answer.worker;
                }
                self.finish(answer, &parts, &script).await
            }
            Err(fault) => {
                // A body that failed underway is the client's doing.
                let status = match upload.get() {
                    Some(error) => error.status(),
                    None => fault.status,
                };
                self.refuse(id, &parts, &script, status, &fault)
            }
        }
    }

    async fn finish(&self, answer: Answer, parts: &Parts, script: &Script) -> Response<Body> {
        let mut response = answer.response;
        let status = response.status();
        let bodiless = parts.method == Method::HEAD
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        if bodiless {
            // Read to its end, or the worker would take the client for gone.
            let body = std::mem::replace(response.body_mut(), Body::empty());
            drain(body).await;
        }
        match self.handover.take(&mut response) {
            None => response,
            Some(wanted) => {
                let body = std::mem::replace(response.body_mut(), Body::empty());
                drain(body).await;
                self.handover.send(&wanted, response, parts, script)
            }
        }
    }

    fn refuse(
        &self,
        id: u64,
        parts: &Parts,
        script: &Script,
        status: StatusCode,
        fault: &Fault,
    ) -> Response<Body> {
        let script = script.filename.display();
        let cause = &fault.cause;
        // The pool has logged what its worker did.
        if !fault.logged {
            tracing::warn!(request = id, %script, uri = %parts.uri, %status, "{cause}");
        }
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                pages::unavailable(fault.retry_after.unwrap_or(RETRY_AFTER))
            }
            _ => pages::error(status),
        }
    }
}

/// Reads a body to its end and forgets it.
async fn drain(mut body: Body) {
    while let Some(Ok(_)) = body.frame().await {}
}
