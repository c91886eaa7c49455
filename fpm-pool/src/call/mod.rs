//! A call: one request from the caller's task to a worker and back.

mod answer;
mod failure;
mod held;
mod pump;
mod running;
mod stop;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use fastcgi_proto::client::RequestHead;
use http::{Response, response};

use crate::exchange::RequestBody;
use crate::machine::Ask;
use crate::request::OnInformational;
use crate::shared::{Place, Shared};
use crate::{Error, ErrorKind, OnClientGone, Request, ResponseBody};

pub(crate) use held::Held;
pub(crate) use pump::Stream;
use running::Running;
use stop::Stop;

/// Workers that a request may be given to before it fails: a worker that
/// dies idle at the very moment has seen nothing of it.
const ATTEMPTS: u32 = 5;

/// A request, ready to be sent as often as it takes.
struct Call {
    head: RequestHead,
    to_head: bool,
    /// `None` once a stream was given to a worker, unless that did not take a
    /// byte of the request.
    body: Option<RequestBody>,
    idempotent: bool,
    on_client_gone: Option<OnClientGone>,
    on_informational: Option<OnInformational>,
}

/// Runs `request`, for which `place` was kept.
pub(crate) async fn call(
    shared: &Arc<Shared>,
    mut request: Request,
    place: Option<Place>,
) -> Result<Response<ResponseBody>, Error> {
    let mut ask = Ask {
        priority: request.priority,
        deadline: request.deadline,
        claims: request.claims(),
        first_byte: request.first_byte,
        total: request.total,
        reserved: place.is_some(),
        again: false,
    };
    let mut call = Call::new(request)?;
    if let Some(place) = place {
        place.spend();
    }
    let mut replayed = false;
    for attempt in 1.. {
        let lease = shared.acquire(&mut ask, call.head.as_bytes()).await?;
        let mut running = Running::new(lease, call.head.as_bytes().clone(), call.to_head);
        if let Some(policy) = call.on_client_gone {
            running.lease.on_drop = policy;
        }
        let stop = match call.attempt(&mut running).await {
            Ok(head) => return Ok(running.into_response(head, replayed)),
            Err(stop) => stop,
        };
        let untouched = stop.is_untouched();
        let safe = stop.is_closed() && !running.answered() && !replayed && call.idempotent;
        let at_hand = call.body.is_some();
        let again = at_hand && attempt < ATTEMPTS && (untouched || safe);
        if !running.lose(&stop, again) {
            return Err(running.explain(stop).await);
        }
        replayed |= !untouched;
    }
    Err(Error::new(ErrorKind::NoWorker))
}

impl Call {
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] for one that no worker could make sense
    /// of: without the end of its params, or of another length than they
    /// say. A worker takes what follows for the next request.
    fn new(request: Request) -> Result<Self, Error> {
        let invalid = || Error::new(ErrorKind::InvalidRequest);
        let head = request.head.build();
        let head = head.map_err(|error| invalid().caused_by(error))?;
        head.check_body(request.body.body_len())
            .map_err(|error| invalid().caused_by(error))?;
        let method = head.param(b"REQUEST_METHOD").unwrap_or_default();
        let safe = matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE");
        Ok(Self {
            idempotent: request.idempotent.unwrap_or(safe),
            to_head: method == b"HEAD",
            head,
            body: Some(request.body),
            on_client_gone: request.on_client_gone,
            on_informational: request.on_informational,
        })
    }

    /// Sends the request to a worker and returns the head of its answer.
    async fn attempt(&mut self, running: &mut Running) -> Result<response::Parts, Stop> {
        let kept = running.lease.connection();
        let was_kept = kept.is_some();
        let connection = match kept {
            Some(connection) => connection,
            None => running.connect().await?,
        };
        let body = self.take_body();
        running.send(connection, &self.head, body)?;
        let tell = &mut self.on_informational;
        let mut head = poll_fn(|cx| running.poll_head(cx, tell)).await;
        // A worker may have closed a connection that it does not keep.
        if was_kept && head.as_ref().is_err_and(Stop::is_untouched) {
            self.take_back(running);
            let connection = running.connect().await?;
            let body = self.take_body();
            running.send(connection, &self.head, body)?;
            let tell = &mut self.on_informational;
            head = poll_fn(|cx| running.poll_head(cx, tell)).await;
        }
        if head.as_ref().is_err_and(Stop::is_untouched) {
            self.take_back(running);
        }
        let head = head?;
        // What has come by now saves the answer a task.
        poll_fn(|cx| Poll::Ready(running.gather(cx))).await?;
        response::Parts::try_from(&head).map_err(Stop::BadHead)
    }

    /// What to send in an attempt; a body at hand stays for the next.
    fn take_body(&mut self) -> RequestBody {
        let body = self.body.take();
        self.body = body.as_ref().and_then(RequestBody::copy);
        body.unwrap_or(RequestBody::Bytes(Bytes::new()))
    }

    /// Keeps a body that reached nobody for the next attempt.
    fn take_back(&mut self, running: &mut Running) {
        let unsent = running.take_unsent();
        self.body = unsent.or_else(|| self.body.take());
    }
}
