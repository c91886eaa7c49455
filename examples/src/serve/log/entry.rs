//! What is known of a request when it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::writer::AccessLog;
use crate::serve::http::{Body, BodyError};
use crate::serve::status::Counters;

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
    pub(crate) fn new(id: u64, parts: &Parts) -> Self {
        let field = |name| parts.headers.get(name).cloned();
        Self {
            time: SystemTime::now(),
            id,
            client: None,
            https: false,
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
    pub(crate) status: StatusCode,
    started: Instant,
    sent_bytes: u64,
    ended: bool,
    counters: Arc<Counters>,
    pub(crate) entry: Option<Box<Entry>>,
    log: Option<AccessLog>,
}

impl Report {
    /// Notes a request that has just come.
    pub(crate) fn begin(
        id: u64,
        parts: &Parts,
        counters: &Arc<Counters>,
        log: Option<&AccessLog>,
    ) -> Self {
        Self {
            status: StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            started: Instant::now(),
            sent_bytes: 0,
            ended: false,
            counters: Arc::clone(counters),
            entry: log.map(|_| Box::new(Entry::new(id, parts))),
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
pub(crate) struct Tracked {
    body: Body,
    report: Report,
}

impl Tracked {
    pub(crate) fn new(body: Body, mut report: Report) -> Self {
        report.ended = body.is_end_stream();
        Self { body, report }
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
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
