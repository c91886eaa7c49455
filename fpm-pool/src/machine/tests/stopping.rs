use super::super::action::{Action, Ask, Breach, Decision};
use super::world::{World, fixed, secs, settings};
use crate::{ErrorKind, ExitReason, StopReason};

#[test]
fn draining_refuses_the_new_and_finishes_the_accepted() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    let waits = world.wait(Ask::default());
    world.machine.drain();
    world.collect();
    assert_eq!(world.refusal(Ask::default()).kind, ErrorKind::Closed);
    assert!(!world.done.contains(&Action::Drained));
    world.finish(worker);
    assert_eq!(world.granted(waits), Some(worker));
    assert!(!world.done.contains(&Action::Drained));
    world.finish(worker);
    assert!(world.done.contains(&Action::Drained));
    assert!(world.machine.is_drained());
}

#[test]
fn a_shutdown_ends_when_the_last_worker_is_gone() {
    let mut world = World::ready(settings(fixed(2)));
    let busy = world.run();
    let waits = {
        world.run();
        world.wait(Ask::default())
    };
    world.machine.shut_down(world.now);
    world.collect();
    assert_eq!(world.refused(waits).unwrap().kind, ErrorKind::Closed);
    let kind = ErrorKind::Closed;
    assert!(
        world
            .done
            .contains(&Action::Interrupt { worker: busy, kind })
    );
    let all: Vec<_> = world.machine.workers.keys().copied().collect();
    for id in all {
        assert!(!world.done.contains(&Action::Stopped));
        let reason = world.exit(id, ExitReason::Signaled(3));
        assert_eq!(reason, ExitReason::Stopped(StopReason::Shutdown));
    }
    assert!(world.done.contains(&Action::Stopped));
    assert_eq!(world.spawned(), 0, "none is replaced");
}

#[test]
fn a_pool_without_workers_stops_at_once() {
    let sizing = crate::Sizing::default();
    let mut world = World::new(settings(sizing));
    world.machine.shut_down(world.now);
    world.collect();
    assert!(world.done.contains(&Action::Stopped));
    assert!(world.machine.is_stopped());
}

#[test]
fn a_request_that_lost_its_worker_is_run_once_more_while_draining() {
    let mut world = World::ready(settings(fixed(2)));
    let worker = world.run();
    world.machine.drain();
    world.collect();
    world.break_off(worker, Breach::Closed, true);
    assert!(!world.machine.is_drained(), "it is about to ask again");
    let again = Ask {
        again: true,
        ..Ask::default()
    };
    let Decision::Run(worker) = world.ask(again) else {
        panic!("accepted before, and so again");
    };
    world.finish(worker);
    assert!(world.machine.is_drained());
}

#[test]
fn a_request_whose_worker_died_before_it_noticed_is_not_forgotten_while_draining() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    world.wait(Ask::default());
    world.machine.drain();
    world.attentive = false;
    world.finish(worker);
    world.exit(worker, ExitReason::Signaled(9));
    assert!(!world.machine.is_drained());
    world.machine.give_back(world.now, worker);
    world.collect();
    assert!(world.machine.is_drained(), "its client has left");
}

#[test]
fn how_long_stopping_takes_is_known_of_workers_with_older_settings_too() {
    let mut patient = settings(fixed(2));
    patient.timeouts.stop = secs(60.0);
    let mut world = World::ready(patient);
    world.machine.resize(world.now, fixed(1));
    world.machine.reload(world.now, settings(fixed(2))).unwrap();
    world.collect();
    world.start_all();
    world.pass(secs(10.0));
    world.machine.shut_down(world.now);
    world.collect();
    // 60 s from TERM to KILL, 10 of them over.
    assert_eq!(world.machine.longest_stop(world.now), secs(50.0));
}
