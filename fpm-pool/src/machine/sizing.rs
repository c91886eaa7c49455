//! How many workers there should be, and starting those that are missing.

use std::time::{Duration, Instant};

use super::action::Action;
use super::worker::{Firmness, State, Worker};
use super::{Gate, Machine};
use crate::{ErrorKind, EventKind, Sizing, StopReason, WorkerId};

/// How often a dynamic pool stops a surplus worker, as php-fpm does.
const SURPLUS_EVERY: Duration = Duration::from_secs(1);

impl Machine {
    /// Orders the first workers.
    pub(crate) fn start(&mut self, now: Instant) {
        let wanted = self.initial();
        self.spawn_up_to(now, wanted);
    }

    /// Orders a worker if there is none, so that the pool can prove itself.
    pub(crate) fn warm(&mut self, now: Instant) {
        if self.gate == Gate::Open && self.census.live() == 0 {
            self.spawn_up_to(now, 1);
        }
    }

    /// Whether a worker has proven ready.
    pub(crate) const fn is_ready(&self) -> bool {
        self.census.live() > self.census.starting
    }

    /// Whether there is no worker, and there will be none.
    pub(crate) fn has_ended(&self) -> bool {
        self.gate != Gate::Open && self.census.live() == 0
    }

    /// Whether the last start failed.
    pub(crate) const fn has_failed_starts(&self) -> bool {
        self.failures.has_failed_starts()
    }

    /// Changes the number of workers.
    pub(crate) fn resize(&mut self, now: Instant, sizing: Sizing) {
        self.settings.sizing = sizing;
        self.resize_pending(sizing);
        self.queue.review(now, sizing.max_children());
        self.stop_excess(now);
        self.arm(Some(now));
        self.serve_queue(now);
        self.balance(now);
        self.after_change();
    }

    /// Stops idle workers beyond the most that there may be.
    pub(super) fn stop_excess(&mut self, now: Instant) {
        let excess = self.census.live().saturating_sub(self.max_children());
        for _ in 0..excess {
            let Some(&longest) = self.idle.first() else {
                break;
            };
            self.stop(now, longest, StopReason::Surplus, Firmness::Idle);
        }
    }

    /// Workers that a generation starts with.
    pub(super) const fn initial(&self) -> usize {
        match self.settings.sizing {
            Sizing::Static { max_children } => max_children,
            Sizing::Dynamic { start_servers, .. } => start_servers,
            Sizing::Ondemand { .. } => 0,
        }
    }

    /// Starts what is missing, the moment it is.
    pub(super) fn balance(&mut self, now: Instant) {
        if matches!(self.gate, Gate::Closing | Gate::Closed) {
            return;
        }
        let demand = self.queue.runnable();
        let available = self.census.idle + self.census.starting;
        let live = self.census.live();
        let max_children = self.max_children();
        // Without a worker nobody may ask: the pool tries by itself to get
        // well again.
        let proof = usize::from(self.failures.has_failed_starts() && live == 0);
        let missing = match self.settings.sizing {
            Sizing::Static { .. } => max_children.saturating_sub(live),
            Sizing::Dynamic {
                min_spare_servers, ..
            } => (demand.saturating_add(min_spare_servers)).saturating_sub(available),
            Sizing::Ondemand { .. } => demand.saturating_sub(available),
        };
        let missing = missing.max(proof);
        if missing > 0 {
            let in_the_way = live.saturating_add(missing) > max_children;
            self.report_max_children(in_the_way && demand > 0);
            self.spawn_up_to(now, missing);
        } else {
            self.max_children_reported &= demand > 0;
        }
        self.plan_surplus(now);
    }

    fn spawn_up_to(&mut self, now: Instant, missing: usize) {
        if let Some(at) = self.failures.wait_until(now) {
            self.arm(Some(at));
            return;
        }
        let most = if self.failures.is_backing_off() || self.is_hopeless() {
            1
        } else {
            self.settings.max_spawn_rate
        };
        let room = self.max_children().saturating_sub(self.census.live());
        let burst = most.saturating_sub(self.census.starting);
        let wanted = missing.min(room).min(burst);
        let possible = self.process_room();
        self.report_max_processes(wanted > possible);
        for _ in 0..wanted.min(possible) {
            self.spawn(now, self.generation);
        }
    }

    /// How many more processes there may be: those that do not end however
    /// they are stopped count, or each would be replaced for ever.
    pub(super) fn process_room(&self) -> usize {
        let most = self.settings.max_processes();
        most.saturating_sub(self.workers.len())
    }

