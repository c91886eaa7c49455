//! What happens because time passes.

use std::time::Instant;

use super::action::{Action, Refusal};
use super::worker::{Firmness, State, earliest};
use super::{Machine, Sizing};
use crate::{ErrorKind, StopReason, WorkerId};

impl Machine {
    /// Does what is due by `now`.
    ///
    /// [`wake_at`](Self::wake_at) may be early, as a deadline that is met
    /// stays armed: looking through everything now and then costs less than
    /// keeping order for each request.
    pub(crate) fn tick(&mut self, now: Instant) {
        for ticket in self.queue.expired(now) {
            let Some(kind) = self.queue.expiry(ticket) else {
                continue;
            };
            self.queue.gave_up(now);
            let retry_after = (kind == ErrorKind::QueueTimeout).then(|| self.retry_after());
            self.refuse(ticket, Refusal { kind, retry_after });
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let late: Vec<_> = (self.workers.iter())
            .filter(|(_, worker)| due(worker.until()))
            .map(|(&id, _)| id)
            .collect();
        for id in late {
            self.worker_late(now, id);
        }
        if due(self.old_until) {
            self.stop_old(now);
        }
        self.stop_surplus(now);
        self.serve_queue(now);
        self.rearm();
        self.balance(now);
        self.after_change();
    }

    fn worker_late(&mut self, now: Instant, id: WorkerId) {
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        match &worker.state {
            State::Starting { .. } => {
                let limit = self.settings.timeouts.start;
                let reason = format!("a worker was not ready within {limit:?}");
                self.out.push(Action::Late {
                    reason: reason.clone(),
                });
                self.not_ready(now, id, ErrorKind::NoWorker, &reason);
            }
            State::Idle => {}
            State::Busy(running) => {
                let kind = if running.total_until.is_some_and(|at| at <= now) {
                    ErrorKind::TotalTimeout
                } else {
                    ErrorKind::FirstByteTimeout
                };
                self.interrupt(now, id, kind, StopReason::Timeout);
            }
            State::Recovering { .. } => {
                self.stop(now, id, StopReason::Timeout, Firmness::Busy);
            }
            State::Stopping(_) => self.send_due_signal(now, id),
        }
    }

    /// Ends the request of a worker, and the worker.
    pub(super) fn interrupt(
        &mut self,
        now: Instant,
        id: WorkerId,
        kind: ErrorKind,
        reason: StopReason,
    ) {
        self.out.push(Action::Interrupt { worker: id, kind });
        self.stop(now, id, reason, Firmness::Busy);
    }

    /// Stops the workers of old generations whose grace is over.
    fn stop_old(&mut self, now: Instant) {
        self.old_until = None;
        let pending = self.pending.as_ref().map(|pending| pending.generation);
        let old: Vec<_> = (self.workers.iter())
            .filter(|(_, worker)| {
                worker.generation != self.generation && Some(worker.generation) != pending
            })
            .map(|(&id, worker)| (id, matches!(worker.state, State::Busy(_))))
            .collect();
        for (id, busy) in old {
            if busy {
                self.interrupt(now, id, ErrorKind::Closed, StopReason::Reload);
            } else {
                self.stop(now, id, StopReason::Reload, Firmness::Idle);
            }
        }
    }

    /// Finds out what is due next.
    fn rearm(&mut self) {
        let workers = self.workers.values().filter_map(super::Worker::until).min();
        self.wake = earliest(workers, self.queue.next_expiry());
        self.arm(self.old_until);
        self.arm(self.surplus_from);
        if let Sizing::Ondemand {
            process_idle_timeout,
            ..
        } = self.settings.sizing
        {
            let idle = self.idle.iter().filter_map(|id| self.workers.get(id));
            let next = idle.map(|worker| worker.since + process_idle_timeout).min();
            self.arm(next);
        }
    }
}
