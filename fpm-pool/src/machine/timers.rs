//! What happens because time passes.

use std::time::Instant;

use super::action::{Action, Outcome, Refusal};
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
        for (ticket, kind) in self.queue.expired(now) {
            self.queue.give_up(now, ticket);
            let retry_after = (kind == ErrorKind::QueueTimeout).then(|| self.retry_after());
            self.refuse(now, ticket, Refusal { kind, retry_after });
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let late: Vec<_> = (self.workers.iter())
            .filter(|(_, worker)| due(worker.until()))
            .map(|(&id, _)| id)
            .collect();
        for id in late {
            self.worker_late(now, id);
        }
        self.stop_old(now);
        self.give_up_pending(now);
        self.stop_surplus(now);
        self.serve_queue(now);
        self.rearm(now);
        self.balance(now);
        self.after_change();
    }

    fn worker_late(&mut self, now: Instant, id: WorkerId) {
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        match &worker.state {
            State::Starting { .. } => {
                let limit = self.settings_of(worker.generation).timeouts.start;
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
        self.end(now, id, Outcome::Failed(kind));
        self.out.push(Action::Interrupt { worker: id, kind });
        self.stop(now, id, reason, Firmness::Busy);
    }

    /// Stops the workers of old generations whose grace is over.
    fn stop_old(&mut self, now: Instant) {
        let until = &self.old_until;
        let due = |generation| until.get(&generation).copied().flatten();
        let old: Vec<_> = (self.workers.iter())
            .filter(|(_, worker)| due(worker.generation).is_some_and(|at| at <= now))
            .filter(|(_, worker)| !matches!(worker.state, State::Stopping(_)))
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

    /// When the next old generation has to be done.
    fn next_old(&self, now: Instant) -> Option<Instant> {
        let times = self.old_until.values().flatten();
        times.filter(|&&at| at > now).min().copied()
    }

    /// Finds out what is due next.
    fn rearm(&mut self, now: Instant) {
        let workers = self.workers.values().filter_map(super::Worker::until).min();
        self.wake = earliest(workers, self.queue.next_expiry());
        self.arm(self.next_old(now));
        self.arm(self.pending_until());
        self.arm(self.surplus_from);
        if let Sizing::Ondemand {
            process_idle_timeout,
            ..
        } = self.settings.sizing
        {
            let idle = self.idle.iter().filter_map(|id| self.workers.get(id));
            let next = (idle)
                .filter_map(|worker| worker.since.checked_add(process_idle_timeout))
                .min();
            self.arm(next);
        }
    }
}
