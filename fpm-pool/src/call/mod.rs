//! A call: one request from the caller's task to a worker and back.

mod failure;
mod pump;
mod running;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::{Response, response};

use crate::exchange::Outgoing;
use crate::machine::Ask;
use crate::request::{RequestBody, find_param};
use crate::shared::{Place, Shared};
use crate::{Error, ErrorKind, OnClientGone, Request, ResponseBody};

pub(crate) use pump::Stream;
use running::{Running, Stop};

/// Workers that a request may be given to before it fails: a worker that
/// dies idle at the very moment has seen nothing of it.
const ATTEMPTS: u32 = 5;

/// A request, ready to be sent as often as it takes.
struct Call {
    head: Bytes,
    /// `None` once a stream was given to a worker.
    body: Option<RequestBody>,
    /// What a worker did not take a byte of.
    unsent: Option<Outgoing>,
    idempotent: bool,
    on_client_gone: Option<OnClientGone>,
}

/// Runs `request`, for which `place` was kept.
pub(crate) async fn call(
    shared: &Arc<Shared>,
    request: Request,
    place: Option<Place>,
) -> Result<Response<ResponseBody>, Error> {
    let mut request = request;
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
        let lease = shared.acquire(&mut ask, &call.head).await?;
        let mut running = Running::new(lease, call.head.clone());
        if let Some(policy) = call.on_client_gone {
            running.lease.on_drop = policy;
        }
        let stop = match call.attempt(&mut running).await {
            Ok(head) => return Ok(running.into_response(head, replayed)),
            Err(stop) => stop,
        };
        let untouched = stop.is_untouched();
        let safe = stop.is_closed() && !running.answered() && !replayed && call.idempotent;
        let at_hand = call.body.is_some() || call.unsent.is_some();
        let again = at_hand && attempt < ATTEMPTS && (untouched || safe);
        if !running.lose(&stop, again) {
            return Err(running.explain(stop).await);
        }
        replayed |= !untouched;
    }
    Err(Error::new(ErrorKind::NoWorker))
}

impl Call {
    fn new(mut request: Request) -> Result<Self, Error> {
        if !request.is_finished() {
            let text = "its params were not finished (ParamsEncoder::finish)";
            return Err(Error::new(ErrorKind::InvalidRequest).caused_by(text));
        }
        check_length(&request)?;
        let method = find_param(&request.head, b"REQUEST_METHOD").unwrap_or_default();
        let safe = matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE");
        // Without a spare byte the buffer is shared as it is.
        request.head.shrink_to_fit();
        Ok(Self {
            idempotent: request.idempotent.unwrap_or(safe),
            head: request.head.into(),
            body: Some(request.body),
            unsent: None,
            on_client_gone: request.on_client_gone,
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
        running.send(connection, self.outgoing());
        let mut head = poll_fn(|cx| running.poll_head(cx)).await;
        // A worker may have closed a connection that it does not keep.
        if was_kept && head.as_ref().is_err_and(Stop::is_untouched) {
            self.unsent = running.take_unsent();
            let connection = running.connect().await?;
            running.send(connection, self.outgoing());
            head = poll_fn(|cx| running.poll_head(cx)).await;
        }
        if head.as_ref().is_err_and(Stop::is_untouched) {
            self.unsent = running.take_unsent();
        }
        let head = head?;
        // What has come by now saves the answer a task.
        poll_fn(|cx| Poll::Ready(running.gather(cx))).await?;
        response::Parts::try_from(&head).map_err(Stop::BadHead)
    }

    /// What to send in an attempt; a body at hand stays for the next.
    fn outgoing(&mut self) -> Outgoing {
        if let Some(unsent) = self.unsent.take() {
            return unsent;
        }
        let body = match self.body.take() {
            Some(RequestBody::Bytes(bytes)) => {
                self.body = Some(RequestBody::Bytes(bytes.clone()));
                RequestBody::Bytes(bytes)
            }
            Some(stream) => stream,
            None => RequestBody::Bytes(Bytes::new()),
        };
        Outgoing::new(self.head.clone(), body)
    }
}

/// The length in the params must be that of the body: a worker takes what
/// follows for the next request.
fn check_length(request: &Request) -> Result<(), Error> {
    let declared = request.param(b"CONTENT_LENGTH").unwrap_or_default();
    let declared = match declared {
        b"" => Some(0),
        text => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok()),
    };
    let len = request.body.len();
    if declared == Some(len) {
        return Ok(());
    }
    let text = format!("CONTENT_LENGTH does not say the body's {len} bytes");
    Err(Error::new(ErrorKind::InvalidRequest).caused_by(text))
}
