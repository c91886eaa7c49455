use super::super::action::{Action, Ask};
use super::world::{World, fixed, secs, settings};
use crate::{EventKind, ExitReason, StopSignal};

/// A pool of two whose workers pass their limit and cannot be killed.
fn stuck() -> World {
    let mut limited = settings(fixed(2));
    limited.timeouts.total = Some(secs(1.0));
    let mut world = World::ready(limited);
    for _ in 0..100 {
        world.ask(Ask::default());
        world.pass(secs(0.25));
        world.start_all();
    }
    world
}

#[test]
fn workers_that_do_not_end_are_not_replaced_for_ever() {
    let mut world = stuck();
    let status = world.status();
    assert_eq!((status.processes, status.max_processes), (4, 4));
    let reported =
        |event: &EventKind| matches!(event, EventKind::MaxProcessesReached { max_processes: 4 });
    assert!(world.has_event(reported));
    let dead = status.workers[0].id;
    assert!(world.signals(dead).contains(&StopSignal::Kill));
    world.done.clear();
    world.exit(dead, ExitReason::Signaled(9));
    assert_eq!(world.spawned(), 1, "as soon as one is gone");
}

#[test]
fn the_bound_of_processes_can_be_set() {
    let mut bounds = settings(fixed(2));
    bounds.max_processes = Some(3);
    let mut world = World::ready(bounds);
    let workers = [world.run(), world.run()];
    for worker in workers {
        world.abandon(worker, crate::OnClientGone::Kill);
    }
    assert_eq!(world.spawned(), 1);
    world.exit(workers[0], ExitReason::Signaled(9));
    assert_eq!(world.spawned(), 2);
}

#[test]
fn a_reload_waits_for_room_and_says_what_it_waited_for() {
    let mut world = stuck();
    world.machine.reload(world.now, settings(fixed(2))).unwrap();
    world.collect();
    assert!(world.starting().is_empty());
    world.pass(secs(30.0));
    let reason = "no room for new workers: 4 of 4 processes do not end";
    let failed = Action::Reloaded(Err(reason.to_owned()));
    assert!(world.done.contains(&failed), "{:?}", world.done);
}

#[test]
fn a_reload_with_little_room_switches_with_what_there_is() {
    let mut bounds = settings(fixed(4));
    bounds.max_processes = Some(5);
    let mut world = World::ready(bounds.clone());
    world.machine.reload(world.now, bounds).unwrap();
    world.collect();
    assert_eq!(world.starting().len(), 1);
    world.start_all();
    assert!(world.done.contains(&Action::Reloaded(Ok(2))));
    let old: Vec<_> = (world.machine.workers.iter())
        .filter(|(_, worker)| worker.generation == 1)
        .map(|(&id, _)| id)
        .collect();
    for worker in old {
        world.exit(worker, ExitReason::Exited(0));
    }
    world.start_all();
    assert_eq!(world.machine.census.idle, 4);
}
