//! Whatever happens in whatever order, the promises hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::action::{Action, Ask, Breach, Decision, Finish, Ticket};
use super::super::worker::State;
use super::world::{World, secs, settings};
use crate::{ErrorKind, ExitReason, OnClientGone, Priority, Sizing, WorkerId};

#[derive(Clone, Debug)]
enum Step {
    Request {
        priority: u8,
        key: u8,
        deadline: u16,
    },
    Cancel(usize),
    Finish(usize, bool),
    Break(usize, bool),
    Abandon(usize, u8),
    Recover(usize),
    Ready(usize),
    StartFails(usize),
    Exit(usize, bool),
    Pass(u16),
    Reload(u8),
    Resize(u8),
    Drain,
    ShutDown,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let n = 0..8_usize;
    let step = prop_oneof![
        8 => (0..3_u8, 0..6_u8, 0..4000_u16)
            .prop_map(|(priority, key, deadline)| Step::Request { priority, key, deadline }),
        2 => n.clone().prop_map(Step::Cancel),
        6 => (n.clone(), any::<bool>()).prop_map(|(n, clean)| Step::Finish(n, clean)),
        1 => (n.clone(), any::<bool>()).prop_map(|(n, closed)| Step::Break(n, closed)),
        2 => (n.clone(), 0..3_u8).prop_map(|(n, policy)| Step::Abandon(n, policy)),
        2 => n.clone().prop_map(Step::Recover),
        8 => n.clone().prop_map(Step::Ready),
        1 => n.clone().prop_map(Step::StartFails),
        2 => (n, any::<bool>()).prop_map(|(n, crash)| Step::Exit(n, crash)),
        3 => (0..3000_u16).prop_map(Step::Pass),
        1 => (1..5_u8).prop_map(Step::Reload),
        1 => (1..5_u8).prop_map(Step::Resize),
        1 => Just(Step::Drain).prop_filter("rare", |_| true),
        1 => Just(Step::ShutDown).prop_filter("rare", |_| true),
    ];
    proptest::collection::vec(step, 1..120)
}

fn sizings() -> impl Strategy<Value = Sizing> {
    prop_oneof![
        (1..5_usize).prop_map(|max_children| Sizing::Static { max_children }),
        Just(Sizing::Dynamic {
            max_children: 4,
            start_servers: 2,
            min_spare_servers: 1,
            max_spare_servers: 2,
        }),
        Just(Sizing::Ondemand {
            max_children: 3,
            process_idle_timeout: secs(1.0),
        }),
    ]
}

/// What the callers believe.
#[derive(Default)]
struct Model {
    waiting: BTreeSet<Ticket>,
    /// What each busy worker runs, by key.
    running: BTreeMap<WorkerId, Option<u8>>,
    keys: BTreeMap<Ticket, Option<u8>>,
    seen: usize,
    ending: bool,
}

impl Model {
    /// Takes note of what was ordered since the last time.
    fn follow(&mut self, world: &World) {
        for action in &world.done[self.seen..] {
            match *action {
                Action::Grant { ticket, worker, .. } => {
                    assert!(
                        self.waiting.remove(&ticket),
                        "granted twice, or after it left"
                    );
                    let key = self.keys.remove(&ticket).flatten();
                    self.begin(worker, key);
                }
                Action::Refuse { ticket, .. } => {
                    assert!(
                        self.waiting.remove(&ticket),
                        "refused twice, or after it left"
                    );
                    self.keys.remove(&ticket);
                }
                Action::Interrupt { worker, .. } => {
                    assert!(self.running.contains_key(&worker), "nothing to interrupt");
                    self.running.remove(&worker);
                }
                _ => {}
            }
        }
        self.seen = world.done.len();
    }

    fn begin(&mut self, worker: WorkerId, key: Option<u8>) {
        let before = self.running.insert(worker, key);
        assert_eq!(before, None, "two requests on one worker");
        if let Some(key) = key {
            let same = self.running.values().filter(|&&other| other == Some(key));
            assert_eq!(same.count(), 1, "two requests of one key");
        }
    }

    fn check(&self, world: &World) {
        let machine = &world.machine;
        assert_eq!(
            machine.queue.len(),
            self.waiting.len(),
            "a request was lost"
        );
        let mut census = super::super::Census::default();
        for worker in machine.workers.values() {
            if worker.generation == machine.generation
                && let Some(count) = census.of(&worker.state)
            {
                *count += 1;
            }
        }
        assert_eq!(machine.census, census, "the counts are exact");
        assert_eq!(machine.idle.len(), census.idle);
        if machine.queue.runnable() > 0 && !machine.is_stopping_all() {
            assert_eq!(census.idle, 0, "a worker idles while a request waits");
        }
        let busy = |state: &State| matches!(state, State::Busy(_));
        let busy = machine
            .workers
            .values()
            .filter(|worker| busy(&worker.state))
            .count();
        assert_eq!(busy, self.running.len());
    }
}

fn pick<T: Copy>(all: impl Iterator<Item = T>, n: usize) -> Option<T> {
    let all: Vec<_> = all.collect();
    (!all.is_empty()).then(|| all[n % all.len()])
}

