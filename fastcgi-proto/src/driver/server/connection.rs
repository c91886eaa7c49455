//! The task of one accepted connection.

use std::boxed::Box;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::Vec;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::input::Kind;
use super::shared::{Active, Inner, Shared};
use super::{Answer, Handler, Input, Request, Responder};
use crate::driver::{Error, Transport};
use crate::server::{Config, Connection, Disposition, Event};
use crate::{ProtocolError, RequestId, Role};

const READ_BYTES: usize = 128 * 1024;
const MIN_READ_BYTES: usize = 8 * 1024;
const SLICES: usize = 32;

type Handling<'h> = Pin<Box<dyn Future<Output = Answer> + Send + 'h>>;

/// One connection with the handlers of its requests, all in one task.
pub(super) struct Driver<'h, S, H> {
    stream: S,
    shared: Shared,
    handler: &'h H,
    handlings: Vec<(RequestId, Handling<'h>)>,
    input: BytesMut,
    protocol_error: Option<ProtocolError>,
    io_error: Option<io::Error>,
}

impl<'h, S: Transport, H: Handler> Driver<'h, S, H> {
    pub(super) fn new(stream: S, config: Config, handler: &'h H) -> Self {
        Self {
            stream,
            shared: Shared::new(Connection::new(config)),
            handler,
            handlings: Vec::new(),
            input: BytesMut::new(),
            protocol_error: None,
            io_error: None,
        }
    }

