//! What a connection's task and its handlers share.

use std::mem;
use std::ops::{Deref, DerefMut};
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
    /// To be woken once the lock is free.
    due: Vec<Waker>,
}

/// The lock. Wakers run when it is free: the last one of a task may drop what
/// the task holds, an [`Input`](super::Input) for example, which locks.
pub(super) struct Locked<'a>(Option<MutexGuard<'a, Inner>>);

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
            due: Vec::new(),
        })))
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        // Nothing in here panics half-way.
        Locked(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Deref for Locked<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        self.0.as_ref().expect("locked until dropped")
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        self.0.as_mut().expect("locked until dropped")
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let due = self.0.as_mut().map(|inner| mem::take(&mut inner.due));
        self.0 = None;
        due.into_iter().flatten().for_each(Waker::wake);
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

    /// Forgets a request that has ended, and tells whoever still waits.
    pub(super) fn remove(&mut self, request: RequestId) {
        let is_it = |active: &Active| active.request == request;
        if let Some(index) = self.active.iter().position(is_it) {
            let mut active = self.active.swap_remove(index);
            active.wake(self.task.as_ref(), &mut self.due);
        }
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
            active.wake(self.task.as_ref(), &mut self.due);
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
        let is_it = |active: &&mut Active| active.request == request;
        if let Some(active) = self.active.iter_mut().find(is_it) {
            change(active);
            active.wake(self.task.as_ref(), &mut self.due);
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
                self.wait(request, cx);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Remembers who is to be woken.
    pub(super) fn wait(&mut self, request: RequestId, cx: &Context<'_>) {
        let is_it = |active: &&mut Active| active.request == request;
        let Some(active) = self.active.iter_mut().find(is_it) else {
            return;
        };
        let waker = cx.waker();
        if active.wakers.iter().any(|known| known.will_wake(waker)) {
            return;
        }
        if active.wakers.len() >= WAKERS {
            active.wake(self.task.as_ref(), &mut self.due);
        }
        active.wakers.push(waker.clone());
    }
}

impl Active {
    /// Wakes those who wait: the connection's `task`, which is alive, at once,
    /// others when they are `due`.
    fn wake(&mut self, task: Option<&Waker>, due: &mut Vec<Waker>) {
        for waker in self.wakers.drain(..) {
            match task {
                Some(task) if task.will_wake(&waker) => waker.wake(),
                _ => due.push(waker),
            }
        }
    }
}
