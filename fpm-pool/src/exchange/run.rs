//! A request while it runs: writing and reading at once.

use std::io;
use std::task::{Context, Poll};

use fastcgi_proto::DecodeError;

use super::Connection;
use super::incoming::{self, Piece};
use super::outgoing::{Outgoing, SendError};
use crate::request::BoxError;

/// Why an exchange cannot go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The worker closed the connection, or it broke. `untouched`: before it
    /// could have seen anything of the request.
    Closed { error: io::Error, untouched: bool },
    /// The worker's bytes are not FastCGI.
    Garbage(DecodeError),
    /// The request's own body failed.
    Body(BoxError),
}

/// A request on a connection, polled by whoever waits for the answer.
pub(crate) struct Exchange {
    connection: Box<Connection>,
    out: Outgoing,
    /// Whether any byte of the answer came.
    answered: bool,
    /// Why writing failed, until it is known whether an answer is there.
    send_failure: Option<(io::Error, bool)>,
}

impl Exchange {
    pub(crate) const fn new(connection: Box<Connection>, out: Outgoing) -> Self {
        Self {
            connection,
            out,
            answered: false,
            send_failure: None,
        }
    }

    /// The whole request, if nothing of it was sent.
    pub(crate) fn into_unsent(self) -> Option<Outgoing> {
        self.out.is_untouched().then_some(self.out)
    }

    /// Whether a part of a request with a body may have been sent, and not all
    /// of it.
    pub(crate) const fn is_partial(&self) -> bool {
        self.out.is_partial()
    }

    /// Whether any byte of the answer came.
    pub(crate) const fn answered(&self) -> bool {
        self.answered
    }

    /// The connection after the end of the answer, if it is in step for the
    /// next request: all was sent, and nothing came that was not asked for.
    pub(crate) fn into_connection(mut self) -> Option<Box<Connection>> {
        self.connection.stream.rest();
        let clean = self.out.is_done() && self.connection.input.is_empty();
        clean.then_some(self.connection)
    }

    /// Sends on, without reading: for when nobody takes the answer.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        if self.out.is_done() || self.send_failure.is_some() {
            return Ok(());
        }
        match self.out.poll(cx, &mut self.connection.stream) {
            Poll::Ready(Err(SendError::Body(error))) => Err(Failure::Body(error)),
            // The answer may be there already: php-cgi does not read a body
            // that it refuses.
            Poll::Ready(Err(SendError::Io { error, untouched })) => {
                self.send_failure = Some((error, untouched));
                Ok(())
            }
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// The next piece of the answer, sending meanwhile.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Failure>> {
        loop {
            let Connection { input, decoder, .. } = &mut *self.connection;
            match incoming::next(decoder, input) {
                Ok(Some(piece)) => return Poll::Ready(Ok(piece)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(Failure::Garbage(error))),
            }
            self.poll_send(cx)?;
            match self.connection.poll_read(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.closed(None))),
                Poll::Ready(Ok(_)) => self.answered = true,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.closed(Some(error)))),
            }
        }
    }

    fn closed(&mut self, error: Option<io::Error>) -> Failure {
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (send_error, untouched) = match self.send_failure.take() {
            Some((error, untouched)) => (Some(error), untouched),
            None => (None, false),
        };
        Failure::Closed {
            error: error.or(send_error).unwrap_or_else(eof),
            untouched: untouched && !self.answered,
        }
    }
}
