use std::sync::Arc;

use super::super::action::{Action, Ask, Breach, Decision, Finish};
use super::super::keys::Claim;
use super::world::{World, fixed, secs, settings};
use crate::{ErrorKind, KeyLimit, OnClientGone, Priority, StopSignal};

fn with_key(key: &[u8]) -> Ask {
    Ask {
        claims: Some(Arc::from([Claim {
            key: Arc::from(key),
            limit: KeyLimit::EXCLUSIVE,
        }])),
        ..Ask::default()
    }
}

fn urgent(priority: Priority) -> Ask {
    Ask {
        priority,
        ..Ask::default()
    }
}

#[test]
fn the_worker_used_last_is_used_next() {
    let mut world = World::ready(settings(fixed(3)));
    let (a, b) = (world.run(), world.run());
    world.finish(a);
    world.finish(b);
    assert_eq!(world.run(), b);
    assert_eq!(world.run(), a);
}

#[test]
fn a_waiting_request_gets_the_worker_that_becomes_free() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    let ticket = world.wait(Ask::default());
    world.pass(secs(0.5));
    world.finish(worker);
    assert_eq!(world.granted(ticket), Some(worker));
    let status = world.machine.status(world.now, "p".into());
    assert_eq!(status.queue_wait.max(), secs(0.5));
    assert_eq!((status.totals.queued, status.queue_peak), (1, 1));
}

#[test]
fn the_queue_is_bounded_and_says_when_to_come_back() {
    let mut world = World::ready(settings(fixed(2)));
    let worker = world.run();
    world.pass(secs(2.0));
    world.finish(worker);
    world.run();
    world.run();
    for _ in 0..10 {
        world.wait(Ask::default());
    }
    let refusal = world.refusal(Ask::default());
    assert_eq!(refusal.kind, ErrorKind::QueueFull);
    // Eleven requests of 2 s each, two at a time.
    assert_eq!(refusal.retry_after, Some(secs(11.0)));
}

#[test]
fn a_queue_of_none_takes_what_workers_can_take() {
    let mut bounds = settings(fixed(2));
    bounds.queue.max_len = 0;
    let mut world = World::new(bounds);
    let first = world.wait(Ask::default());
    world.wait(Ask::default());
    assert_eq!(world.refusal(Ask::default()).kind, ErrorKind::QueueFull);
    world.start_all();
    assert!(world.granted(first).is_some());
}

#[test]
fn waiting_ends_at_the_queues_limit_or_at_the_deadline() {
    let mut world = World::ready(settings(fixed(1)));
    world.run();
    let patient = world.wait(Ask::default());
    let hasty = world.wait(Ask {
        deadline: Some(world.now + secs(1.5)),
        ..Ask::default()
    });
    world.pass(secs(1.4));
    assert_eq!(world.refused(hasty), None);
    world.pass(secs(0.1));
    assert_eq!(world.refused(hasty).unwrap().kind, ErrorKind::Deadline);
    world.pass(secs(3.5));
    assert_eq!(
        world.refused(patient).unwrap().kind,
        ErrorKind::QueueTimeout
    );
    let past = Ask {
        deadline: Some(world.now),
        ..Ask::default()
    };
    assert_eq!(world.refusal(past).kind, ErrorKind::Deadline);
}

#[test]
fn an_abandoned_request_is_never_started() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    let gone = world.wait(Ask::default());
    let live = world.wait(Ask::default());
    world.machine.cancel(world.now, gone);
    world.finish(worker);
    assert_eq!(world.granted(gone), None);
    assert_eq!(world.granted(live), Some(worker));
    let totals = world.machine.status(world.now, "p".into()).totals;
    assert_eq!((totals.begun, totals.abandoned_in_queue), (2, 1));
}

#[test]
fn a_worker_found_for_a_client_that_left_goes_to_the_next() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    world.wait(Ask::default());
    let next = world.wait(Ask::default());
    world.attentive = false;
    world.finish(worker);
    world.attentive = true;
    world.machine.give_back(world.now, worker);
    world.collect();
    assert_eq!(world.granted(next), Some(worker));
    let totals = world.machine.status(world.now, "p".into()).totals;
    assert_eq!((totals.begun, totals.abandoned_in_queue), (2, 1));
}

#[test]
fn the_urgent_leave_the_queue_first_and_equals_in_order() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    let low = world.wait(urgent(Priority::Low));
    let first = world.wait(urgent(Priority::Normal));
    let second = world.wait(urgent(Priority::Normal));
    let high = world.wait(urgent(Priority::High));
    for expected in [high, first, second, low] {
        world.done.clear();
        world.finish(worker);
        assert_eq!(world.granted(expected), Some(worker));
    }
}

#[test]
fn one_request_of_a_key_runs_at_a_time_and_others_pass_it() {
    let mut world = World::ready(settings(fixed(2)));
    let Decision::Run(holder) = world.ask(with_key(b"s1")) else {
        panic!("the first of its key runs");
    };
    let second = world.wait(with_key(b"s1"));
    let third = world.wait(with_key(b"s1"));
    // The other worker is free for everybody else.
    let other = world.run();
    world.finish(other);
    assert_eq!(world.granted(second), None);
    world.finish(holder);
    let holder = world.granted(second).expect("the key is free");
    assert_eq!(world.granted(third), None);
    world.finish(holder);
    assert!(world.granted(third).is_some());
}

