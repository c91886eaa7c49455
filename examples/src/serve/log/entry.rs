//! What is known of a request when it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use fpm_pool::Answered;
use fpm_pool::http::Origin;
use http::header::{AUTHORIZATION, HOST, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Uri, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::writer::AccessLog;
use crate::serve::counters::Counters;

/// One request, for the access log.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) time: SystemTime,
    pub(crate) id: u64,
    /// The address of the client; `None` for a Unix socket.
    pub(crate) client: Option<std::net::IpAddr>,
    pub(crate) https: bool,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) host: Option<HeaderValue>,
    pub(crate) referer: Option<HeaderValue>,
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) status: StatusCode,
    /// Bytes of the body handed to the client's connection.
    pub(crate) body_bytes: u64,
    pub(crate) duration: Duration,
    /// The body did not reach its end.
    pub(crate) aborted: bool,
    /// Of a script: how long it waited for a worker, and who ran it.
    pub(crate) queued: Option<Duration>,
    pub(crate) worker: Option<u32>,
}

impl Entry {
    /// Notes the request; values are shared, not copied.
    pub(crate) fn new(id: u64, parts: &Parts, origin: &Origin) -> Self {
        let field = |name| parts.headers.get(name).cloned();
        Self {
            time: SystemTime::now(),
            id,
            client: origin.client.map(|client| client.ip()),
            https: origin.https,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            host: field(HOST),
            referer: field(REFERER),
            user_agent: field(USER_AGENT),
            authorization: field(AUTHORIZATION),
            status: StatusCode::OK,
            body_bytes: 0,
            duration: Duration::ZERO,
            aborted: false,
            queued: None,
            worker: None,
        }
    }
}

/// Counts and logs a request when it is dropped, however it ended.
#[derive(Debug)]
pub(crate) struct Report {
    /// 499, as nginx calls a client that left, until there is an answer.
    status: StatusCode,
    started: Instant,
    sent_bytes: u64,
    ended: bool,
    counters: Arc<Counters>,
    entry: Option<Box<Entry>>,
    log: Option<AccessLog>,
}

impl Report {
    /// Notes a request that has just come.
    pub(crate) fn begin(
        id: u64,
        parts: &Parts,
        origin: &Origin,
        counters: &Arc<Counters>,
        log: Option<&AccessLog>,
    ) -> Self {
        Self {
            status: StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            started: Instant::now(),
            sent_bytes: 0,
            ended: false,
            counters: Arc::clone(counters),
            entry: log.map(|_| Box::new(Entry::new(id, parts, origin))),
            log: log.cloned(),
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.counters.ended(self.status, self.sent_bytes);
        if let (Some(mut entry), Some(log)) = (self.entry.take(), &self.log) {
            entry.status = self.status;
            entry.body_bytes = self.sent_bytes;
            entry.duration = self.started.elapsed();
            entry.aborted = !self.ended;
            log.write(entry);
        }
    }
}

/// A body that keeps its request's report up to date.
#[derive(Debug)]
pub(crate) struct Tracked<B> {
    body: B,
    report: Report,
}

impl Report {
    /// Notes who ran the script, if one did.
    pub(crate) fn answered(&mut self, answered: Option<&Answered>) {
        if let (Some(entry), Some(answered)) = (&mut self.entry, answered) {
            entry.queued = Some(answered.queue_wait);
            entry.worker = Some(answered.process_id);
        }
    }

    /// Follows an answer to its end.
    pub(crate) fn track<B: HttpBody>(mut self, response: Response<B>) -> Response<Tracked<B>> {
        self.status = response.status();
        self.ended = response.body().is_end_stream();
        response.map(|body| Tracked { body, report: self })
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                self.report.sent_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.report.ended = self.body.is_end_stream();
            }
            Poll::Ready(None) => self.report.ended = true,
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
