use super::super::action::{Action, Ask};
use super::world::{World, fixed, secs, settings};
use crate::{ErrorKind, EventKind, ExitReason, Sizing, StopReason, StopSignal};

const SEGV: ExitReason = ExitReason::Signaled(11);

fn fail_start(world: &mut World) {
    let worker = world.starting()[0];
    let now = world.now;
    world
        .machine
        .start_failed(now, worker, ErrorKind::NoWorker, "no such file");
    world.collect();
}

#[test]
fn a_crash_is_made_good_at_once() {
    let mut world = World::ready(settings(fixed(2)));
    let worker = world.run();
    assert_eq!(world.exit(worker, SEGV), SEGV);
    assert_eq!(world.spawned(), 1);
    let status = world.machine.status(world.now, "p".into());
    assert_eq!(status.totals.exits, [(SEGV, 1)]);
}

#[test]
fn failures_in_a_row_are_slowed_down_and_reported() {
    let mut world = World::new(settings(fixed(1)));
    fail_start(&mut world);
    assert_eq!(world.spawned(), 2, "the first is made good at once");
    for _ in 0..12 {
        fail_start(&mut world);
        assert!(world.starting().is_empty(), "never spins");
        while world.starting().is_empty() {
            world.pass(secs(0.05));
        }
        assert_eq!(world.starting().len(), 1);
    }
    let waits = |action: &Action| match action {
        Action::Event(EventKind::CrashLoop { wait, .. }) => Some(*wait),
        _ => None,
    };
    let waits: Vec<_> = world.done.iter().filter_map(waits).collect();
    assert_eq!(waits.len(), 12);
    assert!(
        waits
            .windows(2)
            .all(|pair| pair[1] > pair[0] || pair[1] >= secs(5.0))
    );
    assert!(
        waits[0] >= secs(0.1) && waits[0] <= secs(0.125),
        "{waits:?}"
    );
    assert!(*waits.last().unwrap() <= secs(6.25), "{waits:?}");
    assert!(world.has_event(|event| matches!(event, EventKind::CrashLoop { failures: 13, .. })));
}

#[test]
fn success_of_a_younger_worker_ends_the_row() {
    let mut world = World::ready(settings(fixed(2)));
    let (old, victim) = (world.run(), world.run());
    world.pass(secs(1.0));
    world.exit(victim, SEGV);
    world.finish(old);
    let failures = |world: &World| {
        let status = world.machine.status(world.now, "p".into());
        status.failures_in_a_row
    };
    assert_eq!(failures(&world), 1, "an older worker proves nothing");
    world.start_all();
    let young = world.run();
    world.finish(young);
    assert_eq!(failures(&world), 0);
}

#[test]
fn workers_that_have_served_are_replaced_at_once_however_many_die() {
    let mut world = World::ready(settings(fixed(1)));
    for spawned in 1..20 {
        let worker = world.run();
        world.finish(worker);
        world.exit(worker, ExitReason::Signaled(9));
        assert_eq!(world.spawned(), spawned);
        world.start_all();
    }
}

#[test]
fn those_that_wait_are_told_when_no_worker_can_be_started() {
    let mut world = World::new(settings(fixed(1)));
    let ticket = world.wait(Ask::default());
    fail_start(&mut world);
    fail_start(&mut world);
    assert_eq!(world.refused(ticket), None);
    world.pass(secs(0.2));
    fail_start(&mut world);
    assert_eq!(world.refused(ticket).unwrap().kind, ErrorKind::NoWorker);
    let refusal = world.refusal(Ask::default());
    assert_eq!(refusal.kind, ErrorKind::NoWorker);
    assert!(refusal.retry_after.unwrap() >= secs(0.2));
    // The next attempt gives hope.
    world.pass(secs(1.0));
    let ticket = world.wait(Ask::default());
    world.start_all();
    assert!(world.granted(ticket).is_some());
}

