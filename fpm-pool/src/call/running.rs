//! A request on its worker.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use fastcgi_proto::ProtocolStatus;
use fastcgi_proto::cgi::{Head, HeadError, HeadParser, Push};
use http::{Response, response};

use super::pump::{self, Stream};
use crate::exchange::{Connection, Exchange, Failure, Outgoing, Piece};
use crate::machine::{Breach, Outcome};
use crate::response::{Answered, RequestStderr};
use crate::shared::{Lease, RequestLines, Served};
use crate::sys::is_exhausted;
use crate::{ErrorKind, OnClientGone, ResponseBody};

/// Why a request cannot be answered.
#[derive(Debug)]
pub(super) enum Stop {
    /// The exchange failed.
    Failed(Failure),
    /// The answer's head is none.
    Head(HeadError),
    /// It does not fit into an HTTP head.
    BadHead(fastcgi_proto::cgi::BadHead),
    /// The worker said no.
    Refused(ProtocolStatus),
}

impl Stop {
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Failed(Failure::Closed { .. })) && !self.is_exhausted()
    }

    /// Whether we lacked a descriptor or memory; the worker is well.
    fn is_exhausted(&self) -> bool {
        matches!(self, Self::Failed(Failure::Closed { error, .. }) if is_exhausted(error))
    }

    /// Whether the worker cannot have seen anything of the request.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_unsent() && !self.is_exhausted()
    }

    const fn is_unsent(&self) -> bool {
        matches!(
            self,
            Self::Failed(Failure::Closed {
                untouched: true,
                ..
            })
        )
    }
}

/// A request on its worker, driven by the task that wants the answer.
pub(super) struct Running {
    pub(super) lease: Lease,
    /// Gone once the answer has ended.
    exchange: Option<Exchange>,
    request: Bytes,
    parser: HeadParser,
    lines: Option<RequestLines>,
    pub(super) stderr: BytesMut,
    pub(super) chunks: VecDeque<Bytes>,
    answered: bool,
    /// A part of the request may have been sent, and not all of it.
    partial: bool,
    ended: bool,
}

