//! `Duration::MAX` is a legal way to say never.

use std::time::Duration;

use super::super::action::{Ask, Breach, Finish};
use super::super::{Machine, Settings};
use super::world::{World, secs, settings};
use crate::{ErrorKind, OnClientGone, Queue, QueueOrder, Sizing, Timeouts};

const NEVER: Duration = Duration::MAX;

fn endless(sizing: Sizing) -> Settings {
    let order = QueueOrder::Adaptive {
        target: NEVER,
        interval: NEVER,
    };
    Settings {
        queue: Queue::default()
            .max_wait(NEVER)
            .order(order)
            .max_len(usize::MAX),
        timeouts: Timeouts::default()
            .first_byte(NEVER)
            .total(NEVER)
            .start(NEVER)
            .stop(NEVER)
            .reload_grace(NEVER)
            .recover(NEVER),
        backoff: (NEVER, NEVER),
        max_processes: Some(usize::MAX),
        max_spawn_rate: usize::MAX,
        max_requests: u64::MAX,
        ..settings(sizing)
    }
}

fn everything(world: &mut World, worker: crate::WorkerId) {
    let ticket = world.wait(Ask {
        first_byte: Some(NEVER),
        total: Some(NEVER),
        ..Ask::default()
    });
    world.pass(secs(1e6));
    world.machine.first_byte(world.now, worker);
    world.finish_by(worker, Finish::Reconnect);
    world.machine.recovered(world.now, worker);
    world.collect();
    let worker = world.granted(ticket).expect("nothing timed out");
    world.abandon(worker, OnClientGone::Abort);
    world.machine.lost(world.now, worker);
    world.collect();
    world.start_all();
}

#[test]
fn no_setting_overflows_a_clock() {
    let max_children = 1;
    let process_idle_timeout = NEVER;
    let dynamic = Sizing::Dynamic {
        max_children,
        start_servers: 1,
        min_spare_servers: 1,
        max_spare_servers: 1,
    };
    let ondemand = Sizing::Ondemand {
        max_children,
        process_idle_timeout,
    };
    for sizing in [Sizing::Static { max_children }, dynamic, ondemand] {
        let mut world = World::new(endless(sizing));
        world.ask(Ask::default());
        world.start_all();
        let worker = *world
            .machine
            .workers
            .keys()
            .next()
            .expect("one was started");
        everything(&mut world, worker);
        let _ = world.machine.reload(world.now, endless(sizing));
        world.collect();
        world.start_all();
        for _ in 0..9 {
            let Some(&starting) = world.starting().first() else {
                break;
            };
            (world.machine).start_failed(world.now, starting, ErrorKind::NoWorker, "no");
            world.collect();
        }
        world.pass(secs(1e6));
        world.machine.shut_down(world.now);
        world.collect();
    }
}

#[test]
fn the_largest_numbers_of_workers_are_no_trouble() {
    let max_children = usize::MAX;
    let mut world = World::new(endless(Sizing::Dynamic {
        max_children,
        start_servers: 1,
        min_spare_servers: 1,
        max_spare_servers: max_children,
    }));
    world.start_all();
    let worker = world.run();
    world.machine.settings.max_spawn_rate = 1;
    world.machine.settings.sizing = Sizing::Dynamic {
        max_children,
        start_servers: max_children,
        min_spare_servers: max_children,
        max_spare_servers: max_children,
    };
    world.machine.balance(world.now);
    world.collect();
    world.break_off(worker, Breach::Garbage, false);
    assert!(world.machine.reserve());
    let _: &Machine = &world.machine;
}
