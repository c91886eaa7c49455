//! A machine, a clock that is moved by hand, and workers that do as told.

use std::time::{Duration, Instant};

use super::super::action::{
    Action, Ask, Breach, Decision, Finish, Outcome, Refusal, StopSignal, Ticket,
};
use super::super::worker::State;
use super::super::{Machine, Settings};
use crate::{
    ErrorKind, EventKind, ExitReason, OnClientGone, Queue, Sizing, Status, Timeouts, WorkerId,
};

pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) now: Instant,
    /// Everything that was ordered, in order.
    pub(super) done: Vec<Action>,
    /// Whether callers take note of their workers at once.
    pub(super) attentive: bool,
}

pub(super) fn settings(sizing: Sizing) -> Settings {
    Settings {
        sizing,
        max_processes: None,
        queue: Queue::default()
            .max_len(10)
            .max_wait(Duration::from_secs(5)),
        timeouts: Timeouts::default(),
        max_spawn_rate: 32,
        max_requests: 0,
        backoff: (Duration::from_millis(100), Duration::from_secs(5)),
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
            attentive: true,
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
        let seen = self.done.len();
        self.machine.take_actions(&mut self.done);
        let granted = |action: &Action| match *action {
            Action::Grant { worker, .. } => Some(worker),
            _ => None,
        };
        let workers: Vec<_> = self.done[seen..].iter().filter_map(granted).collect();
        for worker in workers.into_iter().filter(|_| self.attentive) {
            self.machine.begin(worker);
        }
        self.machine.take_actions(&mut self.done);
        self.check_counts();
    }

    /// What began has ended, or runs.
    #[track_caller]
    fn check_counts(&self) {
        let status = self.status();
        let totals = &status.totals;
        let ended = totals.finished + totals.failed + totals.abandoned;
        assert_eq!(totals.begun, ended + status.running as u64, "{status:?}");
    }

    pub(super) fn status(&self) -> Status {
        self.machine.status(self.now, "p".into())
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
        if let Decision::Run(worker) = decision {
            assert!(self.machine.begin(worker));
        }
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
        self.finish_by(id, Finish::Reusable);
    }

    pub(super) fn finish_by(&mut self, id: WorkerId, how: Finish) {
        let outcome = Outcome::Finished { app_status: 0 };
        self.machine.finish(self.now, id, how, outcome);
        self.collect();
    }

    pub(super) fn abandon(&mut self, id: WorkerId, policy: OnClientGone) {
        self.machine.abandon(self.now, id, policy, false);
        self.collect();
    }

    pub(super) fn break_off(&mut self, id: WorkerId, breach: Breach, again: bool) {
        let kind = ErrorKind::ConnectionClosed;
        self.machine.broken(self.now, id, breach, kind, again);
        self.collect();
    }

    pub(super) fn exit(&mut self, id: WorkerId, reason: ExitReason) -> ExitReason {
        let reason = self.machine.exited(self.now, id, reason);
        self.collect();
        reason
    }

    /// Every process that was told to stop ends.
    pub(super) fn exit_stopping(&mut self) {
        let workers = self.machine.workers.iter();
        let stopping: Vec<_> = workers
            .filter(|(_, worker)| matches!(worker.state, State::Stopping(_)))
            .map(|(&id, _)| id)
            .collect();
        for id in stopping {
            self.exit(id, ExitReason::Signaled(15));
        }
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
