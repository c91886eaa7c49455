//! A request on its worker.

use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use fastcgi_proto::cgi::{BodyCheck, HeadParser};
use fastcgi_proto::client::RequestHead;
use http::{Response, response};

use super::held::Held;
use super::pump::{self, Writer};
use super::stop::Stop;
use crate::exchange::{Connection, Exchange, Failure, Piece, RequestBody};
use crate::machine::Outcome;
use crate::response::{Answered, RequestStderr};
use crate::shared::{Lease, RequestLines, Served};
use crate::{OnClientGone, ResponseBody};

/// A request on its worker, driven by the task that wants the answer.
pub(super) struct Running {
    pub(super) lease: Lease,
    /// Gone once the answer has ended.
    exchange: Option<Exchange>,
    request: Bytes,
    /// The answer is to `HEAD`.
    pub(super) to_head: bool,
    pub(super) parser: HeadParser,
    /// Once the head is there.
    pub(super) check: Option<BodyCheck>,
    /// The script sent more than it said, and that was logged.
    pub(super) excessive: bool,
    lines: Option<RequestLines>,
    pub(super) stderr: BytesMut,
    pub(super) chunks: Held,
    answered: bool,
    app_status: Option<u32>,
    /// A part of the request may have been sent, and not all of it.
    partial: bool,
    ended: bool,
}

impl Running {
    pub(super) fn new(lease: Lease, request: Bytes, to_head: bool) -> Self {
        Self {
            to_head,
            parser: HeadParser::new(lease.generation.head.clone()),
            lease,
            exchange: None,
            request,
            check: None,
            excessive: false,
            lines: None,
            stderr: BytesMut::new(),
            chunks: Held::default(),
            answered: false,
            app_status: None,
            partial: false,
            ended: false,
        }
    }

    /// A new connection to the worker.
    pub(super) async fn connect(&mut self) -> Result<Box<Connection>, Stop> {
        self.lease.connect().await.map_err(|error| {
            Stop::Failed(Failure::Closed {
                error,
                untouched: true,
            })
        })
    }

    /// Begins to send.
    pub(super) fn send(
        &mut self,
        connection: Box<Connection>,
        head: &RequestHead,
        body: RequestBody,
    ) -> Result<(), Stop> {
        let exchange = Exchange::new(connection, head, body).map_err(Stop::Failed)?;
        self.partial = exchange.is_partial();
        self.lease.set_partial(self.partial);
        self.exchange = Some(exchange);
        Ok(())
    }

    /// The body, if nothing of the request was sent.
    pub(super) fn take_unsent(&mut self) -> Option<RequestBody> {
        self.exchange.take().and_then(Exchange::into_unsent)
    }

    /// Whether any byte of the answer came.
    pub(super) fn answered(&self) -> bool {
        self.answered || self.exchange.as_ref().is_some_and(Exchange::answered)
    }

    /// What the script ended with, once it has.
    pub(super) const fn app_status(&self) -> Option<u32> {
        self.app_status
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The size of the read buffer that the last piece is a part of.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.exchange.as_ref().map_or(0, Exchange::buffer_bytes)
    }

    /// Sends on while nobody takes the answer.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let Some(exchange) = &mut self.exchange else {
            return Ok(());
        };
        let sent = exchange.poll_send(cx).map_err(Stop::Failed);
        self.note_partial();
        sent
    }

    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Stop>> {
        let Some(exchange) = &mut self.exchange else {
            return Poll::Pending;
        };
        let piece = exchange.poll_piece(cx).map_err(Stop::Failed);
        self.note_partial();
        piece
    }

    /// Notes that the whole request has been sent.
    fn note_partial(&mut self) {
        let exchange = self.exchange.as_ref();
        if self.partial && !exchange.is_some_and(Exchange::is_partial) {
            self.partial = false;
            self.lease.set_partial(false);
        }
    }

    /// The worker is done: it is free from here on.
    pub(super) fn end(&mut self, app_status: u32, stop: Option<&Stop>) {
        let outcome = match stop {
            Some(stop) => Outcome::Failed(stop.kind()),
            None => Outcome::Finished { app_status },
        };
        self.ended = true;
        self.app_status = Some(app_status);
        self.stderr(&[], true);
        if let Some(exchange) = self.exchange.take() {
            self.answered |= exchange.answered();
            let served = exchange
                .into_connection()
                .map_or(Served::Spent, Served::Reusable);
            self.lease.finish(served, outcome);
        }
    }

    pub(super) fn stderr(&mut self, bytes: &[u8], end: bool) {
        if bytes.is_empty() && self.lines.is_none() {
            return;
        }
        let lines = self.lines.get_or_insert_with(RequestLines::new);
        self.lease.log_stderr(lines, bytes, end, &self.request);
        let room = self.lease.generation.limits.stderr_bytes;
        let room = room.saturating_sub(self.stderr.len());
        self.stderr
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The answer for the caller: whole, or with a task that goes on reading.
    pub(super) fn into_response(
        mut self,
        head: response::Parts,
        replayed: bool,
    ) -> Response<ResponseBody> {
        if !self.ended {
            self.lease.first_byte();
        }
        let answered = Answered {
            worker: self.lease.worker,
            process_id: self.lease.process_id,
            queue_wait: self.lease.queue_wait,
            first_byte: self.lease.first_byte_after(),
            replayed,
        };
        let body = if self.ended {
            let chunks = std::mem::take(&mut self.chunks);
            let stderr = RequestStderr::whole(self.stderr.split().freeze());
            ResponseBody::whole(answered, chunks, stderr, self.app_status)
        } else {
            let (writer, stream) = Writer::new(&mut self);
            let runtime = self.lease.shared().runtime.clone();
            runtime.spawn(pump::run(self, writer));
            ResponseBody::stream(answered, stream)
        };
        Response::from_parts(head, body)
    }

    pub(super) const fn request(&self) -> &Bytes {
        &self.request
    }

    /// What should happen to the script when the client leaves.
    pub(super) const fn on_client_gone(&self) -> OnClientGone {
        self.lease.on_drop
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        if self.ended || !self.lease.is_open() {
            return;
        }
        if self.on_client_gone() != OnClientGone::Finish || exchange.is_partial() {
            // Before the connection ends with the exchange.
            self.lease.abandon();
            return;
        }
        // Goes on without the caller, to the script's end.
        let mut alone = Self::new(self.lease.split(), self.request.clone(), self.to_head);
        alone.lines = self.lines.take();
        alone.exchange = Some(exchange);
        let runtime = alone.lease.shared().runtime.clone();
        runtime.spawn(pump::finish_alone(alone));
    }
}
