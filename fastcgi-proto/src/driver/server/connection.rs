//! The task of one accepted connection.

use std::boxed::Box;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::Vec;

use bytes::BytesMut;

use super::input::Kind;
use super::shared::Shared;
use super::{Answer, Handler, Input, Request, Responder};
use crate::driver::{Error, PeerWatch, Transport};
use crate::server::{Config, Connection, Disposition, Event};
use crate::{ProtocolError, RequestId, Role};

type Handling<'h> = Pin<Box<dyn Future<Output = Answer> + Send + 'h>>;

/// One connection with the handlers of its requests, all in one task.
pub(super) struct Driver<'h, S, H> {
    pub(super) stream: S,
    pub(super) shared: Shared,
    handler: &'h H,
    handlings: Vec<(RequestId, Handling<'h>)>,
    pub(super) input: BytesMut,
    pub(super) watch: Option<PeerWatch>,
    pub(super) half_close: bool,
    protocol_error: Option<ProtocolError>,
    pub(super) io_error: Option<io::Error>,
}

/// What handlers gave to other tasks learns that nobody serves the connection
/// any more, whatever ended it.
impl<S, H> Drop for Driver<'_, S, H> {
    fn drop(&mut self) {
        self.shared.lock().set_gone();
    }
}

impl<'h, S: Transport, H: Handler> Driver<'h, S, H> {
    pub(super) fn new(stream: S, config: Config, handler: &'h H) -> Self {
        Self {
            stream,
            shared: Shared::new(Connection::new(config)),
            handler,
            handlings: Vec::new(),
            input: BytesMut::new(),
            watch: None,
            half_close: config.half_close,
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
            self.close(drain_bytes, drain_timeout).await;
        }
        match (self.protocol_error.take(), self.io_error.take()) {
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
            if self.poll_read(cx).is_ready() {
                self.take_events();
            } else if self.poll_left(cx).is_pending() {
                return Poll::Pending;
            }
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
}
