use super::super::action::{Action, Ask};
use super::world::{World, fixed, secs, settings};
use crate::{EventKind, ExitReason, Phase, Sizing, StopReason};

fn dynamic(start: usize, min: usize, max: usize, children: usize) -> Sizing {
    Sizing::Dynamic {
        max_children: children,
        start_servers: start,
        min_spare_servers: min,
        max_spare_servers: max,
    }
}

fn ondemand(max_children: usize, idle: f64) -> Sizing {
    Sizing::Ondemand {
        max_children,
        process_idle_timeout: secs(idle),
    }
}

fn live(world: &World) -> usize {
    let status = world.machine.status(world.now, "p".into());
    let stopping = |phase| phase == Phase::Stopping;
    status
        .workers
        .iter()
        .filter(|worker| !stopping(worker.phase))
        .count()
}

#[test]
fn a_static_pool_replaces_what_ends() {
    let mut world = World::ready(settings(fixed(3)));
    let worker = world.run();
    world.exit(worker, ExitReason::Exited(0));
    assert_eq!(world.spawned(), 1);
    world.start_all();
    assert_eq!(live(&world), 3);
}

#[test]
fn a_dynamic_pool_keeps_its_spare_workers() {
    let mut world = World::ready(settings(dynamic(2, 1, 3, 5)));
    assert_eq!(live(&world), 2);
    world.run();
    assert_eq!(world.spawned(), 0);
    world.run();
    assert_eq!(world.spawned(), 1, "one spare, the moment it is missing");
}

#[test]
fn a_dynamic_pool_starts_what_is_asked_for_at_once() {
    let mut world = World::ready(settings(dynamic(2, 2, 4, 20)));
    for _ in 0..2 {
        world.run();
    }
    for _ in 0..10 {
        world.wait(Ask::default());
    }
    // Ten that wait and two spare ones: php-fpm would need six seconds.
    assert_eq!(world.starting().len(), 12);
}

#[test]
fn no_more_start_at_a_time_than_the_spawn_rate() {
    let mut slow = settings(ondemand(20, 10.0));
    slow.max_spawn_rate = 3;
    let mut world = World::ready(slow);
    for _ in 0..8 {
        world.wait(Ask::default());
    }
    assert_eq!(world.starting().len(), 3);
    let one = world.starting()[0];
    world.machine.ready(world.now, one);
    assert_eq!(world.starting().len(), 3);
}

#[test]
fn max_children_holds_and_is_reported_once() {
    let mut world = World::ready(settings(dynamic(1, 1, 1, 2)));
    for _ in 0..2 {
        match world.ask(Ask::default()) {
            super::super::action::Decision::Run(_) => {}
            _ => world.start_all(),
        }
    }
    world.start_all();
    for _ in 0..5 {
        world.ask(Ask::default());
    }
    assert_eq!(live(&world), 2);
    let totals = world.machine.status(world.now, "p".into()).totals;
    assert_eq!(totals.max_children_reached, 1);
    let max_children = 2;
    assert!(world.has_event(|event| *event == EventKind::MaxChildrenReached { max_children }));
}

#[test]
fn a_dynamic_pool_lets_surplus_go_one_a_second_the_coldest_first() {
    let mut world = World::ready(settings(dynamic(3, 1, 3, 10)));
    let busy: Vec<_> = (0..3).map(|_| world.run()).collect();
    world.start_all();
    for id in &busy {
        world.finish(*id);
    }
    let idle = live(&world);
    assert_eq!(idle, 4);
    let coldest = world.machine.idle[0];
    world.done.clear();
    world.pass(secs(0.9));
    assert_eq!(live(&world), 4);
    world.pass(secs(0.1));
    assert_eq!(live(&world), 3);
    assert!(world.done.contains(&Action::Disconnect(coldest)));
    world.pass(secs(10.0));
    assert_eq!(live(&world), 3);
}

#[test]
fn an_ondemand_pool_has_no_worker_without_demand() {
    let mut world = World::new(settings(ondemand(3, 10.0)));
    assert_eq!(world.spawned(), 0);
    let ticket = world.wait(Ask::default());
    assert_eq!(world.spawned(), 1);
    world.start_all();
    let worker = world.granted(ticket).unwrap();
    world.finish(worker);
    world.pass(secs(9.9));
    assert_eq!(live(&world), 1);
    world.pass(secs(0.1));
    assert_eq!(live(&world), 0);
    let reason = world.exit(worker, ExitReason::Exited(0));
    assert_eq!(reason, ExitReason::Stopped(StopReason::Surplus));
    assert_eq!(world.spawned(), 1);
}

#[test]
fn max_requests_are_spread_so_that_workers_do_not_restart_together() {
    let mut limited = settings(fixed(8));
    limited.max_requests = 100;
    let world = World::ready(limited);
    let mut limits: Vec<_> = world
        .machine
        .workers
        .values()
        .map(|w| w.max_requests)
        .collect();
    limits.sort_unstable();
    assert!(limits[0] > 90 && limits[7] <= 100, "{limits:?}");
    limits.dedup();
    assert!(limits.len() > 3, "{limits:?}");
}

#[test]
fn a_worker_goes_after_max_requests_and_another_comes() {
    let mut limited = settings(fixed(1));
    limited.max_requests = 2;
    let mut world = World::ready(limited);
    let worker = world.run();
    world.finish(worker);
    assert_eq!(world.run(), worker);
    world.finish(worker);
    assert_eq!(world.spawned(), 1);
    let reason = world.exit(worker, ExitReason::Exited(0));
    assert_eq!(reason, ExitReason::Stopped(StopReason::MaxRequests));
    let status = world.machine.status(world.now, "p".into());
    assert_eq!(status.failures_in_a_row, 0);
}

#[test]
fn resizing_starts_and_stops_what_differs() {
    let mut world = World::ready(settings(fixed(2)));
    world.machine.resize(world.now, fixed(4));
    world.collect();
    assert_eq!(world.starting().len(), 2);
    world.start_all();
    let busy = world.run();
    world.machine.resize(world.now, fixed(1));
    assert_eq!(live(&world), 1);
    world.finish(busy);
    assert_eq!(live(&world), 1);
}

#[test]
fn a_resize_leaves_no_time_behind_that_would_wake_the_pool_for_ever() {
    let mut world = World::ready(settings(dynamic(3, 1, 3, 10)));
    let busy: Vec<_> = (0..3).map(|_| world.run()).collect();
    world.start_all();
    for id in busy {
        world.finish(id);
    }
    world.machine.resize(world.now, fixed(4));
    // Checks that each time to wake lies ahead.
    world.pass(secs(10.0));
    assert_eq!(world.machine.wake_at(), None);
}
