//! Carrying out what the machine decided.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::slot::Slot;
use super::waiting::Outcome;
use super::{Generation, Inner, Shared, greet, keeper};
use crate::machine::Action;
use crate::{Error, ErrorKind, Event, EventKind, StopSignal};

/// What is left to do once the lock is released.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) rearm: bool,
    /// Most changes wake one task or none.
    waker: Option<Waker>,
    wakers: Vec<Waker>,
    pub(super) actions: Vec<Action>,
    /// Generations that are over.
    pub(super) over: Vec<Arc<Generation>>,
}

impl Effects {
    fn push(&mut self, waker: Option<Waker>) {
        if self.waker.is_none() {
            self.waker = waker;
        } else {
            self.wakers.extend(waker);
        }
    }

    pub(super) fn wake(&self) {
        for waker in self.waker.iter().chain(&self.wakers) {
            waker.wake_by_ref();
        }
    }
}

impl Inner {
    /// Applies the actions that concern the state; the others are left.
    pub(super) fn settle(&mut self) -> Effects {
        let mut effects = Effects::default();
        let mut actions = std::mem::take(&mut self.actions);
        self.machine.take_actions(&mut actions);
        for action in actions.drain(..) {
            self.apply(action, &mut effects);
        }
        self.actions = actions;
        effects.wakers.extend(self.place_hopefuls());
        effects.over = std::mem::take(&mut self.over);
        let wake = self.machine.wake_at();
        if wake.is_some_and(|wake| self.armed.is_none_or(|armed| wake < armed)) {
            self.armed = wake;
            effects.rearm = true;
        }
        effects
    }

    fn apply(&mut self, action: Action, effects: &mut Effects) {
        match action {
            Action::Spawn { worker, generation } => {
                if let Some(generation) = self.generations.get(&generation) {
                    self.slots.insert(worker, Slot::new(Arc::clone(generation)));
                    effects.actions.push(action);
                }
            }
            Action::Grant {
                ticket,
                worker,
                queue_wait,
            } => {
                let outcome = Outcome::Granted { worker, queue_wait };
                effects.push(self.resolve(ticket, outcome));
            }
            Action::Refuse { ticket, refusal } => {
                let outcome = Outcome::Refused(refusal);
                effects.push(self.resolve(ticket, outcome));
            }
            Action::Interrupt { worker, kind } => {
                if let Some(slot) = self.slots.get_mut(&worker) {
                    slot.fate.cut(kind);
                    if slot.fate.is_partial() {
                        // Its script would take what came for all there is:
                        // it must be dead before the connection ends.
                        let signal = StopSignal::Kill;
                        effects.actions.push(Action::Signal { worker, signal });
                    } else {
                        slot.cut();
                    }
                }
            }
            Action::Disconnect(worker) => {
                if let Some(slot) = self.slots.get_mut(&worker) {
                    slot.cut();
                }
            }
            Action::Signal { worker, signal } => match self.slots.get(&worker) {
                Some(slot) if slot.process.is_none() && signal == StopSignal::Kill => {
                    slot.fate.unwanted.notify_one();
                }
                Some(_) => effects.actions.push(action),
                None => {}
            },
            Action::Late { ref reason } => {
                self.last_failure = Some((ErrorKind::NoWorker, reason.as_str().into()));
                effects.actions.push(action);
            }
            Action::Reloaded(result) => {
                if let Some(waiting) = self.reload.take() {
                    // A caller that gave up does not stop a reload.
                    let _ = waiting.send(result);
                }
                self.forget_generations();
            }
            Action::Stopped => {
                self.forget_generations();
                effects.actions.push(action);
            }
            Action::Recover { .. } | Action::Drained | Action::Event(_) => {
                effects.actions.push(action);
            }
        }
    }

    /// Why no worker could be started, as an error.
    pub(super) fn start_error(&self, otherwise: ErrorKind) -> Error {
        match &self.last_failure {
            Some((kind, reason)) => Error::new(*kind).caused_by(reason.to_string()),
            None => Error::new(otherwise),
        }
    }
}

impl Shared {
    pub(super) fn carry_out(self: &Arc<Self>, action: Action, now: Instant) {
        match action {
            Action::Spawn { worker, .. } => {
                self.runtime.spawn(keeper::keep(Arc::clone(self), worker));
            }
            Action::Recover { worker, over } => {
                self.runtime
                    .spawn(greet::recover(Arc::clone(self), worker, over));
            }
            Action::Signal { worker, signal } => {
                let process = {
                    let inner = self.lock();
                    inner
                        .slots
                        .get(&worker)
                        .and_then(|slot| slot.process.clone())
                };
                if let Some(process) = process
                    && let Err(error) = process.signal(signal)
                {
                    let pool = &*self.name;
                    tracing::error!(pool, pid = process.id(), %error, "cannot signal a worker");
                }
            }
            Action::Late { reason } => {
                tracing::error!(pool = &*self.name, reason, "a worker cannot be started");
                self.progress.notify_waiters();
            }
            Action::Drained => self.drained.notify_waiters(),
            Action::Stopped => {
                self.stopped.notify_waiters();
                self.progress.notify_waiters();
                self.timer.notify_one();
            }
            Action::Event(kind) => self.announce(kind, now),
            _ => {}
        }
    }

    fn announce(&self, kind: EventKind, now: Instant) {
        let pool = &*self.name;
        match &kind {
            EventKind::CrashLoop { failures, wait } => tracing::error!(
                pool,
                failures,
                ?wait,
                "workers fail in a row; the next start waits"
            ),
            EventKind::MaxProcessesReached { max_processes } => tracing::error!(
                pool,
                max_processes,
                "no worker can be started: too many that were told to stop do not end"
            ),
            _ => {}
        }
        // Nobody may be listening any more.
        let _ = self.events.send(Event { at: now, kind });
    }
}
