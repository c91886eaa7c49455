//! The rules of a pool alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::machine::{Action, Ask, Decision, Finish, Machine, Outcome, Settings};
use crate::{ExitReason, PoolConfig, WorkerId};

/// The rules of a pool in simulated time: what sizing, queue and limits make
/// of some traffic, without a process, a connection or a clock.
///
/// Workers are ready as soon as they are started, and each request runs until
/// [`finish`](Self::finish) ends it.
///
/// # Examples
///
/// ```
/// use fpm_pool::testing::{Admission, Simulation};
/// use fpm_pool::{PoolConfig, Sizing};
///
/// let config = PoolConfig::new("www")
///     .sizing(Sizing::Static { max_children: 1 });
/// let mut pool = Simulation::new(&config);
/// assert_eq!(pool.request(), Admission::Runs);
/// assert_eq!(pool.request(), Admission::Waits);
/// assert!(pool.finish());
/// assert_eq!(pool.running(), 1, "the one that waited");
/// ```
#[derive(Debug)]
pub struct Simulation {
    machine: Machine,
    now: Instant,
    actions: Vec<Action>,
    running: VecDeque<WorkerId>,
}

/// What becomes of a request at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// A worker runs it.
    Runs,
    /// It waits in the queue.
    Waits,
    /// It was refused.
    Refused,
}

impl Simulation {
    /// The pool that `config` describes, with its first workers ready.
    #[must_use]
    pub fn new(config: &PoolConfig) -> Self {
        let now = Instant::now();
        let mut machine = Machine::new(Settings::from(config), now, 1);
        machine.start(now);
        let mut this = Self {
            machine,
            now,
            actions: Vec::new(),
            running: VecDeque::new(),
        };
        this.act();
        this
    }

    /// A request arrives.
    pub fn request(&mut self) -> Admission {
        let decision = self.machine.request(self.now, Ask::default());
        let admission = match decision {
            Decision::Run(worker) => {
                self.begin(worker);
                Admission::Runs
            }
            Decision::Wait(_) => Admission::Waits,
            Decision::Refuse(_) => Admission::Refused,
        };
        self.act();
        admission
    }

    /// The request that has run longest ends; `false` when none runs.
    pub fn finish(&mut self) -> bool {
        let Some(worker) = self.running.pop_front() else {
            return false;
        };
        let outcome = Outcome::Finished { app_status: 0 };
        (self.machine).finish(self.now, worker, Finish::Reusable, outcome);
        self.act();
        true
    }

    /// Lets time pass: queued requests run out of time, idle workers leave.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake) = self.machine.wake_at().filter(|&wake| wake <= end) {
            self.now = self.now.max(wake);
            self.machine.tick(self.now);
            self.act();
        }
        self.now = end;
    }

    /// Requests that run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Does what the machine orders, as a perfect machine room would.
    fn act(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        self.machine.take_actions(&mut actions);
        while !actions.is_empty() {
            for action in actions.drain(..) {
                match action {
                    Action::Spawn { worker, .. } => self.machine.ready(self.now, worker),
                    Action::Recover { worker, .. } => self.machine.recovered(self.now, worker),
                    Action::Grant { worker, .. } => self.begin(worker),
                    Action::Interrupt { worker, .. } => self.end(worker),
                    Action::Signal { worker, .. } => self.end(worker),
                    _ => {}
                }
            }
            self.machine.take_actions(&mut actions);
        }
        self.actions = actions;
    }

    fn begin(&mut self, worker: WorkerId) {
        if self.machine.begin(worker) {
            self.running.push_back(worker);
        }
    }

    fn end(&mut self, worker: WorkerId) {
        self.running.retain(|&other| other != worker);
        self.machine.exited(self.now, worker, ExitReason::Unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Queue, Sizing};

    #[test]
    fn requests_wait_run_and_run_out_of_time() {
        let config = PoolConfig::new("www")
            .sizing(Sizing::Static { max_children: 2 })
            .queue(Queue::default().max_len(1).max_wait(Duration::from_secs(5)));
        let mut pool = Simulation::new(&config);
        let admissions = [(); 4].map(|()| pool.request());
        use Admission::{Refused, Runs, Waits};
        assert_eq!(admissions, [Runs, Runs, Waits, Refused]);
        pool.pass(Duration::from_secs(6));
        assert!(pool.finish());
        assert_eq!(pool.running(), 1, "the one that waited has left");
    }
}
