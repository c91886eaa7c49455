//! What callers believe, and what must be true of a machine at any time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::action::{Action, Ticket};
use super::super::keys::{Claim, Claims};
use super::super::worker::State;
use super::super::{Census, Machine};
use super::world::World;
use crate::{KeyLimit, WorkerId};

/// Of a pool of at most five workers, with the usual `max_processes`.
const MOST_PROCESSES: usize = 10;

const LIMITS: [KeyLimit; 3] = [
    KeyLimit::EXCLUSIVE,
    KeyLimit::Workers(2),
    KeyLimit::Percent(50),
];

/// A request's claim on one of three keys, each with another limit.
pub(super) fn claims(key: Option<u8>) -> Claims {
    let key = key?;
    Some(Arc::from([Claim {
        key: Arc::from([key]),
        limit: LIMITS[usize::from(key)],
    }]))
}

/// What the callers believe.
#[derive(Default)]
pub(super) struct Model {
    /// With the key of each.
    pub(super) waiting: BTreeMap<Ticket, Option<u8>>,
    /// Given a worker, which the caller has not noticed.
    pub(super) granted: BTreeMap<WorkerId, Option<u8>>,
    pub(super) running: BTreeMap<WorkerId, Option<u8>>,
    pub(super) seen: usize,
    pub(super) ending: bool,
}

impl Model {
    /// Takes note of what was ordered since the last time.
    pub(super) fn follow(&mut self, world: &World) {
        for action in &world.done[self.seen..] {
            match *action {
                Action::Grant { ticket, worker, .. } => {
                    let key = self.waiting.remove(&ticket);
                    let key = key.expect("granted twice, or after it left");
                    self.check_keys(world, key);
                    let before = self.granted.insert(worker, key);
                    assert!(before.is_none() && !self.running.contains_key(&worker));
                }
                Action::Refuse { ticket, .. } => {
                    let known = self.waiting.remove(&ticket);
                    assert!(known.is_some(), "refused twice, or after it left");
                }
                Action::Interrupt { worker, .. } => {
                    let runs = self.running.remove(&worker).is_some();
                    assert!(runs || self.granted.contains_key(&worker));
                }
                _ => {}
            }
        }
        self.seen = world.done.len();
    }

    /// A request runs without having waited.
    pub(super) fn begin(&mut self, world: &World, worker: WorkerId, key: Option<u8>) {
        self.check_keys(world, key);
        let before = self.running.insert(worker, key);
        assert_eq!(before, None, "two requests on one worker");
    }

    /// One more of a key is not too many.
    fn check_keys(&self, world: &World, key: Option<u8>) {
        let Some(key) = key else {
            return;
        };
        let all = self.running.iter().chain(&self.granted);
        let same = all.filter(|&(_, &other)| other == Some(key));
        // One whose worker ended holds nothing until it asks again.
        let same = same.filter(|&(id, _)| is_busy(&world.machine, *id)).count();
        if world.machine.max_children() == 1
            && matches!(LIMITS[usize::from(key)], KeyLimit::Percent(_))
        {
            // Every share of one worker is all of it.
            return;
        }
        // A pool that has become smaller lets those that hold a key finish.
        let most = LIMITS[usize::from(key)].workers(MOST_PROCESSES / 2);
        assert!(same < most, "too many requests of one key");
    }

    pub(super) fn check(&self, world: &World) {
        let machine = &world.machine;
        assert_eq!(machine.queue.len(), self.waiting.len(), "one was lost");
        self.check_census(machine);
        self.check_bounds(machine);
        let runnable = machine.queue.runnable() > 0;
        if runnable && !machine.is_stopping_all() {
            assert!(machine.idle.is_empty(), "a worker idles while one waits");
        }
        assert!(
            machine.queue.all_blocked_are(machine.max_children()),
            "one waits for a key that is free"
        );
        let lost = |id: &&WorkerId| !is_busy(machine, **id);
        assert_eq!(machine.adrift, self.granted.keys().filter(lost).count());
        let dead = machine.census.live() == 0 && machine.failures.has_failed_starts();
        if dead && !machine.is_stopping_all() && machine.process_room() > 0 {
            assert!(machine.wake_at().is_some(), "the pool stays dead");
        }
    }

    fn check_census(&self, machine: &Machine) {
        let mut census = Census::default();
        let mut busy = 0;
        for worker in machine.workers.values() {
            busy += usize::from(matches!(worker.state, State::Busy(_)));
            if worker.generation == machine.generation
                && let Some(count) = census.of(&worker.state)
            {
                *count += 1;
            }
        }
        assert_eq!(machine.census, census, "the counts are exact");
        assert_eq!(machine.idle.len(), census.idle);
        let believed = self.running.len() + self.granted.len();
        assert_eq!(busy + machine.adrift, believed);
        // A smaller pool lets busy workers finish.
        let working = census.busy + census.recovering + census.starting;
        assert!(census.live() <= machine.max_children().max(working));
    }

    fn check_bounds(&self, machine: &Machine) {
        let bounds = machine.settings.queue;
        assert!(
            machine.queue.runnable() <= bounds.max_len + MOST_PROCESSES / 2 + bounds.max_blocked
        );
        assert!(machine.queue.blocked() <= bounds.max_blocked.max(512));
        assert!(machine.workers.len() <= MOST_PROCESSES);
    }
}

fn is_busy(machine: &Machine, id: WorkerId) -> bool {
    let worker = machine.workers.get(&id);
    worker.is_some_and(|worker| matches!(worker.state, State::Busy(_)))
}
