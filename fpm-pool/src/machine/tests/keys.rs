use std::sync::Arc;

use super::super::action::{Ask, Decision};
use super::super::keys::Claim;
use super::world::{World, fixed, settings};
use crate::{ErrorKind, KeyLimit};

fn with_keys(keys: &[(&str, KeyLimit)]) -> Ask {
    let claim = |&(key, limit): &(&str, KeyLimit)| Claim {
        key: Arc::from(key.as_bytes()),
        limit,
    };
    Ask {
        claims: Some(keys.iter().map(claim).collect()),
        ..Ask::default()
    }
}

fn session() -> Ask {
    with_keys(&[("session", KeyLimit::Percent(50))])
}

fn exclusive() -> Ask {
    with_keys(&[("cookie", KeyLimit::EXCLUSIVE)])
}

#[test]
fn requests_blocked_by_a_key_take_no_place_from_others() {
    let mut world = World::ready(settings(fixed(4)));
    // The queue has 10 places: more than that wait for the key.
    for _ in 0..100 {
        world.ask(exclusive());
    }
    assert_eq!(world.status().blocked_len, 99);
    let others = [(); 3].map(|()| world.ask(Ask::default()));
    assert!(
        others
            .iter()
            .all(|decision| matches!(decision, Decision::Run(_)))
    );
    for _ in 0..10 {
        world.wait(Ask::default());
    }
    assert_eq!(world.refusal(Ask::default()).kind, ErrorKind::QueueFull);
}

#[test]
fn those_that_wait_for_keys_are_bounded_by_key_and_in_all() {
    let mut bounds = settings(fixed(4));
    bounds.queue = bounds.queue.max_blocked(5).max_blocked_per_key(3);
    let mut world = World::ready(bounds);
    for _ in 0..4 {
        world.ask(exclusive());
    }
    assert_eq!(world.refusal(exclusive()).kind, ErrorKind::QueueFull);
    let other = with_keys(&[("other", KeyLimit::EXCLUSIVE)]);
    for _ in 0..3 {
        world.ask(other.clone());
    }
    assert_eq!(world.status().blocked_len, 5);
    assert_eq!(world.refusal(other).kind, ErrorKind::QueueFull);
    world.run();
}

#[test]
fn one_session_holds_no_more_than_its_share_of_the_workers() {
    let mut world = World::ready(settings(fixed(4)));
    for _ in 0..20 {
        world.ask(session());
    }
    let status = world.status();
    assert_eq!((status.running, status.blocked_len), (2, 18));
    // Another client's request does not wait for any of them.
    let other = world.run();
    world.finish(other);
    // They still run side by side, in order.
    while world.status().running > 0 {
        assert!(world.status().running <= 2);
        let busy = |status: &crate::WorkerStatus| status.phase == crate::Phase::Busy;
        let worker = world.status().workers.into_iter().find(busy).unwrap().id;
        world.finish(worker);
    }
    assert_eq!(world.status().totals.finished, 21);
    assert!(world.machine.queue.has_no_keys());
}

#[test]
fn a_share_follows_the_size_of_the_pool() {
    let mut world = World::ready(settings(fixed(2)));
    for _ in 0..4 {
        world.ask(session());
    }
    assert_eq!(world.status().running, 1);
    world.machine.resize(world.now, fixed(8));
    world.collect();
    world.start_all();
    assert_eq!(world.status().running, 4);
}

#[test]
fn a_request_runs_when_all_of_its_keys_are_free() {
    let mut world = World::ready(settings(fixed(4)));
    let both = with_keys(&[("a", KeyLimit::EXCLUSIVE), ("b", KeyLimit::Workers(2))]);
    let Decision::Run(a) = world.ask(with_keys(&[("a", KeyLimit::EXCLUSIVE)])) else {
        panic!("nothing holds its key");
    };
    let waits = world.wait(both.clone());
    // Another that needs less passes it.
    let Decision::Run(b) = world.ask(with_keys(&[("b", KeyLimit::Workers(2))])) else {
        panic!("its key has room");
    };
    world.finish(b);
    assert_eq!(world.granted(waits), None);
    world.finish(a);
    let worker = world.granted(waits).expect("both are free");
    world.finish(worker);
    assert!(world.machine.queue.has_no_keys());
}

#[test]
fn the_tightest_limit_on_a_key_counts_and_it_is_held_once() {
    let mut world = World::ready(settings(fixed(4)));
    let ask = with_keys(&[("k", KeyLimit::Workers(3)), ("k", KeyLimit::EXCLUSIVE)]);
    let Decision::Run(worker) = world.ask(ask.clone()) else {
        panic!("nothing holds its key");
    };
    world.wait(ask);
    let more = with_keys(&[("k", KeyLimit::Workers(2))]);
    assert!(
        matches!(world.ask(more), Decision::Run(_)),
        "held once, not twice"
    );
    world.finish(worker);
}

#[test]
fn a_pool_that_grows_holds_back_what_one_worker_need_not() {
    let mut world = World::ready(settings(fixed(1)));
    world.ask(session());
    for _ in 0..3 {
        world.wait(session());
    }
    assert_eq!(world.status().blocked_len, 0, "one worker is no share");
    world.machine.resize(world.now, fixed(4));
    world.collect();
    world.start_all();
    let status = world.status();
    assert_eq!((status.running, status.blocked_len), (2, 2));
}