impl Running {
    pub(super) fn new(lease: Lease, request: Bytes) -> Self {
        Self {
            parser: HeadParser::new(lease.generation.head.clone()),
            lease,
            exchange: None,
            request,
            lines: None,
            stderr: BytesMut::new(),
            chunks: VecDeque::new(),
            answered: false,
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
    pub(super) fn send(&mut self, connection: Box<Connection>, out: Outgoing) {
        let exchange = Exchange::new(connection, out);
        self.partial = exchange.is_partial();
        self.lease.set_partial(self.partial);
        self.exchange = Some(exchange);
    }

    /// The whole request, if nothing of it was sent.
    pub(super) fn take_unsent(&mut self) -> Option<Outgoing> {
        self.exchange.take().and_then(Exchange::into_unsent)
    }

    /// Whether any byte of the answer came.
    pub(super) fn answered(&self) -> bool {
        self.answered || self.exchange.as_ref().is_some_and(Exchange::answered)
    }

    /// The head of the answer, with what came of the body in `chunks`.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Stop>> {
        loop {
            match ready!(self.poll_piece(cx))? {
                Piece::Stdout(mut bytes) => loop {
                    match self.parser.push(bytes).map_err(Stop::Head)? {
                        Push::More => {
                            self.lease.first_byte();
                            break;
                        }
                        // Nobody waits for it: the caller gets one head.
                        Push::Informational(_, rest) => bytes = rest,
                        Push::Final(head, rest) => {
                            self.keep(rest);
                            return Poll::Ready(Ok(head));
                        }
                        Push::Body(rest) => {
                            self.keep(rest);
                            break;
                        }
                    }
                },
                Piece::Stderr(bytes) => self.stderr(&bytes, false),
                Piece::End { status, .. } => {
                    let stop = if status == ProtocolStatus::REQUEST_COMPLETE {
                        let missing = self.parser.handle_eof().err();
                        Stop::Head(missing.unwrap_or(HeadError::Missing))
                    } else {
                        Stop::Refused(status)
                    };
                    self.end(Outcome::Failed(stop.kind()));
                    return Poll::Ready(Err(stop));
                }
            }
        }
    }

    /// Takes what has come of the body by now, up to the bound.
    pub(super) fn gather(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let limit = self.lease.generation.limits.answer_buffer_bytes;
        let mut held: usize = self.chunks.iter().map(Bytes::len).sum();
        while !self.ended && held < limit {
            match self.poll_body(cx) {
                Poll::Ready(Ok(Some(chunk))) => {
                    held += chunk.len();
                    self.keep(chunk);
                }
                Poll::Ready(Ok(None)) | Poll::Pending => break,
                Poll::Ready(Err(stop)) => return Err(stop),
            }
        }
        Ok(())
    }

    /// The next piece of the body; `None` at its end.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Stop>> {
        loop {
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            match ready!(self.poll_piece(cx))? {
                Piece::Stdout(bytes) if bytes.is_empty() => {}
                Piece::Stdout(bytes) => return Poll::Ready(Ok(Some(bytes))),
                Piece::Stderr(bytes) => self.stderr(&bytes, false),
                Piece::End { app_status, .. } => self.end(Outcome::Finished { app_status }),
            }
        }
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

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Stop>> {
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

    fn keep(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// The worker is done: it is free from here on.
    fn end(&mut self, outcome: Outcome) {
        self.ended = true;
        self.stderr(&[], true);
        if let Some(exchange) = self.exchange.take() {
            self.answered |= exchange.answered();
            let served = exchange
                .into_connection()
                .map_or(Served::Spent, Served::Reusable);
            self.lease.finish(served, outcome);
        }
    }

    fn stderr(&mut self, bytes: &[u8], end: bool) {
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
            ResponseBody::whole(answered, chunks, stderr)
        } else {
            let stream = Stream::new(&mut self);
            let runtime = self.lease.shared().runtime.clone();
            runtime.spawn(pump::run(self, pump::Writer(stream.clone())));
            ResponseBody::stream(answered, stream)
        };
        Response::from_parts(head, body)
    }

    /// The worker is of no more use to the request. `again`: another may try;
    /// returns whether it should, which is not so if the pool itself ended the
    /// request.
    pub(super) fn lose(&mut self, stop: &Stop, again: bool) -> bool {
        let kind = stop.kind();
        match stop {
            _ if self.ended => false,
            // It has done nothing wrong, but has lost its connection.
            _ if stop.is_exhausted() => {
                self.lease.spare(kind, stop.is_unsent());
                false
            }
            Stop::Failed(Failure::Body(_)) => self.lease.fail(Breach::Partial, kind, false),
            Stop::Failed(Failure::Closed { .. }) => self.lease.fail(Breach::Closed, kind, again),
            Stop::Failed(Failure::Garbage(_)) => self.lease.fail(Breach::Garbage, kind, again),
            Stop::Head(_) | Stop::BadHead(_) | Stop::Refused(_) => {
                // The connection is in step, but nobody wants the rest.
                self.lease.forsake(kind);
                false
            }
        }
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
        let mut alone = Self::new(self.lease.split(), self.request.clone());
        alone.lines = self.lines.take();
        alone.exchange = Some(exchange);
        let runtime = alone.lease.shared().runtime.clone();
        runtime.spawn(pump::finish_alone(alone));
    }
}

impl Stop {
    /// The kind of error that it is, unless the worker's end tells more.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            _ if self.is_exhausted() => ErrorKind::Exhausted,
            Self::Failed(Failure::Closed { .. }) => ErrorKind::ConnectionClosed,
            Self::Failed(Failure::Garbage(_)) => ErrorKind::Protocol,
            Self::Failed(Failure::Body(_)) => ErrorKind::RequestBody,
            Self::Head(_) | Self::BadHead(_) => ErrorKind::BadHead,
            Self::Refused(_) => ErrorKind::Refused,
        }
    }
}
