use super::super::action::{Action, Ask};
use super::world::{World, fixed, secs, settings};
use crate::{ErrorKind, ExitReason, StopReason, StopSignal};

fn reload(world: &mut World) -> u64 {
    let generation = world.machine.reload(world.now, settings(fixed(2))).unwrap();
    world.collect();
    generation
}

#[test]
fn the_new_generation_takes_over_when_all_of_it_is_ready() {
    let mut world = World::ready(settings(fixed(2)));
    let old = world.run();
    assert_eq!(reload(&mut world), 2);
    let new = world.starting();
    assert_eq!(new.len(), 2);
    world.machine.ready(world.now, new[0]);
    let still = world.run();
    assert!(!new.contains(&still), "the old one goes on until then");
    let waits = world.wait(Ask::default());
    world.machine.ready(world.now, new[1]);
    world.collect();
    assert!(world.done.contains(&Action::Reloaded(Ok(2))));
    assert!(new.contains(&world.granted(waits).unwrap()));
    assert!(new.contains(&world.run()));
    // The old ones finish what they have, and go.
    assert!(world.signals(old).is_empty());
    world.finish(old);
    assert_eq!(world.signals(old), [StopSignal::Terminate]);
    let reason = world.exit(old, ExitReason::Exited(0));
    assert_eq!(reason, ExitReason::Stopped(StopReason::Reload));
    assert_eq!(
        world.machine.status(world.now, "p".into()).totals.reloads,
        1
    );
}

#[test]
fn what_outlives_the_grace_is_interrupted() {
    let mut world = World::ready(settings(fixed(2)));
    let old = world.run();
    reload(&mut world);
    world.start_all();
    world.pass(secs(29.9));
    assert!(world.signals(old).is_empty());
    world.pass(secs(0.1));
    let kind = ErrorKind::Closed;
    assert!(
        world
            .done
            .contains(&Action::Interrupt { worker: old, kind })
    );
    assert_eq!(world.signals(old), [StopSignal::Stop]);
}

#[test]
fn a_generation_that_does_not_come_up_changes_nothing() {
    let mut world = World::ready(settings(fixed(2)));
    reload(&mut world);
    let new = world.starting();
    world.machine.ready(world.now, new[0]);
    let now = world.now;
    world
        .machine
        .start_failed(now, new[1], ErrorKind::NoWorker, "php.ini is broken");
    world.collect();
    let failed = Action::Reloaded(Err("php.ini is broken".into()));
    assert!(world.done.contains(&failed));
    assert_eq!(world.signals(new[0]), [StopSignal::Kill]);
    let status = world.machine.status(world.now, "p".into());
    assert_eq!((status.generation, status.failures_in_a_row), (1, 0));
    assert!(!new.contains(&world.run()));
    world.exit(new[0], ExitReason::Signaled(9));
    assert_eq!(reload(&mut world), 3, "and the next may try");
}

#[test]
fn a_new_worker_that_dies_before_the_switch_fails_the_reload() {
    let mut world = World::ready(settings(fixed(2)));
    reload(&mut world);
    let new = world.starting();
    world.machine.ready(world.now, new[0]);
    world.exit(new[0], ExitReason::Signaled(11));
    let reloaded = |action: &Action| matches!(action, Action::Reloaded(Err(_)));
    assert!(world.done.iter().any(reloaded));
}

#[test]
fn one_reload_at_a_time() {
    let mut world = World::ready(settings(fixed(2)));
    reload(&mut world);
    assert!(world.machine.reload(world.now, settings(fixed(2))).is_err());
}

#[test]
fn an_ondemand_generation_proves_itself_with_one_worker() {
    let sizing = crate::Sizing::Ondemand {
        max_children: 4,
        process_idle_timeout: secs(10.0),
    };
    let mut world = World::new(settings(sizing));
    world.machine.reload(world.now, settings(sizing)).unwrap();
    world.collect();
    assert_eq!(world.starting().len(), 1);
    world.start_all();
    assert!(world.done.contains(&Action::Reloaded(Ok(2))));
}

#[test]
fn each_old_generation_keeps_its_own_grace_however_often_there_are_reloads() {
    let mut world = World::ready(settings(fixed(2)));
    let old = world.run();
    for _ in 0..4 {
        reload(&mut world);
        world.start_all();
        world.exit_stopping();
        world.pass(secs(9.0));
    }
    // Its own generation ended 36 s ago.
    let signals = world.signals(old);
    assert_eq!(signals.first(), Some(&StopSignal::Stop), "{signals:?}");
}

#[test]
fn new_workers_have_the_new_settings() {
    let mut world = World::ready(settings(fixed(2)));
    let mut new = settings(fixed(2));
    new.max_requests = 1;
    new.timeouts.start = secs(1.0);
    world.machine.reload(world.now, new).unwrap();
    world.collect();
    let workers = world.starting();
    assert!(
        workers
            .iter()
            .all(|id| world.machine.workers[id].max_requests == 1)
    );
    world.pass(secs(1.0));
    let failed = |action: &Action| matches!(action, Action::Reloaded(Err(reason)) if reason.ends_with("within 1s"));
    assert!(world.done.iter().any(failed), "{:?}", world.done);
}

#[test]
fn a_size_set_during_a_reload_stays() {
    let mut world = World::ready(settings(fixed(2)));
    reload(&mut world);
    world.machine.resize(world.now, fixed(3));
    world.start_all();
    world.exit_stopping();
    world.start_all();
    assert_eq!(world.machine.census.idle, 3);
}
