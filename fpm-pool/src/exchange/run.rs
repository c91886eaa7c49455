//! A request while it runs: writing and reading at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fastcgi_proto::client::{BeginError, CloseReason, Event, RequestHead, RetryClass, Reuse};
use fastcgi_proto::driver::{Error, ErrorKind};
use fastcgi_proto::{ProtocolStatus, RequestId};

use super::{Connection, RequestBody};
use crate::request::BoxError;

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece {
    Stdout(Bytes),
    Stderr(Bytes),
    /// The worker is done.
    End {
        status: ProtocolStatus,
        /// What a CGI program would exit with.
        app_status: u32,
    },
}

/// Why an exchange cannot go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request cannot be sent over this connection.
    Begin(BeginError),
    /// The worker closed the connection, or it broke. `untouched`: before it
    /// could have seen anything of the request.
    Closed { error: io::Error, untouched: bool },
    /// The worker breaks the protocol.
    Garbage(BoxError),
    /// The request's own body failed.
    Body(BoxError),
}

/// A request on a connection, polled by whoever waits for the answer.
pub(crate) struct Exchange {
    connection: Box<Connection>,
    request: RequestId,
    body: RequestBody,
    has_body: bool,
    /// What the connection had received before.
    received: u64,
    /// Whether the request has ended, with all of it sent.
    complete: bool,
}

impl Exchange {
    /// Begins to send: queues the head.
    pub(crate) fn new(
        mut connection: Box<Connection>,
        head: &RequestHead,
        body: RequestBody,
    ) -> Result<Self, Failure> {
        let request = connection.0.begin_head(head, body.body_len());
        Ok(Self {
            request: request.map_err(Failure::Begin)?,
            has_body: body.len() > 0,
            received: connection.0.received(),
            connection,
            body,
            complete: false,
        })
    }

    /// The body, if nothing of the request was sent.
    pub(crate) fn into_unsent(mut self) -> Option<RequestBody> {
        let pieces = self.connection.0.state_mut().recall(self.request)?;
        self.body.put_back(pieces);
        Some(self.body)
    }

    /// Whether any byte of the answer came.
    pub(crate) const fn answered(&self) -> bool {
        self.connection.0.received() > self.received
    }

    /// Whether the whole request was written, its body included: the worker
    /// can run it to its end. Otherwise its script may get to see a part of
    /// the body.
    pub(super) fn input_complete(&self) -> bool {
        self.complete || self.connection.0.state().is_input_complete(self.request)
    }

    /// Whether a part of a request with a body may have been sent, and not all
    /// of it.
    pub(crate) fn is_partial(&self) -> bool {
        self.has_body && !self.input_complete()
    }

    /// The size of the read buffer that the last piece is a part of, and
    /// keeps alive.
    pub(crate) const fn buffer_bytes(&self) -> usize {
        self.connection.0.read_buffer_bytes()
    }

    /// The connection after the end of the answer, if it is in step for the
    /// next request: all was sent, and nothing came that was not asked for.
    pub(crate) fn into_connection(mut self) -> Option<Box<Connection>> {
        if self.connection.0.reuse() != Reuse::Ready {
            return None;
        }
        self.connection.0.stream_mut().rest();
        self.connection.0.shrink();
        Some(self.connection)
    }

    /// Sends on, without reading: for when nobody takes the answer.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let body = Pin::new(&mut self.body);
        match self.connection.0.poll_send(cx, self.request, body) {
            Poll::Ready(Err(error)) => Err(self.failure(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// The next piece of the answer, sending meanwhile.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Failure>> {
        loop {
            let body = Pin::new(&mut self.body);
            let event = ready!(self.connection.0.poll_event(cx, self.request, body));
            return Poll::Ready(match event {
                Ok(Event::Stdout { content, .. }) => Ok(Piece::Stdout(content)),
                Ok(Event::Stderr { content, .. }) => Ok(Piece::Stderr(content)),
                Ok(Event::End {
                    protocol_status,
                    app_status,
                    ..
                }) => {
                    let cut_off = Reuse::Close(CloseReason::InputIncomplete);
                    self.complete = self.connection.0.reuse() != cut_off;
                    Ok(Piece::End {
                        status: protocol_status,
                        app_status,
                    })
                }
                Ok(_) => continue,
                Err(error) => Err(self.failure(error)),
            });
        }
    }

    fn failure(&self, error: Error) -> Failure {
        match error.kind() {
            ErrorKind::Protocol => Failure::Garbage(source(error)),
            ErrorKind::Body | ErrorKind::BodyLength => Failure::Body(source(error)),
            _ => {
                let class = self.connection.0.state().retry_class(self.request);
                Failure::Closed {
                    error: io_error(error),
                    untouched: class == Some(RetryClass::NotSent) && !self.answered(),
                }
            }
        }
    }
}

/// What the driver's error is about.
fn source(error: Error) -> BoxError {
    let text = error.to_string();
    error.into_source().unwrap_or_else(|| text.into())
}

/// The system's error, or the end of the input.
pub(super) fn io_error(error: Error) -> io::Error {
    let source = error.into_source().map(|source| source.downcast());
    match source {
        Some(Ok(error)) => *error,
        _ => io::ErrorKind::UnexpectedEof.into(),
    }
}
