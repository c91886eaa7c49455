use std::time::Duration;

use super::super::action::Ask;
use super::world::{World, fixed, secs, settings};
use crate::{Priority, QueueOrder, WorkerId};

/// A busy worker, and a queue that stood for `stood` while clients left it.
fn standing(order: QueueOrder, stood: Duration) -> (World, WorkerId) {
    let mut bounds = settings(fixed(1));
    bounds.queue = bounds.queue.order(order);
    let mut world = World::ready(bounds);
    let worker = world.run();
    world.wait(Ask::default());
    world.pass(secs(0.1));
    let gone = world.wait(Ask::default());
    world.machine.cancel(world.now, gone);
    world.pass(stood);
    (world, worker)
}

#[test]
fn the_newest_runs_first_once_a_queue_has_stood_and_clients_leave() {
    let (mut world, worker) = standing(QueueOrder::default(), secs(0.5));
    let newest = world.wait(Ask::default());
    let low = world.wait(Ask {
        priority: Priority::Low,
        ..Ask::default()
    });
    world.finish(worker);
    assert!(world.granted(newest).is_some());
    assert_eq!(world.granted(low), None);
}

#[test]
fn a_queue_that_stands_for_a_moment_keeps_its_order() {
    let (mut world, worker) = standing(QueueOrder::default(), secs(0.3));
    let newest = world.wait(Ask::default());
    world.finish(worker);
    assert_eq!(world.granted(newest), None);
}

#[test]
fn first_in_first_out_is_the_other_choice() {
    let (mut world, worker) = standing(QueueOrder::Fifo, secs(4.0));
    let newest = world.wait(Ask::default());
    world.finish(worker);
    assert_eq!(world.granted(newest), None);
}

#[test]
fn visitors_that_leave_a_queue_that_empties_change_no_order() {
    let mut world = World::ready(settings(fixed(1)));
    for _ in 0..50 {
        let worker = world.run();
        let first = world.wait(Ask::default());
        let gone = world.wait(Ask::default());
        let last = world.wait(Ask::default());
        world.pass(secs(0.1));
        world.machine.cancel(world.now, gone);
        world.finish(worker);
        assert!(world.granted(first).is_some(), "the first of them");
        world.finish(worker);
        assert!(world.granted(last).is_some());
        world.finish(worker);
    }
}

#[test]
fn the_order_of_arrival_returns_when_nobody_has_waited_long() {
    let (mut world, worker) = standing(QueueOrder::default(), secs(1.0));
    world.finish(worker);
    // The queue is empty: whatever comes now is no overload.
    let first = world.wait(Ask::default());
    let second = world.wait(Ask::default());
    world.finish(worker);
    assert!(world.granted(first).is_some());
    world.finish(worker);
    assert!(world.granted(second).is_some());
}

#[test]
fn requests_that_wait_for_a_key_are_no_overload() {
    let mut world = World::ready(settings(fixed(2)));
    let key = super::model::claims(Some(0));
    let exclusive = Ask {
        claims: key,
        ..Ask::default()
    };
    world.ask(exclusive.clone());
    let blocked = [(); 3].map(|()| world.wait(exclusive.clone()));
    let worker = world.run();
    world.pass(secs(2.0));
    world.machine.cancel(world.now, blocked[0]);
    let first = world.wait(Ask::default());
    let second = world.wait(Ask::default());
    world.finish(worker);
    assert!(world.granted(first).is_some());
    assert_eq!(world.granted(second), None);
}