#[test]
fn a_key_outlives_its_client_but_not_its_worker() {
    let mut world = World::ready(settings(fixed(2)));
    let Decision::Run(holder) = world.ask(with_key(b"k")) else {
        panic!("the first of its key runs");
    };
    let next = world.wait(with_key(b"k"));
    world.abandon(holder, OnClientGone::Abort);
    assert_eq!(world.granted(next), None, "the script may still run");
    world.exit(holder, crate::ExitReason::Signaled(9));
    assert!(world.granted(next).is_some());
}

#[test]
fn leaving_while_blocked_by_a_key_keeps_the_order() {
    let mut world = World::ready(settings(fixed(1)));
    let Decision::Run(holder) = world.ask(with_key(b"k")) else {
        panic!("the first of its key runs");
    };
    let second = world.wait(with_key(b"k"));
    let third = world.wait(with_key(b"k"));
    world.machine.cancel(world.now, second);
    world.finish(holder);
    assert_eq!(world.granted(third), Some(holder));
    world.finish(holder);
    assert_eq!(world.machine.queue.len(), 0);
    assert!(world.machine.queue.has_no_keys());
}

#[test]
fn limits_end_the_request_and_then_the_worker() {
    let mut limited = settings(fixed(1));
    limited.timeouts.total = Some(secs(2.0));
    limited.timeouts.first_byte = Some(secs(0.25));
    let mut world = World::ready(limited);
    let slow = world.run();
    world.pass(secs(0.24));
    assert!(world.signals(slow).is_empty());
    world.pass(secs(0.01));
    let kind = ErrorKind::FirstByteTimeout;
    assert!(
        world
            .done
            .contains(&Action::Interrupt { worker: slow, kind })
    );
    assert_eq!(world.signals(slow), [StopSignal::Stop]);
    assert_eq!(world.spawned(), 1, "replaced at once");
    world.pass(secs(1.1));
    assert_eq!(
        world.signals(slow),
        [StopSignal::Stop, StopSignal::Terminate, StopSignal::Kill]
    );
    world.start_all();
    let late = world.run();
    world.pass(secs(0.1));
    world.machine.first_byte(world.now, late);
    world.pass(secs(1.89));
    assert!(world.signals(late).is_empty());
    world.pass(secs(0.01));
    let kind = ErrorKind::TotalTimeout;
    assert!(
        world
            .done
            .contains(&Action::Interrupt { worker: late, kind })
    );
}

#[test]
fn a_requests_own_limits_go_before_the_pools() {
    let mut limited = settings(fixed(1));
    limited.timeouts.total = Some(secs(10.0));
    let mut world = World::ready(limited);
    let ask = Ask {
        total: Some(secs(0.5)),
        ..Ask::default()
    };
    world.ask(ask);
    world.pass(secs(0.5));
    let interrupted = |action: &Action| matches!(action, Action::Interrupt { .. });
    assert!(world.done.iter().any(interrupted));
}

#[test]
fn an_aborted_worker_is_used_again_when_it_is_ready() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    world.abandon(worker, OnClientGone::Abort);
    assert!(world.done.contains(&Action::Recover {
        worker,
        over: false
    }));
    let ticket = world.wait(Ask::default());
    world.machine.recovered(world.now, worker);
    world.collect();
    assert_eq!(world.granted(ticket), Some(worker));
}

#[test]
fn a_worker_that_does_not_come_back_is_killed_if_there_is_a_limit() {
    let mut limited = settings(fixed(1));
    limited.timeouts.recover = Some(secs(1.0));
    let mut world = World::ready(limited);
    let worker = world.run();
    world.finish_by(worker, Finish::Reconnect);
    world.pass(secs(1.0));
    assert_eq!(world.signals(worker), [StopSignal::Stop]);
    assert_eq!(world.spawned(), 1);
}

#[test]
fn a_script_without_a_client_has_no_more_time_than_with_one() {
    let mut limited = settings(fixed(1));
    limited.timeouts.total = Some(secs(3.0));
    let mut world = World::ready(limited);
    let worker = world.run();
    world.pass(secs(1.0));
    world.abandon(worker, OnClientGone::Abort);
    world.pass(secs(1.9));
    assert!(world.signals(worker).is_empty());
    world.pass(secs(0.1));
    assert_eq!(world.signals(worker), [StopSignal::Stop]);
}

#[test]
fn clients_that_leave_can_cost_the_worker_or_nothing() {
    let mut world = World::ready(settings(fixed(2)));
    let (killed, kept) = (world.run(), world.run());
    world.abandon(killed, OnClientGone::Kill);
    world.abandon(kept, OnClientGone::Finish);
    assert_eq!(world.signals(killed), [StopSignal::Kill]);
    assert!(world.signals(kept).is_empty());
    world.finish(kept);
    assert_eq!(world.run(), kept);
}

#[test]
fn a_worker_that_breaks_the_protocol_is_killed_and_replaced() {
    let mut world = World::ready(settings(fixed(1)));
    let worker = world.run();
    world.break_off(worker, Breach::Garbage, false);
    assert_eq!(world.signals(worker), [StopSignal::Kill]);
    assert_eq!(world.spawned(), 1);
}

#[test]
fn a_promised_place_is_not_given_to_others() {
    let mut bounds = settings(fixed(1));
    bounds.queue = bounds.queue.max_len(1);
    let mut world = World::ready(bounds);
    let worker = world.run();
    assert!(world.machine.reserve());
    assert!(!world.machine.reserve());
    assert_eq!(world.refusal(Ask::default()).kind, ErrorKind::QueueFull);
    world.wait(Ask {
        reserved: true,
        ..Ask::default()
    });
    world.finish(worker);
    assert!(world.machine.reserve());
}
