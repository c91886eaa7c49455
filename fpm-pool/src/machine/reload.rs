//! Generations: a new one takes over once it has proven ready.

use std::time::Instant;

use super::action::Action;
use super::worker::{Firmness, State};
use super::{Census, Gate, Machine, Settings};
use crate::{EventKind, Sizing, StopReason, WorkerId};

/// A generation that is being started.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) generation: u64,
    settings: Settings,
    wanted: usize,
    ordered: usize,
    ready: Vec<WorkerId>,
    /// When to give up waiting for other processes to end.
    until: Option<Instant>,
}

impl Machine {
    /// Starts a new generation; its number, or why not.
    pub(crate) fn reload(&mut self, now: Instant, settings: Settings) -> Result<u64, &'static str> {
        if self.gate != Gate::Open {
            return Err("the pool is being stopped");
        }
        if self.pending.is_some() {
            return Err("another reload is under way");
        }
        // With little room the first of them switch, and the rest follow as
        // the old ones go.
        let staying = self.workers.len() - self.stopping();
        let room = settings.max_processes().saturating_sub(staying);
        let wanted = self.first_workers(&settings).min(room.max(1));
        let generation = self.next_generation;
        self.next_generation += 1;
        self.pending = Some(Pending {
            generation,
            settings,
            wanted,
            ordered: 0,
            ready: Vec::new(),
            until: None,
        });
        self.order_pending(now);
        Ok(generation)
    }

    /// The generation that takes the requests.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The generation that is being started.
    pub(crate) fn pending(&self) -> Option<u64> {
        self.pending.as_ref().map(|pending| pending.generation)
    }

    /// The settings that a generation's workers are started with.
    pub(super) fn settings_of(&self, generation: u64) -> &Settings {
        match &self.pending {
            Some(pending) if pending.generation == generation => &pending.settings,
            _ => &self.settings,
        }
    }

    /// Whoever resizes the pool during a reload means the new workers, too.
    pub(super) const fn resize_pending(&mut self, sizing: Sizing) {
        if let Some(pending) = &mut self.pending {
            pending.settings.sizing = sizing;
        }
    }

    /// As many workers as the sizing starts with, and no fewer than are at
    /// work now: the switch must not cost capacity.
    fn first_workers(&self, settings: &Settings) -> usize {
        let working = self.census.busy + self.census.recovering;
        match settings.sizing {
            Sizing::Static { max_children } => max_children,
            Sizing::Dynamic {
                max_children,
                start_servers,
                ..
            } => working.max(start_servers).min(max_children),
            Sizing::Ondemand { max_children, .. } => working.clamp(1, max_children),
        }
    }

    pub(super) fn order_pending(&mut self, now: Instant) {
        let processes = self.workers.len();
        let mut ordered = 0;
        while let Some(pending) = &mut self.pending {
            let starting = pending.ordered - pending.ready.len();
            if pending.ordered == pending.wanted || starting >= pending.settings.max_spawn_rate {
                return;
            }
            if processes + ordered >= pending.settings.max_processes() {
                if starting == 0 && pending.until.is_none() {
                    pending.until = now.checked_add(pending.settings.timeouts.start);
                    let until = pending.until;
                    self.arm(until);
                }
                return;
            }
            pending.until = None;
            pending.ordered += 1;
            ordered += 1;
            let generation = pending.generation;
            self.spawn(now, generation);
        }
    }

    /// When a reload that waits for other processes to end is given up.
    pub(super) fn pending_until(&self) -> Option<Instant> {
        self.pending.as_ref().and_then(|pending| pending.until)
    }

    pub(super) fn give_up_pending(&mut self, now: Instant) {
        if self.pending_until().is_some_and(|at| at <= now) {
            let (processes, stopping) = (self.workers.len(), self.stopping());
            self.fail_reload(
                now,
                &format!("no room for new workers: {stopping} of {processes} processes do not end"),
            );
        }
    }

    /// Processes that were told to stop.
    fn stopping(&self) -> usize {
        let stopping = |state: &State| matches!(state, State::Stopping(_));
        let workers = self.workers.values();
        workers.filter(|worker| stopping(&worker.state)).count()
    }

    pub(super) fn is_pending(&self, generation: u64) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| pending.generation == generation)
    }

    /// A worker of the new generation proved ready: the last one switches.
    pub(super) fn pending_ready(&mut self, now: Instant, id: WorkerId) {
        let Some(pending) = &mut self.pending else {
            return;
        };
        pending.ready.push(id);
        if pending.ready.len() < pending.wanted {
            self.order_pending(now);
        } else if let Some(pending) = self.pending.take() {
            self.switch(now, pending);
        }
    }

    fn switch(&mut self, now: Instant, new: Pending) {
        let old: Vec<_> = self.idle.drain(..).collect();
        let grace = now.checked_add(self.settings.timeouts.reload_grace);
        self.old_until.insert(self.generation, grace);
        self.generation = new.generation;
        self.settings = new.settings;
        self.queue.set_order(self.settings.queue.order);
        self.queue.review(now, self.max_children());
        self.census = Census {
            idle: new.ready.len(),
            ..Census::default()
        };
        self.idle = new.ready;
        self.failures = super::Failures::default();
        self.surplus_from = None;
        let starting: Vec<_> = (self.workers.iter())
            .filter(|(_, worker)| {
                worker.generation != new.generation
                    && matches!(worker.state, State::Starting { .. })
            })
            .map(|(&id, _)| id)
            .collect();
        for id in old {
            self.stop(now, id, StopReason::Reload, Firmness::Idle);
        }
        for id in starting {
            self.stop(now, id, StopReason::Reload, Firmness::Kill);
        }
        self.stop_excess(now);
        self.arm(grace);
        self.record.totals.reloads += 1;
        let generation = self.generation;
        self.event(|| EventKind::Reloaded { generation });
        self.out.push(Action::Reloaded(Ok(generation)));
        self.serve_queue(now);
        self.balance(now);
        self.after_change();
    }

    /// The new generation goes; the old one never noticed.
    pub(super) fn fail_reload(&mut self, now: Instant, reason: &str) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let new: Vec<_> = (self.workers.iter())
            .filter(|(_, worker)| worker.generation == pending.generation)
            .map(|(&id, _)| id)
            .collect();
        for id in new {
            self.stop(now, id, StopReason::Reload, Firmness::Kill);
        }
        self.event(|| EventKind::ReloadFailed {
            reason: reason.to_owned(),
        });
        self.out.push(Action::Reloaded(Err(reason.to_owned())));
    }
}
