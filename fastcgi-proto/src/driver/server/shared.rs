//! What a connection's task and its handlers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::vec::Vec;

use bytes::Bytes;

use super::input::Kind;
use super::queue::Queue;
use crate::RequestId;
use crate::server::{Connection, Event};

/// Tasks that one request remembers; more are asked to come again.
const WAKERS: usize = 16;

/// One connection. The lock is held for moments, never across an await.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Inner>>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) state: Connection,
    pub(super) active: Vec<Active>,
    /// The connection's task, to be woken when a handler has changed
    /// something.
    task: Option<Waker>,
    /// The task is about to look at everything anyway.
    pub(super) task_runs: bool,
    /// The transport is gone.
    pub(super) gone: bool,
}

/// A request that a handler is at.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) request: RequestId,
    pub(super) stdin: Queue,
    pub(super) data: Queue,
    pub(super) aborted: bool,
    /// Whoever waits for input, for room or for an abort.
    wakers: Vec<Waker>,
}

impl Shared {
    pub(super) fn new(state: Connection) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            state,
            active: Vec::new(),
            task: None,
            task_runs: false,
            gone: false,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    pub(super) fn begin(&mut self, request: RequestId) {
        self.active.push(Active {
            request,
            stdin: Queue::default(),
            data: Queue::default(),
            aborted: false,
            wakers: Vec::new(),
        });
    }

    pub(super) fn get(&mut self, request: RequestId) -> Option<&mut Active> {
        self.active
            .iter_mut()
            .find(|active| active.request == request)
    }

    pub(super) fn remove(&mut self, request: RequestId) {
        self.active.retain(|active| active.request != request);
    }

    pub(super) fn set_task(&mut self, cx: &Context<'_>) {
        match &mut self.task {
            Some(task) => task.clone_from(cx.waker()),
            task => *task = Some(cx.waker().clone()),
        }
    }

    /// Has the connection's task look at what changed.
    pub(super) fn wake_task(&self) {
        if !self.task_runs
            && let Some(task) = &self.task
        {
            task.wake_by_ref();
        }
    }

    /// Wakes every handler: there is room, or there will never be any.
    pub(super) fn wake_all(&mut self) {
        for active in &mut self.active {
            active.wake();
        }
    }

    /// Passes an event on to the handler of its request.
    pub(super) fn note(&mut self, event: Event) {
        match event {
            Event::Stdin { request, content } => self.receive(request, Kind::Stdin, content),
            Event::StdinEnd { request, check } => {
                self.change(request, |active| active.stdin.end = Some(check));
            }
            Event::Data { request, content } => self.receive(request, Kind::Data, content),
            Event::DataEnd { request, check } => {
                self.change(request, |active| active.data.end = Some(check));
            }
            Event::Abort { request } => self.change(request, |active| active.aborted = true),
            // The one event that makes a handler.
            Event::Request { .. } => {}
        }
    }

    fn receive(&mut self, request: RequestId, kind: Kind, content: Bytes) {
        let Some(queue) = self.queue(request, kind) else {
            return;
        };
        if queue.discard {
            self.state.consumed(request, content.len());
            return;
        }
        queue.push(content);
        self.change(request, |_| ());
    }

    pub(super) fn queue(&mut self, request: RequestId, kind: Kind) -> Option<&mut Queue> {
        let active = self.get(request)?;
        match kind {
            Kind::Stdin => Some(&mut active.stdin),
            Kind::Data => Some(&mut active.data),
            Kind::None => None,
        }
    }

    fn change(&mut self, request: RequestId, change: impl FnOnce(&mut Active)) {
        if let Some(active) = self.get(request) {
            change(active);
            active.wake();
        }
    }

    /// Whether a handler is to be told if the peer leaves.
    pub(super) fn is_awaited(&self) -> bool {
        !self.gone && self.active.iter().any(|active| !active.aborted)
    }

    /// Nobody reads answers any more.
    pub(super) fn set_gone(&mut self) {
        self.gone = true;
        for active in &mut self.active {
            active.aborted = true;
        }
        self.wake_all();
    }

    /// Ready once the request is of no more use to its peer.
    pub(super) fn poll_aborted(&mut self, request: RequestId, cx: &Context<'_>) -> Poll<()> {
        match self.get(request) {
            Some(active) if !active.aborted => {
                active.wait(cx);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Active {
    /// Remembers who is to be woken.
    pub(super) fn wait(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            if self.wakers.len() >= WAKERS {
                self.wake();
            }
            self.wakers.push(cx.waker().clone());
        }
    }

    pub(super) fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}
