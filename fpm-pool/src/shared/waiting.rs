//! Callers that wait for a worker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

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

/// What a question for a worker came to.
enum Asked {
    Worker(Lease),
    Wait(Ticket),
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

    fn ask(
        &mut self,
        shared: &Arc<Shared>,
        now: Instant,
        ask: Ask,
        head: &Bytes,
    ) -> Result<Asked, Error> {
        match self.machine.request(now, ask) {
            Decision::Run(worker) => {
                let lease = Lease::claim(shared, self, worker, Duration::ZERO, now, head);
                // It was idle a moment ago, under the same lock.
                lease
                    .map(Asked::Worker)
                    .ok_or_else(|| Error::new(ErrorKind::NoWorker))
            }
            Decision::Wait(ticket) => {
                self.waiters.entry(ticket).or_default();
                Ok(Asked::Wait(ticket))
            }
            Decision::Refuse(refusal) => Err(self.refusal(refusal)),
        }
    }
}

impl Shared {
    /// A worker for a request whose records are `head`, now or after a wait.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        ask: &mut Ask,
        head: &Bytes,
    ) -> Result<Lease, Error> {
        let asked = self.with(|inner, now| inner.ask(self, now, ask.clone(), head))?;
        ask.reserved = false;
        ask.again = true;
        match asked {
            Asked::Worker(lease) => Ok(lease),
            Asked::Wait(ticket) => {
                let waiting = Waiting {
                    shared: self,
                    ticket: Some(ticket),
                    ask,
                    head,
                };
                waiting.await
            }
        }
    }
}

/// The wait of one queued request. Dropping it says that the client left.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    ticket: Option<Ticket>,
    /// To ask once more.
    ask: &'a Ask,
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
            let (worker, queue_wait) = match outcome {
                Outcome::Granted { worker, queue_wait } => (worker, queue_wait),
                Outcome::Refused(refusal) => return Some(Err(inner.refusal(refusal))),
            };
            let (shared, head) = (self.shared, self.head);
            let lease = Lease::claim(shared, inner, worker, queue_wait, now, head);
            Some(match lease {
                Some(lease) => Ok(Asked::Worker(lease)),
                // It has ended since it was chosen.
                None => inner.ask(shared, now, self.ask.clone(), head),
            })
        });
        let Some(asked) = result else {
            return Poll::Pending;
        };
        self.ticket = None;
        match asked {
            Ok(Asked::Worker(lease)) => Poll::Ready(Ok(lease)),
            Ok(Asked::Wait(ticket)) => {
                self.ticket = Some(ticket);
                self.poll(cx)
            }
            Err(error) => Poll::Ready(Err(error)),
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
