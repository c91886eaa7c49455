//! A connection that reads and writes at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Exchange;
use super::incoming::Incoming;
use crate::client::{BeginError, BodyLen, Config, Connection, Event, RequestHead, Reuse};
use crate::driver::write::poll_write;
use crate::driver::{Body, Error, ErrorKind, Stream, Transport};
use crate::{Params, RequestId, Role, ValueNames, Values};

/// A connection to an application.
///
/// All work happens in the task that polls it. While a request is active,
/// input and output go on at the same time, so an application that answers
/// before it has read the body does not block.
///
/// Dropping it closes the connection, which is how php-fpm learns that nobody
/// waits any more.
#[derive(Debug)]
pub struct ClientConnection<S = Stream> {
    stream: S,
    state: Connection,
    input: Incoming,
    acknowledge: bool,
    eof: bool,
    /// Writing failed; what the peer had said before can still be read.
    write_error: Option<io::Error>,
}

impl<S: Transport> ClientConnection<S> {
    /// Takes over a connection on which nothing was said yet.
    #[must_use]
    pub fn new(stream: S, config: Config) -> Self {
        // A connection that is closed after the answer is not slowed down.
        let acknowledge = config.keep_conn;
        if acknowledge {
            stream.acknowledge();
        }
        Self {
            stream,
            state: Connection::new(config),
            input: Incoming::default(),
            acknowledge,
            eof: false,
            write_error: None,
        }
    }

    /// The state machine inside.
    #[must_use]
    pub const fn state(&self) -> &Connection {
        &self.state
    }

    /// The state machine inside: to begin further requests where the peer
    /// multiplexes, or to send the `DATA` of a Filter.
    pub const fn state_mut(&mut self) -> &mut Connection {
        &mut self.state
    }

