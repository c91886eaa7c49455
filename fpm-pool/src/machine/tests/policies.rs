//! The orders of the queue against each other, with crowds in simulated time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::action::{Action, Ask, Decision, Finish, Outcome, Ticket};
use super::super::{Machine, Settings};
use super::world::{fixed, secs, settings};
use crate::{QueueOrder, WorkerId};

const WORKERS: usize = 4;
/// How long a script runs in the mean.
const SERVICE_SECS: f64 = 0.02;

/// Who comes, and for how long.
#[derive(Clone, Copy, Debug)]
struct Crowd {
    /// 1: as much as the workers can do.
    load: f64,
    /// How long a client waits for its answer, from … to.
    patience_secs: (f64, f64),
    seconds: f64,
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Arrive,
    Leave(usize),
    End(WorkerId, usize),
}

struct Client {
    arrived: Instant,
    gives_up: Instant,
    ticket: Option<Ticket>,
    answered: Option<Instant>,
}

/// A pool, its clients, and what happens next.
struct Simulator {
    machine: Machine,
    crowd: Crowd,
    random: u64,
    start: Instant,
    next: BinaryHeap<Reverse<(Instant, u64, What)>>,
    serial: u64,
    clients: Vec<Client>,
    waiting: BTreeMap<Ticket, usize>,
}

/// What a crowd got.
#[derive(Debug)]
struct Result {
    /// Answers in time, as a share of what the workers can do.
    goodput: f64,
    /// Of those answered in time, the wait that 99 of 100 do not exceed.
    p99: Duration,
}

impl Simulator {
    fn run(order: QueueOrder, crowd: Crowd) -> Result {
        let mut bounds: Settings = settings(fixed(WORKERS));
        bounds.queue = bounds
            .queue
            .order(order)
            .max_len(10_000)
            .max_wait(secs(30.0));
        let start = Instant::now();
        let mut machine = Machine::new(bounds, start, 1);
        machine.start(start);
        for id in 1..=WORKERS as u64 {
            machine.ready(start, WorkerId(id));
        }
        let mut this = Self {
            machine,
            crowd,
            random: crowd.seed,
            start,
            next: BinaryHeap::new(),
            serial: 0,
            clients: Vec::new(),
            waiting: BTreeMap::new(),
        };
        this.after(start, 0.0, What::Arrive);
        while let Some(Reverse((now, _, what))) = this.next.pop() {
            this.happen(now, what);
        }
        this.result()
    }

    /// A number between 0 and 1.
    fn chance(&mut self) -> f64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "31 bits fit")]
        let chance = (self.random >> 33) as f64 / (1_u64 << 31) as f64;
        chance
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.chance()).ln()
    }

    fn after(&mut self, now: Instant, wait: f64, what: What) {
        self.serial += 1;
        self.next
            .push(Reverse((now + secs(wait), self.serial, what)));
    }

    fn happen(&mut self, now: Instant, what: What) {
        match what {
            What::Arrive => self.arrive(now),
            What::Leave(client) => {
                if let Some(ticket) = self.clients[client].ticket.take() {
                    self.waiting.remove(&ticket);
                    self.machine.cancel(now, ticket);
                }
            }
            What::End(worker, client) => {
                self.clients[client].answered = Some(now);
                let outcome = Outcome::Finished { app_status: 0 };
                self.machine.finish(now, worker, Finish::Reusable, outcome);
            }
        }
        let mut actions = Vec::new();
        self.machine.take_actions(&mut actions);
        for action in actions {
            if let Action::Grant { ticket, worker, .. } = action {
                let client = self.waiting.remove(&ticket).expect("it waits");
                self.clients[client].ticket = None;
                self.begin(now, worker, client);
            }
        }
    }

    fn arrive(&mut self, now: Instant) {
        #[expect(clippy::cast_precision_loss, reason = "few workers")]
        let mean = SERVICE_SECS / WORKERS as f64 / self.crowd.load;
        let wait = self.exponential(mean);
        if now < self.start + secs(self.crowd.seconds) {
            self.after(now, wait, What::Arrive);
        }
        let (least, most) = self.crowd.patience_secs;
        let patience = least + (most - least) * self.chance();
        let client = self.clients.len();
        self.clients.push(Client {
            arrived: now,
            gives_up: now + secs(patience),
            ticket: None,
            answered: None,
        });
        match self.machine.request(now, Ask::default()) {
            Decision::Run(worker) => self.begin(now, worker, client),
            Decision::Wait(ticket) => {
                self.clients[client].ticket = Some(ticket);
                self.waiting.insert(ticket, client);
                self.after(now, patience, What::Leave(client));
            }
            Decision::Refuse(refusal) => panic!("{refusal:?}"),
        }
    }

    fn begin(&mut self, now: Instant, worker: WorkerId, client: usize) {
        assert!(self.machine.begin(worker));
        let service = self.exponential(SERVICE_SECS);
        self.after(now, service, What::End(worker, client));
    }

    fn result(&self) -> Result {
        let in_time = |client: &&Client| client.answered.is_some_and(|at| at <= client.gives_up);
        let mut waits: Vec<_> = (self.clients.iter().filter(in_time))
            .map(|client| client.answered.unwrap_or(client.arrived) - client.arrived)
            .collect();
        waits.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "some ten thousand at most")]
        let goodput = waits.len() as f64 * SERVICE_SECS / WORKERS as f64 / self.crowd.seconds;
        let p99 = waits
            .get(waits.len() * 99 / 100)
            .copied()
            .unwrap_or_default();
        Result { goodput, p99 }
    }
}

/// Both orders with the same crowd.
fn both(crowd: Crowd) -> [Result; 2] {
    [QueueOrder::default(), QueueOrder::Fifo].map(|order| Simulator::run(order, crowd))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn an_overload_is_served_in_time_whatever_the_clients_patience(
        seed in any::<u64>(), load in 1.3..2.5, patience in 0.15..1.5
    ) {
        let crowd = Crowd { load, patience_secs: (patience, patience), seconds: 30.0, seed };
        let [adaptive, fifo] = both(crowd);
        prop_assert!(adaptive.goodput > 0.8, "{adaptive:?} {fifo:?}");
        prop_assert!(adaptive.goodput > fifo.goodput, "{adaptive:?} {fifo:?}");
    }

    #[test]
    fn an_overload_by_clients_of_all_sorts_is_served_no_worse_than_in_order(
        seed in any::<u64>(), load in 1.3..2.5
    ) {
        let crowd = Crowd { load, patience_secs: (0.1, 2.0), seconds: 30.0, seed };
        let [adaptive, fifo] = both(crowd);
        prop_assert!(adaptive.goodput > 0.9 && adaptive.goodput > 0.95 * fifo.goodput, "{adaptive:?} {fifo:?}");
    }

    #[test]
    fn visitors_that_leave_a_pool_at_ease_harm_nobody(
        seed in any::<u64>(), load in 0.3..0.7
    ) {
        // Many leave before a usual answer.
        let crowd = Crowd { load, patience_secs: (0.001, 0.5), seconds: 30.0, seed };
        let [adaptive, fifo] = both(crowd);
        prop_assert_eq!(adaptive.p99, fifo.p99);
    }
}
