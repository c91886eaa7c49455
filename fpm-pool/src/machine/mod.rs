//! The rules of a pool, pure: events and the time go in, actions come out.
//!
//! No runtime, clock or system call is known here, so that every rule is
//! tested with simulated time. The shell (`crate::shared`) keeps the machine
//! behind one lock and carries out the actions after it.

mod action;
mod admission;
mod failures;
mod keys;
mod lifecycle;
mod queue;
mod record;
mod reload;
mod requests;
mod sizing;
mod standing;
mod stopping;
#[cfg(test)]
mod tests;
mod timers;
mod worker;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::{EventKind, PoolConfig, Queue as QueueBounds, Sizing, Timeouts, WorkerId};

pub use action::StopSignal;
pub(crate) use action::{Action, Ask, Breach, Decision, Finish, Outcome, Refusal, Ticket};
use failures::Failures;
pub(crate) use keys::{Claim, Claims};
use queue::Queue;
use record::Record;
use reload::Pending;
use worker::{State, Worker};

/// What the machine has to know of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) sizing: Sizing,
    pub(crate) max_processes: Option<usize>,
    pub(crate) queue: QueueBounds,
    pub(crate) timeouts: Timeouts,
    pub(crate) max_spawn_rate: usize,
    pub(crate) max_requests: u64,
    pub(crate) backoff: (Duration, Duration),
}

impl From<&PoolConfig> for Settings {
    fn from(config: &PoolConfig) -> Self {
        Self {
            sizing: config.sizing,
            max_processes: config.max_processes,
            queue: config.queue,
            timeouts: config.timeouts,
            max_spawn_rate: config.max_spawn_rate.max(1),
            max_requests: config.max_requests,
            backoff: config.backoff,
        }
    }
}

impl Settings {
    /// The most processes at a time, those included that are being stopped.
    fn max_processes(&self) -> usize {
        let max_children = self.sizing.max_children();
        let usual = max_children.saturating_mul(2);
        self.max_processes.unwrap_or(usual).max(max_children)
    }
}

/// Whether requests are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// What was accepted is finished.
    Draining,
    /// Workers are being stopped.
    Closing,
    /// None is left.
    Closed,
}

/// Workers of the current generation by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Census {
    starting: usize,
    idle: usize,
    busy: usize,
    recovering: usize,
}

impl Census {
    const fn live(self) -> usize {
        self.starting + self.idle + self.busy + self.recovering
    }

    const fn of(&mut self, state: &State) -> Option<&mut usize> {
        match state {
            State::Starting { .. } => Some(&mut self.starting),
            State::Idle => Some(&mut self.idle),
            State::Busy(_) => Some(&mut self.busy),
            State::Recovering { .. } => Some(&mut self.recovering),
            State::Stopping(_) => None,
        }
    }
}

/// The state of one pool.
#[derive(Debug)]
pub(crate) struct Machine {
    settings: Settings,
    started: Instant,
    workers: BTreeMap<WorkerId, Worker>,
    next_worker: u64,
    census: Census,
    /// Idle workers of the current generation, the one used last at the end.
    idle: Vec<WorkerId>,
    queue: Queue,
    /// Places promised to callers that are about to send a request.
    reserved: usize,
    /// Requests that lost their worker and have not asked for another yet.
    adrift: usize,
    generation: u64,
    next_generation: u64,
    pending: Option<Pending>,
    /// When the workers of each old generation have to be done.
    old_until: BTreeMap<u64, Option<Instant>>,
    /// That `max_processes` stands in the way was reported.
    max_processes_reported: bool,
    failures: Failures,
    gate: Gate,
    /// Demand that `max_children` stood in the way of was reported.
    max_children_reported: bool,
    /// When the next surplus idle worker may be stopped (dynamic).
    surplus_from: Option<Instant>,
    record: Record,
    random: u64,
    out: Vec<Action>,
    /// Nothing has to be done by itself before this moment.
    wake: Option<Instant>,
    /// Whether somebody listens to events.
    watched: bool,
}

impl Machine {
    /// A machine without workers; [`start`](Self::start) orders the first.
    ///
    /// `seed` decides all jitter.
    pub(crate) fn new(settings: Settings, now: Instant, seed: u64) -> Self {
        Self {
            started: now,
            workers: BTreeMap::new(),
            next_worker: 1,
            census: Census::default(),
            idle: Vec::new(),
            queue: Queue::new(settings.queue.order),
            reserved: 0,
            adrift: 0,
            generation: 1,
            next_generation: 2,
            pending: None,
            old_until: BTreeMap::new(),
            max_processes_reported: false,
            failures: Failures::default(),
            gate: Gate::Open,
            settings,
            max_children_reported: false,
            surplus_from: None,
            record: Record::default(),
            random: seed,
            out: Vec::new(),
            wake: None,
            watched: false,
        }
    }

    /// Moves the actions that are to be carried out to the end of `actions`.
    pub(crate) fn take_actions(&mut self, actions: &mut Vec<Action>) {
        actions.append(&mut self.out);
    }

    /// When [`tick`](Self::tick) has to be called at the latest.
    pub(crate) const fn wake_at(&self) -> Option<Instant> {
        self.wake
    }

    /// Whether events are made into actions.
    pub(crate) const fn watch(&mut self, watched: bool) {
        self.watched = watched;
    }

    const fn max_children(&self) -> usize {
        self.settings.sizing.max_children()
    }

    fn event(&mut self, event: impl FnOnce() -> EventKind) {
        if self.watched {
            self.out.push(Action::Event(event()));
        }
    }

    /// Notes that something is due at `at`.
    fn arm(&mut self, at: Option<Instant>) {
        self.wake = worker::earliest(self.wake, at);
    }

    /// Puts a worker into a state, with all that is counted by state.
    fn set_state(&mut self, id: WorkerId, now: Instant, state: State) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let current = worker.generation == self.generation;
        if current {
            if let Some(count) = self.census.of(&worker.state) {
                *count -= 1;
            }
            if matches!(worker.state, State::Idle) && !matches!(state, State::Idle) {
                self.idle.retain(|&other| other != id);
            }
            if let Some(count) = self.census.of(&state) {
                *count += 1;
            }
        }
        worker.state = state;
        worker.since = now;
        let until = worker.until();
        self.arm(until);
        self.record.active(self.census.busy);
    }

    /// A number between 0 and 1 (SplitMix64: jitter needs no more).
    fn jitter(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let fraction = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }
}