    /// Serves until the connection is to be closed; once `stop` is ready,
    /// until no request is active.
    pub(super) async fn run(
        mut self,
        drain_timeout: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let mut stop = pin!(stop);
        let mut stopping = false;
        let disposition = std::future::poll_fn(|cx| {
            stopping = stopping || stop.as_mut().poll(cx).is_ready();
            self.poll(cx, stopping)
        })
        .await;
        if let Disposition::CloseAfterFlush { drain_bytes } = disposition {
            let drained = self.close(drain_bytes);
            // A peer that neither reads nor closes is left behind.
            let _ = tokio::time::timeout(drain_timeout, drained).await;
        }
        match (self.protocol_error, self.io_error) {
            (Some(error), _) => Err(error.into()),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(()),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, stopping: bool) -> Poll<Disposition> {
        loop {
            self.poll_handlings(cx);
            self.poll_flush(cx);
            let disposition = self.disposition(stopping);
            if disposition != Disposition::KeepOpen {
                return Poll::Ready(disposition);
            }
            if self.poll_read(cx).is_pending() {
                return Poll::Pending;
            }
            self.take_events();
        }
    }

    /// What to do now. As long as handlers run the task goes on, even if the
    /// transport is gone.
    fn disposition(&self, stopping: bool) -> Disposition {
        if !self.handlings.is_empty() {
            return Disposition::KeepOpen;
        }
        let inner = self.shared.lock();
        if inner.gone {
            return Disposition::Close;
        }
        match inner.state.disposition() {
            Disposition::KeepOpen if stopping && inner.state.active() == 0 => {
                Disposition::CloseAfterFlush { drain_bytes: 0 }
            }
            disposition => disposition,
        }
    }

    fn poll_handlings(&mut self, cx: &mut Context<'_>) {
        {
            let mut inner = self.shared.lock();
            inner.set_task(cx);
            // What handlers queue now is seen below; no need to wake.
            inner.task_runs = true;
        }
        let shared = &self.shared;
        self.handlings.retain_mut(|(request, handling)| {
            let Poll::Ready(answer) = handling.as_mut().poll(cx) else {
                return true;
            };
            let mut inner = shared.lock();
            // The peer may be gone: then nobody is to be told.
            let _ = match answer {
                Answer::End(app_status) => inner.state.end(*request, app_status),
                Answer::Reject(status) => inner.state.reject(*request, status),
            };
            inner.remove(*request);
            false
        });
        self.shared.lock().task_runs = false;
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) {
        let mut inner = self.shared.lock();
        let had_room = inner.state.send_capacity() > 0;
        while inner.state.wants_write() && !inner.gone {
            let mut outgoing = inner.state.outgoing();
            let stream = Pin::new(&mut self.stream);
            let written = if stream.is_write_vectored() {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = outgoing.chunks_vectored(&mut slices);
                stream.poll_write_vectored(cx, &slices[..count])
            } else {
                stream.poll_write(cx, outgoing.chunk())
            };
            match written {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => {
                    self.io_error = Some(io::ErrorKind::WriteZero.into());
                    inner.set_gone();
                }
                Poll::Ready(Ok(count)) => outgoing.advance(count),
                Poll::Ready(Err(error)) => {
                    self.io_error = Some(error);
                    inner.set_gone();
                }
            }
        }
        if !had_room && inner.state.send_capacity() > 0 {
            inner.wake_all();
        }
    }

    /// Ready: there is input, or the end of it.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        {
            let inner = self.shared.lock();
            if inner.gone || !inner.state.wants_read() {
                return Poll::Pending;
            }
        }
        if self.input.capacity() - self.input.len() < MIN_READ_BYTES {
            self.input.reserve(READ_BYTES);
        }
        let read = pin!(self.stream.read_buf(&mut self.input)).poll(cx);
        match read {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(0)) => {
                let mut inner = self.shared.lock();
                while let Some(event) = inner.state.handle_eof() {
                    inner.note(event);
                }
            }
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => {
                self.io_error = Some(error);
                self.shared.lock().set_gone();
            }
        }
        Poll::Ready(())
    }

    fn take_events(&mut self) {
        loop {
            let mut inner = self.shared.lock();
            if inner.gone {
                return;
            }
            match inner.state.handle_input(&mut self.input) {
                Ok(None) => return,
                Ok(Some(Event::Request {
                    request,
                    role,
                    params,
                    keep_conn,
                })) => {
                    inner.begin(request);
                    drop(inner);
                    let request_object = Request {
                        role,
                        params,
                        keep_conn,
                        stdin: self.stream_of(request, role != Role::AUTHORIZER, Kind::Stdin),
                        data: self.stream_of(request, role == Role::FILTER, Kind::Data),
                        responder: Responder::new(self.shared.clone(), request),
                    };
                    let handling = Box::pin(self.handler.handle(request_object));
                    self.handlings.push((request, handling));
                }
                Ok(Some(event)) => inner.note(event),
                Err(error) => {
                    self.protocol_error = Some(error);
                    inner.set_gone();
                }
            }
        }
    }

    fn stream_of(&self, request: RequestId, has_it: bool, kind: Kind) -> Input {
        let kind = if has_it { kind } else { Kind::None };
        Input::new(self.shared.clone(), request, kind)
    }

    /// Writes the rest, tells the peer that it was the last, and reads what
    /// it still sends: closing with input unread would reset the connection.
    async fn close(&mut self, drain_bytes: u64) {
        std::future::poll_fn(|cx| {
            self.poll_flush(cx);
            let inner = self.shared.lock();
            if inner.gone || !inner.state.wants_write() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let mut drained = 0;
        while drained < drain_bytes {
            self.input.clear();
            self.input.reserve(READ_BYTES);
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return,
                Ok(count) => drained += count as u64,
            }
        }
    }
}

impl Inner {
    /// Passes an event on to the handler of its request.
    fn note(&mut self, event: Event) {
        match event {
            Event::Stdin { request, content } => {
                self.change(request, |active| active.stdin.content.push_back(content));
            }
            Event::StdinEnd { request, check } => {
                self.change(request, |active| active.stdin.end = Some(check));
            }
            Event::Data { request, content } => {
                self.change(request, |active| active.data.content.push_back(content));
            }
            Event::DataEnd { request, check } => {
                self.change(request, |active| active.data.end = Some(check));
            }
            Event::Abort { request } => self.change(request, |active| active.aborted = true),
            // The one event that makes a handler.
            Event::Request { .. } => {}
        }
    }

    fn change(&mut self, request: RequestId, change: impl FnOnce(&mut Active)) {
        if let Some(active) = self.get(request) {
            change(active);
            active.wake();
        }
    }
}
