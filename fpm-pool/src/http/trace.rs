//! What a request's span says.

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body::Frame;
use tracing::Span;
use tracing::field::{Empty, display};

use super::check::content_length;
use super::script::Script;
use crate::Answered;
use crate::request::BoxError;

/// The span of a request, from its head to the end of its answer. Without a
/// subscriber that wants it, it is nothing.
#[derive(Debug)]
pub(super) struct Trace {
    span: Span,
    /// What the head promises; a host may read no further than that.
    length: Option<u64>,
    sent_bytes: u64,
    ended: bool,
}

impl Trace {
    pub(super) fn begin(parts: &Parts, request: Option<u64>) -> Self {
        let span = tracing::debug_span!(
            target: "fpm_pool::http",
            "request",
            request,
            method = parts.method.as_str(),
            path = parts.uri.path(),
            script = Empty,
            worker = Empty,
            queue_wait_us = Empty,
            first_byte_us = Empty,
            replayed = Empty,
            status = Empty,
            sent_bytes = Empty,
            end = Empty,
            failure = Empty,
        );
        Self {
            ended: span.is_disabled(),
            span,
            length: None,
            sent_bytes: 0,
        }
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn is_on(&self) -> bool {
        !self.span.is_disabled()
    }

    pub(super) fn script(&self, script: &Script) {
        let filename = script.filename();
        self.span.record("script", display(filename.display()));
    }

    pub(super) fn answered(&self, answered: &Answered) {
        if self.is_on() {
            let micros =
                |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            self.span.record("worker", answered.process_id);
            self.span
                .record("queue_wait_us", micros(answered.queue_wait));
            self.span
                .record("first_byte_us", micros(answered.first_byte));
            self.span.record("replayed", answered.replayed);
        }
    }

    /// The head of the answer is known; `is_end`: so is all of it.
    pub(super) fn head<T>(&mut self, response: &Response<T>, is_end: bool) {
        if self.is_on() {
            self.span.record("status", response.status().as_u16());
            self.length = content_length(response.headers());
            if is_end {
                self.end("complete");
            }
        }
    }

    /// Why neither script nor file answers.
    pub(super) fn failed(&self, reason: &str) {
        self.span.record("failure", reason);
    }

    /// A frame of the body, or its end; `is_end`: nothing follows.
    pub(super) fn sent(&mut self, frame: Option<&Result<Frame<Bytes>, BoxError>>, is_end: bool) {
        match frame {
            Some(Err(error)) => {
                self.span.record("failure", display(error));
                self.end("broken off");
            }
            Some(Ok(frame)) => {
                self.sent_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if is_end || self.length == Some(self.sent_bytes) {
                    self.end("complete");
                }
            }
            None => self.end("complete"),
        }
    }

    fn end(&mut self, how: &str) {
        if !self.ended {
            self.ended = true;
            self.span.record("sent_bytes", self.sent_bytes);
            self.span.record("end", how);
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.end("client left");
    }
}
