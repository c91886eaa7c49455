//! What an application implements, and what it gets.

use std::future::Future;

use super::{Input, Responder};
use crate::{Params, ProtocolStatus, Role};

/// Answers requests; every function from [`Request`] to a future of an
/// [`Answer`] is one.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Its future runs in the connection's task, next to
    /// reading and writing; heavy work belongs on threads of its own. It runs
    /// to its end also when nobody waits for the answer any more:
    /// [`Responder::aborted`] and every error [`Stopped`](super::Stopped) say
    /// so. A panic closes the connection, with all its requests.
    fn handle(&self, request: Request) -> impl Future<Output = Answer> + Send;
}

impl<F, Fut> Handler for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Answer> + Send,
{
    fn handle(&self, request: Request) -> impl Future<Output = Answer> + Send {
        self(request)
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Its output is complete; the number is what a CGI program would exit
    /// with.
    End(u32),
    /// It was not taken. Only before any output.
    Reject(ProtocolStatus),
}

/// A request whose params are complete.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What is asked for.
    pub role: Role,
    /// Its params, in the order received.
    pub params: Params,
    /// Whether the connection outlives it.
    pub keep_conn: bool,
    /// Its body; it may still be arriving.
    pub stdin: Input,
    /// The file of a Filter; nothing for other roles.
    pub data: Input,
    /// Takes the answer.
    pub responder: Responder,
}