    /// The stream inside.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream inside: for its settings. Bytes that are read from it or
    /// written to it are missing or surplus to the connection.
    pub const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Bytes that were read since the connection began.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.input.received()
    }

    /// The size of the buffer that was last read into, in bytes. Content of
    /// events is a part of such a buffer and keeps all of it in memory:
    /// copy what is small beside it and held for long.
    #[must_use]
    pub const fn read_buffer_bytes(&self) -> usize {
        self.input.buffer_bytes()
    }

    /// Gives a large read buffer back; for connections that are kept while
    /// they are idle.
    pub fn shrink(&mut self) {
        self.input.shrink();
    }

    /// Whether the connection can carry another request.
    #[must_use]
    pub fn reuse(&self) -> Reuse {
        self.state.reuse()
    }

    /// Begins a request and returns its exchange: a small object that yields
    /// the answer's events while it sends `body`, which has `len` bytes.
    ///
    /// # Errors
    ///
    /// [`BeginError`]; nothing is sent then.
    pub fn exchange<B: Body + Unpin>(
        &mut self,
        role: Role,
        params: &Params,
        len: BodyLen,
        body: B,
    ) -> Result<Exchange<'_, S, B>, BeginError> {
        let request = self.state.begin(role, params, len)?;
        Ok(Exchange::new(self, request, body))
    }

    /// [`exchange`](Self::exchange) for a head that was encoded before.
    ///
    /// # Errors
    ///
    /// [`BeginError`]; nothing is sent then.
    pub fn exchange_head<B: Body + Unpin>(
        &mut self,
        head: &RequestHead,
        len: BodyLen,
        body: B,
    ) -> Result<Exchange<'_, S, B>, BeginError> {
        let request = self.state.begin_head(head, len)?;
        Ok(Exchange::new(self, request, body))
    }

    /// Begins a request that the caller drives with
    /// [`poll_event`](Self::poll_event).
    ///
    /// # Errors
    ///
    /// [`BeginError`]; nothing is sent then.
    pub fn begin(
        &mut self,
        role: Role,
        params: &Params,
        len: BodyLen,
    ) -> Result<RequestId, BeginError> {
        self.state.begin(role, params, len)
    }

    /// [`begin`](Self::begin) for a head that was encoded before.
    ///
    /// # Errors
    ///
    /// [`BeginError`]; nothing is sent then.
    pub fn begin_head(
        &mut self,
        head: &RequestHead,
        len: BodyLen,
    ) -> Result<RequestId, BeginError> {
        self.state.begin_head(head, len)
    }

    /// Sends what can be sent of `body` for `request`, receives what has come,
    /// and returns the next event, of whatever request.
    ///
    /// The body is asked for as long as the request wants it; after
    /// [`Event::End`] it is not touched again.
    ///
    /// # Errors
    ///
    /// [`Error`]; abort the request (an [`Exchange`] does) and ask
    /// [`reuse`](Self::reuse). If writing fails, what the application had
    /// answered before is read all the same.
    pub fn poll_event<B: Body + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        request: RequestId,
        mut body: Pin<&mut B>,
    ) -> Poll<Result<Event, Error>> {
        loop {
            if let Some(event) = self.state.handle_input(self.input.bytes_mut())? {
                return Poll::Ready(Ok(event));
            }
            if self.eof {
                return Poll::Ready(self.event_at_eof());
            }
            let sent = self.send(cx, request, body.as_mut())?;
            if self.poll_read(cx)?.is_ready() {
                continue;
            }
            // There may be room again, and the body may have more for it.
            if sent == Sent::AsFarAsItGoes {
                return Poll::Pending;
            }
        }
    }

    /// Sends what can be sent of `body` for `request`, and reads nothing: for
    /// callers that cannot take more of the answer for now, so that the peer
    /// has to wait. Ready when nothing is left to send, or can be: that
    /// writing failed is for [`poll_event`](Self::poll_event) to tell.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Body`], [`ErrorKind::BodyLength`]: as for
    /// [`poll_event`](Self::poll_event).
    pub fn poll_send<B: Body + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        request: RequestId,
        mut body: Pin<&mut B>,
    ) -> Poll<Result<(), Error>> {
        while self.send(cx, request, body.as_mut())? == Sent::SomeOfIt {}
        let is_sending = self.state.is_sending(request) || self.state.wants_write();
        if is_sending && self.write_error.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// One round of filling the state machine and emptying it.
    fn send<B: Body + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        request: RequestId,
        body: Pin<&mut B>,
    ) -> Result<Sent, Error> {
        let filled = self.fill(cx, request, body)?;
        let flushed = self.poll_flush(cx);
        Ok(if filled == Fill::Full && flushed {
            Sent::SomeOfIt
        } else {
            Sent::AsFarAsItGoes
        })
    }

    /// Asks an idle connection's application for its limits. An application
    /// that does not know the question has none to tell.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`], [`ErrorKind::Protocol`], [`ErrorKind::Closed`].
    pub async fn query_values(&mut self, names: ValueNames) -> Result<Values, Error> {
        self.state.query_values(names);
        std::future::poll_fn(|cx| {
            loop {
                match self.state.handle_input(self.input.bytes_mut())? {
                    Some(Event::Values(values)) => return Poll::Ready(Ok(values)),
                    Some(Event::UnknownType(_)) => return Poll::Ready(Ok(Values::default())),
                    Some(_) => continue,
                    None => {}
                }
                if self.eof {
                    return Poll::Ready(Err(self.closed()));
                }
                self.poll_flush(cx);
                if self.poll_read(cx)?.is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Waits until the peer closes an idle connection, or says something
    /// that it should not; either way the connection is of no more use.
    /// For pools that keep connections: `Pending` means it is still good.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.eof {
            match self.poll_read(cx) {
                Ok(Poll::Pending) => return Poll::Pending,
                // What comes now belongs to no request: the verdict notes it.
                Ok(Poll::Ready(())) => {
                    while let Ok(Some(_)) = self.state.handle_input(self.input.bytes_mut()) {}
                }
                Err(_) => break,
            }
            if matches!(self.state.reuse(), Reuse::Close(_)) {
                break;
            }
        }
        // The verdict of `reuse` says it from now on.
        while let Ok(Some(_)) = self.state.handle_eof() {}
        Poll::Ready(())
    }

    /// Hands the body's next pieces to the state machine, as far as it has
    /// room.
    fn fill<B: Body + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        request: RequestId,
        mut body: Pin<&mut B>,
    ) -> Result<Fill, Error> {
        while self.state.is_sending(request) && self.write_error.is_none() {
            if self.state.send_capacity() == 0 {
                return Ok(Fill::Full);
            }
            let sent = match body.as_mut().poll_content(cx) {
                Poll::Pending => return Ok(Fill::Room),
                Poll::Ready(Some(Ok(content))) => self
                    .state
                    .send(request, content)
                    .map_err(|error| Error::new(ErrorKind::BodyLength, error)),
                Poll::Ready(Some(Err(error))) => Err(Error::new(ErrorKind::Body, error)),
                Poll::Ready(None) => self
                    .state
                    .finish(request)
                    .map_err(|error| Error::new(ErrorKind::BodyLength, error)),
            };
            sent?;
        }
        Ok(Fill::Room)
    }

    /// Writes until nothing is left (`true`) or nothing is taken.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> bool {
        while self.state.wants_write() && self.write_error.is_none() {
            match poll_write(&mut self.stream, cx, self.state.outgoing()) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.write_error = Some(error),
            }
        }
        true
    }

    /// Reads once. Ready: there is input, or the end of it.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Error> {
        match self.input.poll_read(cx, &mut self.stream) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(Ok(0)) => self.eof = true,
            Poll::Ready(Ok(_)) if self.acknowledge => self.stream.acknowledge(),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => {
                self.eof = true;
                // The peer's reset explains both directions.
                return Err(self.write_error.take().unwrap_or(error).into());
            }
        }
        Ok(Poll::Ready(()))
    }

    fn event_at_eof(&mut self) -> Result<Event, Error> {
        match self.state.handle_eof() {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(Error::bare(ErrorKind::Inactive)),
            Err(error) => Err(match self.write_error.take() {
                Some(error) => error.into(),
                None => error.into(),
            }),
        }
    }

    fn closed(&mut self) -> Error {
        match self.write_error.take() {
            Some(error) => error.into(),
            None => Error::bare(ErrorKind::Closed),
        }
    }
}

/// How far sending got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// There is room again.
    SomeOfIt,
    /// The body or the stream has to be waited for, or all is sent.
    AsFarAsItGoes,
}

/// Why filling stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// The state machine holds as much as it may.
    Full,
    /// The body has no more, for now or for good.
    Room,
}
