//! Callers that wait: for a worker, or for a place in the queue.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use super::lease::Lease;
use super::{Inner, Shared};
use crate::machine::{Ask, Decision, Refusal, Ticket};
use crate::{Error, ErrorKind, WorkerId};

/// What became of a queued request.
#[derive(Debug)]
pub(super) enum Outcome {
    Granted {
        worker: WorkerId,
        queue_wait: Duration,
    },
    Refused(Refusal),
}

/// A queued request.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    waker: Option<Waker>,
    outcome: Option<Outcome>,
}

impl Inner {
    /// Decides a queued request, and returns whom to wake.
    pub(super) fn resolve(&mut self, ticket: Ticket, outcome: Outcome) -> Option<Waker> {
        let waiter = self.waiters.entry(ticket).or_default();
        waiter.outcome = Some(outcome);
        waiter.waker.take()
    }

    fn refusal(&self, refusal: Refusal) -> Error {
        let error = match refusal.kind {
            kind @ ErrorKind::NoWorker => self.start_error(kind),
            kind => Error::new(kind),
        };
        match refusal.retry_after {
            Some(wait) => error.retry_in(wait),
            None => error,
        }
    }
}

impl Shared {
    /// A worker for a request whose records are `head`, now or after a wait.
    pub(crate) async fn acquire(self: &Arc<Self>, ask: Ask, head: &Bytes) -> Result<Lease, Error> {
        let ticket = self.with(|inner, now| match inner.machine.request(now, ask) {
            Decision::Run(worker) => Ok(Ok(Lease::claim(
                self,
                inner,
                worker,
                Duration::ZERO,
                now,
                head,
            ))),
            Decision::Wait(ticket) => {
                inner.waiters.entry(ticket).or_default();
                Ok(Err(ticket))
            }
            Decision::Refuse(refusal) => Err(inner.refusal(refusal)),
        })?;
        match ticket {
            Ok(lease) => Ok(lease),
            Err(ticket) => {
                Waiting {
                    shared: self,
                    ticket: Some(ticket),
                    head,
                }
                .await
            }
        }
    }

    /// A promise that the next request is not refused for want of a place.
    pub(crate) fn poll_place(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Place> {
        let reserved = self.with(|inner, _| {
            let reserved = inner.machine.reserve();
            let waker = cx.waker();
            if !reserved && !inner.hopefuls.iter().any(|known| known.will_wake(waker)) {
                inner.hopefuls.push(waker.clone());
            }
            reserved
        });
        if reserved {
            Poll::Ready(Place {
                shared: Arc::clone(self),
                used: false,
            })
        } else {
            Poll::Pending
        }
    }
}

/// A place that is kept for one request.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    used: bool,
}

impl Place {
    /// The request that comes now says that it had a place.
    pub(crate) fn spend(mut self) {
        self.used = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.used {
            self.shared.with(|inner, _| inner.machine.unreserve());
        }
    }
}

/// The wait of one queued request. Dropping it says that the client left.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    ticket: Option<Ticket>,
    head: &'a Bytes,
}

impl Future for Waiting<'_> {
    type Output = Result<Lease, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ticket) = self.ticket else {
            return Poll::Ready(Err(Error::new(ErrorKind::Closed)));
        };
        let result = self.shared.with(|inner, now| {
            let waiter = inner.waiters.entry(ticket).or_default();
            let Some(outcome) = waiter.outcome.take() else {
                waiter.waker = Some(cx.waker().clone());
                return None;
            };
            inner.waiters.remove(&ticket);
            Some(match outcome {
                Outcome::Granted { worker, queue_wait } => Ok(Lease::claim(
                    self.shared,
                    inner,
                    worker,
                    queue_wait,
                    now,
                    self.head,
                )),
                Outcome::Refused(refusal) => Err(inner.refusal(refusal)),
            })
        });
        match result {
            Some(result) => {
                self.ticket = None;
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else {
            return;
        };
        self.shared.with(|inner, now| {
            let waiter = inner.waiters.remove(&ticket);
            match waiter.and_then(|waiter| waiter.outcome) {
                // A worker was found, and nothing was sent to it yet.
                Some(Outcome::Granted { worker, .. }) => inner.machine.give_back(now, worker),
                Some(Outcome::Refused(_)) => {}
                None => inner.machine.cancel(now, ticket),
            }
        });
    }
}
