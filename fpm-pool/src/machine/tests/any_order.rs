//! Whatever happens in whatever order, the promises hold.

use std::time::Duration;

use proptest::prelude::*;

use super::super::action::{Ask, Breach, Decision, Finish, Outcome};
use super::super::worker::State;
use super::model::{Model, claims};
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
    /// A caller takes note of the worker that it was given, or has left.
    Notice(usize, bool),
    Finish(usize, bool),
    Break(usize, u8, bool),
    Forsake(usize),
    Abandon(usize, u8, bool),
    Recover(usize, u8),
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
    let flag = any::<bool>;
    let step = prop_oneof![
        8 => (0..3_u8, 0..6_u8, 0..4000_u16)
            .prop_map(|(priority, key, deadline)| Step::Request { priority, key, deadline }),
        2 => n.clone().prop_map(Step::Cancel),
        6 => (n.clone(), proptest::bool::weighted(0.2)).prop_map(|(n, left)| Step::Notice(n, left)),
        6 => (n.clone(), flag()).prop_map(|(n, clean)| Step::Finish(n, clean)),
        1 => (n.clone(), 0..3_u8, flag()).prop_map(|(n, how, again)| Step::Break(n, how, again)),
        1 => n.clone().prop_map(Step::Forsake),
        2 => (n.clone(), 0..3_u8, flag()).prop_map(|(n, policy, partial)| Step::Abandon(n, policy, partial)),
        2 => (n.clone(), 0..3_u8).prop_map(|(n, how)| Step::Recover(n, how)),
        8 => n.clone().prop_map(Step::Ready),
        1 => n.clone().prop_map(Step::StartFails),
        2 => (n, flag()).prop_map(|(n, crash)| Step::Exit(n, crash)),
        3 => (0..3000_u16).prop_map(Step::Pass),
        1 => (1..5_u8).prop_map(Step::Reload),
        1 => (1..5_u8).prop_map(Step::Resize),
        1 => Just(Step::Drain),
        1 => Just(Step::ShutDown),
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

fn pick<T: Copy>(all: impl Iterator<Item = T>, n: usize) -> Option<T> {
    let all: Vec<_> = all.collect();
    (!all.is_empty()).then(|| all[n % all.len()])
}

fn in_state(world: &World, is: impl Fn(&State) -> bool, n: usize) -> Option<WorkerId> {
    let workers = world.machine.workers.iter();
    let wanted = workers.filter(|(_, worker)| is(&worker.state));
    pick(wanted.map(|(&id, _)| id), n)
}

fn ask(world: &mut World, model: &mut Model, key: Option<u8>, ask: Ask) {
    let decision = world.machine.request(world.now, ask);
    match decision {
        Decision::Run(worker) => {
            assert!(world.machine.begin(worker));
            model.begin(world, worker, key);
        }
        Decision::Wait(ticket) => {
            model.waiting.insert(ticket, key);
        }
        Decision::Refuse(_) => {}
    }
}

/// One request, with or without a key; keys from 3 on mean none.
fn request(world: &mut World, model: &mut Model, priority: u8, key: u8, deadline: u16) {
    let priorities = [Priority::Low, Priority::Normal, Priority::High];
    let key = (key < 3).then_some(key);
    let deadline = (deadline > 2000).then(|| world.now + Duration::from_millis(deadline.into()));
    let question = Ask {
        priority: priorities[usize::from(priority)],
        claims: claims(key),
        deadline,
        ..Ask::default()
    };
    ask(world, model, key, question);
}

fn again(world: &mut World, model: &mut Model, key: Option<u8>) {
    let question = Ask {
        claims: claims(key),
        again: true,
        ..Ask::default()
    };
    ask(world, model, key, question);
}

fn notice(world: &mut World, model: &mut Model, n: usize, left: bool) {
    let Some((worker, key)) = pick(model.granted.iter().map(|(&id, &key)| (id, key)), n) else {
        return;
    };
    model.granted.remove(&worker);
    if left {
        world.machine.give_back(world.now, worker);
    } else if world.machine.begin(worker) {
        model.running.insert(worker, key);
    } else {
        again(world, model, key);
    }
}

fn end(world: &mut World, model: &mut Model, step: &Step, worker: WorkerId) {
    let now = world.now;
    let machine = &mut world.machine;
    let key = model.running.get(&worker).copied().flatten();
    match *step {
        Step::Finish(_, clean) => {
            let how = [Finish::Reconnect, Finish::Reusable][usize::from(clean)];
            machine.finish(now, worker, how, Outcome::Finished { app_status: 0 });
        }
        Step::Break(_, how, once_more) => {
            let how = [Breach::Closed, Breach::Garbage, Breach::Partial][usize::from(how)];
            machine.broken(now, worker, how, ErrorKind::Protocol, once_more);
            if once_more {
                model.running.remove(&worker);
                model.follow(world);
                again(world, model, key);
            }
        }
        Step::Forsake(_) => machine.forsake(now, worker, ErrorKind::BadHead),
        Step::Abandon(_, policy, partial) => {
            use OnClientGone::{Abort, Finish, Kill};
            let policy = [Abort, Finish, Kill][usize::from(policy)];
            machine.abandon(now, worker, policy, partial);
            if policy == Finish && !partial {
                return;
            }
        }
        _ => return,
    }
    model.running.remove(&worker);
}

fn take(world: &mut World, model: &mut Model, step: &Step) {
    let now = world.now;
    match *step {
        Step::Request {
            priority,
            key,
            deadline,
        } => request(world, model, priority, key, deadline),
        Step::Cancel(n) => {
            if let Some(ticket) = pick(model.waiting.keys().copied(), n) {
                model.waiting.remove(&ticket);
                world.machine.cancel(now, ticket);
            }
        }
        Step::Notice(n, left) => notice(world, model, n, left),
        Step::Finish(n, _) | Step::Break(n, ..) | Step::Forsake(n) | Step::Abandon(n, ..) => {
            if let Some(worker) = pick(model.running.keys().copied(), n) {
                end(world, model, step, worker);
            }
        }
        Step::Recover(n, how) => {
            let recovering = |state: &State| matches!(state, State::Recovering { .. });
            if let Some(worker) = in_state(world, recovering, n) {
                match how {
                    0 => world.machine.lost(now, worker),
                    1 => world.machine.unknowable(now, worker),
                    _ => world.machine.recovered(now, worker),
                }
            }
        }
        Step::Ready(n) => {
            if let Some(worker) = pick(world.starting().into_iter(), n) {
                world.machine.ready(now, worker);
            }
        }
        Step::StartFails(n) => {
            if let Some(worker) = pick(world.starting().into_iter(), n) {
                (world.machine).start_failed(now, worker, ErrorKind::NoWorker, "no");
            }
        }
        Step::Exit(n, crash) => {
            let starting = |state: &State| matches!(state, State::Starting { .. });
            if let Some(worker) = in_state(world, |state| !starting(state), n) {
                model.running.remove(&worker);
                let reason = [ExitReason::Exited(0), ExitReason::Signaled(11)][usize::from(crash)];
                world.machine.exited(now, worker, reason);
            }
        }
        Step::Pass(millis) => {
            world.pass(Duration::from_millis(millis.into()));
            assert!(
                world.machine.queue.expired(world.now).is_empty(),
                "somebody waits too long"
            );
        }
        Step::Reload(children) => {
            let max_children = children.into();
            let _ = (world.machine).reload(now, settings(Sizing::Static { max_children }));
        }
        Step::Resize(children) => {
            let max_children = children.into();
            (world.machine).resize(now, Sizing::Static { max_children });
        }
        Step::Drain if model.ending => world.machine.drain(),
        Step::ShutDown if model.ending => world.machine.shut_down(now),
        Step::Drain | Step::ShutDown => {}
    }
    world.collect();
}

/// After all that, whoever waits is served or told, and the pool can stop.
fn settle(world: &mut World, model: &mut Model) {
    for _ in 0..400 {
        world.start_all();
        model.follow(world);
        while !model.granted.is_empty() {
            notice(world, model, 0, false);
            world.collect();
            model.follow(world);
        }
        for worker in std::mem::take(&mut model.running).into_keys() {
            world.finish(worker);
        }
        model.follow(world);
        let ending = |state: &State| matches!(state, State::Recovering { .. } | State::Stopping(_));
        while let Some(worker) = in_state(world, ending, 0) {
            world.exit(worker, ExitReason::Exited(0));
        }
        model.follow(world);
        if model.waiting.is_empty() && model.running.is_empty() && model.granted.is_empty() {
            break;
        }
        world.pass(secs(0.2));
        model.follow(world);
    }
    assert!(model.waiting.is_empty(), "somebody waits for ever");
    assert!(world.machine.queue.has_no_keys(), "a key is held for ever");
    let status = world.status();
    assert_eq!(status.running, 0);
    world.machine.shut_down(world.now);
    world.collect();
    let all: Vec<_> = world.machine.workers.keys().copied().collect();
    for worker in all {
        world.exit(worker, ExitReason::Exited(0));
    }
    assert!(world.machine.is_stopped() && world.machine.is_drained());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_in_any_order(
        sizing in sizings(), steps in steps(), ending in any::<bool>()
    ) {
        let mut bounds = settings(sizing);
        bounds.queue = bounds.queue.max_blocked(5).max_blocked_per_key(4);
        let mut world = World::new(bounds);
        world.attentive = false;
        let mut model = Model { ending, ..Model::default() };
        for step in &steps {
            take(&mut world, &mut model, step);
            model.follow(&world);
            model.check(&world);
        }
        settle(&mut world, &mut model);
    }
}