#[test]
fn a_worker_that_never_gets_ready_is_killed_and_counts() {
    let mut world = World::new(settings(fixed(1)));
    let worker = world.starting()[0];
    world.pass(secs(30.0));
    assert_eq!(world.signals(worker), [StopSignal::Kill]);
    assert!(world.has_event(|event| matches!(event, EventKind::StartFailed { .. })));
    let reason = world.exit(worker, ExitReason::Signaled(9));
    assert_eq!(reason, ExitReason::Stopped(StopReason::NotReady));
    let status = world.machine.status(world.now, "p".into());
    assert_eq!(status.failures_in_a_row, 1, "counted once");
}

#[test]
fn a_worker_may_leave_by_itself() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    world.finish(worker);
    world.exit(worker, ExitReason::Exited(0));
    let status = world.machine.status(world.now, "p".into());
    assert_eq!(status.failures_in_a_row, 0);
    assert_eq!(world.spawned(), 1);
}

#[test]
fn an_idle_worker_that_died_is_not_given_a_request() {
    let mut world = World::ready(settings(fixed(2)));
    let dead = world.machine.idle[1];
    world.exit(dead, SEGV);
    assert_ne!(world.run(), dead);
    let actions = world.done.iter();
    let grants = actions.filter(|action| matches!(action, Action::Grant { .. }));
    assert_eq!(grants.count(), 0);
}

/// All three sizings, with three workers.
fn sizings() -> [Sizing; 3] {
    let max_children = 3;
    let dynamic = Sizing::Dynamic {
        max_children,
        start_servers: 1,
        min_spare_servers: 1,
        max_spare_servers: 2,
    };
    let process_idle_timeout = secs(10.0);
    let ondemand = Sizing::Ondemand {
        max_children,
        process_idle_timeout,
    };
    [fixed(max_children), dynamic, ondemand]
}

#[test]
fn a_pool_whose_starts_fail_tries_again_by_itself_and_gets_well() {
    for sizing in sizings() {
        let mut world = World::new(settings(sizing));
        if world.starting().is_empty() {
            world.wait(Ask::default());
        }
        // An hour in which nothing starts and nobody asks.
        let (end, mut longest) = (world.now + secs(3600.0), secs(0.0));
        while world.now < end {
            while !world.starting().is_empty() {
                fail_start(&mut world);
            }
            let failed = world.now;
            while world.starting().is_empty() {
                world.pass(secs(0.05));
            }
            longest = longest.max(world.now - failed);
            assert_eq!(world.starting().len(), 1, "one at a time");
        }
        assert!(longest > secs(4.9) && longest < secs(6.5), "{longest:?}");
        fail_start(&mut world);
        let refusal = world.refusal(Ask::default());
        assert_eq!(refusal.kind, ErrorKind::NoWorker);
        assert!(refusal.retry_after.unwrap() < secs(6.5));
        world.pass(secs(6.5));
        world.start_all();
        assert_eq!(world.status().failures_in_a_row, 0, "well again at once");
        let [a, b, c] = [(); 3].map(|()| world.ask(Ask::default()));
        world.start_all();
        assert_eq!(world.machine.census.busy, 3, "{a:?} {b:?} {c:?}");
    }
}

#[test]
fn a_worker_that_is_ready_and_exits_at_once_is_not_started_without_pause() {
    let mut world = World::new(settings(fixed(1)));
    let mut starts = 0;
    let end = world.now + secs(60.0);
    while world.now < end {
        if let Some(&worker) = world.starting().first() {
            starts += 1;
            world.machine.ready(world.now, worker);
            world.exit(worker, ExitReason::Exited(0));
        }
        world.pass(secs(0.01));
    }
    assert!((10..30).contains(&starts), "{starts} in a minute");
    assert!(world.has_event(|event| matches!(event, EventKind::CrashLoop { .. })));
}

#[test]
fn a_worker_that_leaves_in_a_quiet_hour_is_no_failure() {
    let mut world = World::ready(settings(fixed(1)));
    for _ in 0..9 {
        world.pass(secs(3600.0));
        let worker = world.machine.idle[0];
        world.exit(worker, ExitReason::Exited(0));
        world.start_all();
        assert_eq!(world.status().failures_in_a_row, 0);
    }
}