    fn report_max_processes(&mut self, in_the_way: bool) {
        if in_the_way && !self.max_processes_reported {
            let max_processes = self.settings.max_processes();
            self.out.push(Action::Event(EventKind::MaxProcessesReached {
                max_processes,
            }));
        }
        self.max_processes_reported = in_the_way;
    }

    pub(super) fn spawn(&mut self, now: Instant, generation: u64) -> WorkerId {
        let id = WorkerId(self.next_worker);
        self.next_worker += 1;
        let settings = self.settings_of(generation);
        let until = now.checked_add(settings.timeouts.start);
        let most = settings.max_requests;
        let worker = Worker {
            generation,
            state: State::Starting { until },
            since: now,
            born: now,
            requests: 0,
            proven: false,
            max_requests: self.spread_max_requests(most),
            claims: None,
        };
        self.workers.insert(id, worker);
        if generation == self.generation {
            self.census.starting += 1;
        }
        self.arm(until);
        self.record.totals.workers_started += 1;
        self.out.push(Action::Spawn {
            worker: id,
            generation,
        });
        id
    }

    /// `max_requests`, up to a tenth lower.
    fn spread_max_requests(&mut self, most: u64) -> u64 {
        if most == 0 {
            return u64::MAX;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a tenth of max_requests"
        )]
        let less = (self.jitter() * (most as f64 / 10.0)) as u64;
        (most - less).max(1)
    }

    fn report_max_children(&mut self, in_the_way: bool) {
        if in_the_way && !self.max_children_reported {
            self.record.totals.max_children_reached += 1;
            let max_children = self.settings.sizing.max_children();
            self.event(|| EventKind::MaxChildrenReached { max_children });
        }
        self.max_children_reported |= in_the_way;
    }

    /// Notes when the next idle worker is to be stopped.
    fn plan_surplus(&mut self, now: Instant) {
        match self.settings.sizing {
            Sizing::Static { .. } => {}
            Sizing::Dynamic {
                max_spare_servers, ..
            } => {
                if self.census.idle <= max_spare_servers {
                    self.surplus_from = None;
                } else if self.surplus_from.is_none() {
                    self.surplus_from = Some(now + SURPLUS_EVERY);
                    self.arm(self.surplus_from);
                }
            }
            Sizing::Ondemand {
                process_idle_timeout,
                ..
            } => {
                let longest = self.idle.first().and_then(|id| self.workers.get(id));
                let until =
                    longest.and_then(|worker| worker.since.checked_add(process_idle_timeout));
                self.arm(until);
            }
        }
    }

    /// Stops idle workers that are too many for too long.
    pub(super) fn stop_surplus(&mut self, now: Instant) {
        let due = self.surplus_from.is_some_and(|at| at <= now);
        if due {
            self.surplus_from = None;
        }
        match self.settings.sizing {
            Sizing::Static { .. } => {}
            Sizing::Dynamic {
                max_spare_servers, ..
            } => {
                if due
                    && self.census.idle > max_spare_servers
                    && let Some(&longest) = self.idle.first()
                {
                    self.stop(now, longest, StopReason::Surplus, Firmness::Idle);
                }
            }
            Sizing::Ondemand {
                process_idle_timeout,
                ..
            } => {
                let late = |id: &&WorkerId| {
                    let worker = self.workers.get(id);
                    worker.is_some_and(|worker| {
                        now.saturating_duration_since(worker.since) >= process_idle_timeout
                    })
                };
                let surplus: Vec<_> = self.idle.iter().filter(late).copied().collect();
                for id in surplus {
                    self.stop(now, id, StopReason::Surplus, Firmness::Idle);
                }
            }
        }
    }

    /// Why a worker that is free has to go, if it has to.
    pub(super) fn should_go(&self, id: WorkerId) -> Option<StopReason> {
        let worker = self.workers.get(&id)?;
        if matches!(self.gate, Gate::Closing | Gate::Closed) {
            Some(StopReason::Shutdown)
        } else if worker.generation != self.generation {
            Some(StopReason::Reload)
        } else if worker.requests >= worker.max_requests {
            Some(StopReason::MaxRequests)
        } else if self.census.live() > self.settings.sizing.max_children() {
            Some(StopReason::Surplus)
        } else {
            None
        }
    }

    /// Whether waiting is in vain: starts fail, and nobody is left.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.failures.is_hopeless() && self.census.live() == 0
    }

    /// Tells all that wait that no worker can be started.
    pub(super) fn give_up_queue(&mut self, now: Instant, kind: ErrorKind) {
        if self.is_hopeless() {
            self.refuse_queue(now, kind);
        }
    }
}
