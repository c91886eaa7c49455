//! A machine, a clock that is moved by hand, and workers that do as told.

use std::time::{Duration, Instant};

use super::super::action::{Action, Ask, Decision, Finish, Refusal, StopSignal, Ticket};
use super::super::{Machine, Settings};
use crate::{EventKind, ExitReason, Queue, Sizing, Timeouts, WorkerId};

pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) now: Instant,
    /// Everything that was ordered, in order.
    pub(super) done: Vec<Action>,
}

pub(super) fn settings(sizing: Sizing) -> Settings {
    Settings {
        sizing,
        queue: Queue::default()
            .max_len(10)
            .max_wait(Duration::from_secs(5)),
        timeouts: Timeouts::default(),
        max_spawn_rate: 32,
        max_requests: 0,
        backoff: (Duration::from_millis(100), Duration::from_secs(30)),
    }
}

pub(super) const fn fixed(max_children: usize) -> Sizing {
    Sizing::Static { max_children }
}

pub(super) fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        let now = Instant::now();
        let mut machine = Machine::new(settings, now, 7);
        machine.watch(true);
        machine.start(now);
        let mut this = Self {
            machine,
            now,
            done: Vec::new(),
        };
        this.collect();
        this
    }

    /// A pool whose first workers are ready.
    pub(super) fn ready(settings: Settings) -> Self {
        let mut this = Self::new(settings);
        this.start_all();
        this.done.clear();
        this
    }

    pub(super) fn collect(&mut self) {
        self.machine.take_actions(&mut self.done);
    }

    /// Lets time pass, waking the machine whenever it wants to be.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake) = self.machine.wake_at().filter(|&wake| wake <= end) {
            self.now = self.now.max(wake);
            self.machine.tick(self.now);
            self.collect();
            let again = self.machine.wake_at();
            assert!(
                again.is_none_or(|again| again > self.now),
                "the clock must move"
            );
        }
        self.now = end;
    }

    pub(super) fn starting(&self) -> Vec<WorkerId> {
        let all = self.machine.workers.keys().copied();
        all.filter(|&id| self.machine.is_starting(id)).collect()
    }

    /// Every worker that starts becomes ready, until none is left.
    pub(super) fn start_all(&mut self) {
        loop {
            let starting = self.starting();
            if starting.is_empty() {
                return;
            }
            for id in starting {
                self.machine.ready(self.now, id);
            }
            self.collect();
        }
    }

    pub(super) fn ask(&mut self, ask: Ask) -> Decision {
        let decision = self.machine.request(self.now, ask);
        self.collect();
        decision
    }

    #[track_caller]
    pub(super) fn run(&mut self) -> WorkerId {
        match self.ask(Ask::default()) {
            Decision::Run(worker) => worker,
            other => panic!("{other:?} instead of a worker"),
        }
    }

    #[track_caller]
    pub(super) fn wait(&mut self, ask: Ask) -> Ticket {
        match self.ask(ask) {
            Decision::Wait(ticket) => ticket,
            other => panic!("{other:?} instead of a place in the queue"),
        }
    }

    #[track_caller]
    pub(super) fn refusal(&mut self, ask: Ask) -> Refusal {
        match self.ask(ask) {
            Decision::Refuse(refusal) => refusal,
            other => panic!("{other:?} instead of a refusal"),
        }
    }

    pub(super) fn finish(&mut self, id: WorkerId) {
        self.machine.finish(self.now, id, Finish::Reusable);
        self.collect();
    }

    pub(super) fn exit(&mut self, id: WorkerId, reason: ExitReason) -> ExitReason {
        let reason = self.machine.exited(self.now, id, reason);
        self.collect();
        reason
    }

    /// The worker that the queued request was given.
    pub(super) fn granted(&self, wanted: Ticket) -> Option<WorkerId> {
        self.done.iter().find_map(|action| match action {
            Action::Grant { ticket, worker, .. } if *ticket == wanted => Some(*worker),
            _ => None,
        })
    }

    pub(super) fn refused(&self, wanted: Ticket) -> Option<Refusal> {
        self.done.iter().find_map(|action| match action {
            Action::Refuse { ticket, refusal } if *ticket == wanted => Some(*refusal),
            _ => None,
        })
    }

    pub(super) fn spawned(&self) -> usize {
        let spawns = |action: &&Action| matches!(action, Action::Spawn { .. });
        self.done.iter().filter(spawns).count()
    }

    pub(super) fn signals(&self, id: WorkerId) -> Vec<StopSignal> {
        let of = |action: &Action| match action {
            Action::Signal { worker, signal } if *worker == id => Some(*signal),
            _ => None,
        };
        self.done.iter().filter_map(of).collect()
    }

    pub(super) fn has_event(&self, wanted: impl Fn(&EventKind) -> bool) -> bool {
        let is = |action: &Action| matches!(action, Action::Event(event) if wanted(event));
        self.done.iter().any(is)
    }
}