fn take(world: &mut World, model: &mut Model, step: &Step) {
    let now = world.now;
    let busy = |model: &Model, n| pick(model.running.keys().copied(), n);
    match *step {
        Step::Request {
            priority,
            key,
            deadline,
        } => {
            let priorities = [Priority::Low, Priority::Normal, Priority::High];
            // Keys from 3 on mean none.
            let key = (key < 3).then_some(key);
            let ask = Ask {
                priority: priorities[usize::from(priority)],
                key: key.map(|key| Arc::from(&[key][..])),
                deadline: (deadline > 2000).then(|| now + Duration::from_millis(deadline.into())),
                ..Ask::default()
            };
            let decision = world.machine.request(now, ask);
            match decision {
                Decision::Run(worker) => {
                    model.begin(worker, key);
                }
                Decision::Wait(ticket) => {
                    model.waiting.insert(ticket);
                    model.keys.insert(ticket, key);
                    let most = world.machine.settings.queue.max_len
                        + world.machine.settings.sizing.max_children();
                    assert!(model.waiting.len() <= most, "the queue has a bound");
                }
                Decision::Refuse(_) => {}
            }
        }
        Step::Cancel(n) => {
            if let Some(ticket) = pick(model.waiting.iter().copied(), n) {
                model.waiting.remove(&ticket);
                model.keys.remove(&ticket);
                world.machine.cancel(now, ticket);
            }
        }
        Step::Finish(n, clean) => {
            if let Some(worker) = busy(model, n) {
                model.running.remove(&worker);
                let how = if clean {
                    Finish::Reusable
                } else {
                    Finish::Reconnect
                };
                world.machine.finish(now, worker, how);
            }
        }
        Step::Break(n, closed) => {
            if let Some(worker) = busy(model, n) {
                model.running.remove(&worker);
                let breach = if closed {
                    Breach::Closed
                } else {
                    Breach::Garbage
                };
                world.machine.broken(now, worker, breach);
            }
        }
        Step::Abandon(n, policy) => {
            if let Some(worker) = busy(model, n) {
                let policies = [
                    OnClientGone::Abort,
                    OnClientGone::Finish,
                    OnClientGone::Kill,
                ];
                let policy = policies[usize::from(policy)];
                if policy != OnClientGone::Finish {
                    model.running.remove(&worker);
                }
                world.machine.abandon(now, worker, policy);
            }
        }
        Step::Recover(n) => {
            let workers = world.machine.workers.iter();
            let recovering = workers
                .filter(|(_, worker)| matches!(worker.state, State::Recovering { .. }))
                .map(|(&id, _)| id);
            if let Some(worker) = pick(recovering, n) {
                world.machine.recovered(now, worker);
            }
        }
        Step::Ready(n) => {
            if let Some(worker) = pick(world.starting().into_iter(), n) {
                world.machine.ready(now, worker);
            }
        }
        Step::StartFails(n) => {
            if let Some(worker) = pick(world.starting().into_iter(), n) {
                world
                    .machine
                    .start_failed(now, worker, ErrorKind::NoWorker, "no");
            }
        }
        Step::Exit(n, crash) => {
            let all = world.machine.workers.keys().copied();
            if let Some(worker) = pick(all, n).filter(|&id| !world.machine.is_starting(id)) {
                model.running.remove(&worker);
                let reason = if crash {
                    ExitReason::Signaled(11)
                } else {
                    ExitReason::Exited(0)
                };
                world.machine.exited(now, worker, reason);
            }
        }
        Step::Pass(millis) => world.pass(Duration::from_millis(millis.into())),
        Step::Reload(children) => {
            let sizing = Sizing::Static {
                max_children: children.into(),
            };
            let _ = world.machine.reload(now, settings(sizing));
        }
        Step::Resize(children) => {
            let sizing = Sizing::Static {
                max_children: children.into(),
            };
            world.machine.resize(now, sizing);
        }
        Step::Drain if model.ending => world.machine.drain(),
        Step::ShutDown if model.ending => world.machine.shut_down(now),
        Step::Drain | Step::ShutDown => {}
    }
    world.collect();
}

/// After all that, whoever waits is served or told, and the pool can stop.
fn settle(world: &mut World, model: &mut Model) {
    for _ in 0..200 {
        world.start_all();
        model.follow(world);
        let running: Vec<_> = std::mem::take(&mut model.running).into_keys().collect();
        for worker in running {
            world.finish(worker);
        }
        let others: Vec<_> = world
            .machine
            .workers
            .iter()
            .filter(|(_, worker)| {
                matches!(worker.state, State::Recovering { .. } | State::Stopping(_))
            })
            .map(|(&id, _)| id)
            .collect();
        for worker in others {
            world.exit(worker, ExitReason::Exited(0));
        }
        model.follow(world);
        if model.waiting.is_empty() && model.running.is_empty() {
            break;
        }
        world.pass(secs(0.2));
        model.follow(world);
    }
    assert!(model.waiting.is_empty(), "somebody waits for ever");
    world.machine.shut_down(world.now);
    world.collect();
    let all: Vec<_> = world.machine.workers.keys().copied().collect();
    for worker in all {
        world.exit(worker, ExitReason::Exited(0));
    }
    assert!(world.machine.is_stopped());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_in_any_order(
        sizing in sizings(), steps in steps(), ending in any::<bool>()
    ) {
        let mut world = World::new(settings(sizing));
        let mut model = Model { ending, ..Model::default() };
        for step in &steps {
            take(&mut world, &mut model, step);
            model.follow(&world);
            model.check(&world);
            let current = world.machine.census.live();
            // A smaller pool lets busy workers finish.
            let most = world.machine.settings.sizing.max_children();
            let busy = world.machine.census.busy + world.machine.census.recovering;
            prop_assert!(current <= most.max(busy + world.machine.census.starting));
        }
        settle(&mut world, &mut model);
    }
}
