//! Drain and shutdown.

use std::time::{Duration, Instant};

use super::action::{Action, Outcome};
use super::worker::{Firmness, State};
use super::{Gate, Machine};
use crate::{ErrorKind, EventKind, StopReason};

impl Machine {
    /// Takes no more requests; those accepted are finished.
    pub(crate) fn drain(&mut self) {
        if self.gate == Gate::Open {
            self.gate = Gate::Draining;
            self.event(|| EventKind::Draining);
        }
        self.after_change();
    }

    /// Whether nothing is queued or runs, and nothing comes.
    pub(crate) fn is_drained(&self) -> bool {
        let busy = |state: &State| matches!(state, State::Busy(_));
        self.gate != Gate::Open
            && self.queue.len() + self.adrift == 0
            && !self.workers.values().any(|worker| busy(&worker.state))
    }

    /// Refuses what waits, interrupts what runs, stops all workers.
    pub(crate) fn shut_down(&mut self, now: Instant) {
        if matches!(self.gate, Gate::Closing | Gate::Closed) {
            return;
        }
        self.gate = Gate::Closing;
        self.refuse_queue(now, ErrorKind::Closed);
        if self.pending.is_some() {
            self.fail_reload(now, "the pool was shut down");
        }
        let all: Vec<_> = self.workers.keys().copied().collect();
        for id in all {
            let state = self.workers.get(&id).map(|worker| &worker.state);
            let firmness = match state {
                Some(State::Busy(_)) => {
                    self.end(now, id, Outcome::Failed(ErrorKind::Closed));
                    self.out.push(Action::Interrupt {
                        worker: id,
                        kind: ErrorKind::Closed,
                    });
                    Firmness::Busy
                }
                Some(State::Starting { .. }) => Firmness::Kill,
                _ => Firmness::Idle,
            };
            self.stop(now, id, StopReason::Shutdown, firmness);
        }
        if self.workers.is_empty() {
            self.gate = Gate::Closed;
            self.event(|| EventKind::Stopped);
            self.out.push(Action::Stopped);
        }
        self.out.push(Action::Drained);
        self.after_change();
    }

    /// How long it takes until the last worker has been killed.
    pub(crate) fn longest_stop(&self, now: Instant) -> Duration {
        let left = |state: &State| match state {
            State::Stopping(stop) => stop.left(now),
            _ => Duration::ZERO,
        };
        let longest = self.workers.values().map(|worker| left(&worker.state));
        longest.max().unwrap_or_default()
    }

    /// Processes that have not ended.
    pub(crate) fn processes(&self) -> usize {
        self.workers.len()
    }

    /// Whether workers are being stopped for good.
    pub(crate) const fn is_stopping_all(&self) -> bool {
        matches!(self.gate, Gate::Closing | Gate::Closed)
    }

    /// Whether the last worker is gone after a shutdown.
    pub(crate) fn is_stopped(&self) -> bool {
        self.gate == Gate::Closed
    }
}
