//! Failures in a row, and how long to wait before the next start.

use std::time::{Duration, Instant};

/// Failures of the first round that are made good at once, at most.
const AT_ONCE: u32 = 4;

/// Starts that fail in a row, with no worker left, before those that wait
/// are told.
const HOPELESS: u32 = 3;

/// So far away that it does not come, and near enough to be added to a clock.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Counts failures; time and randomness come from outside.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// Workers that did not become ready.
    starts: u32,
    /// Workers that became ready, and died without having served.
    crashes: u32,
    last: Option<Instant>,
    not_before: Option<Instant>,
}

/// What a worker failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Start,
    Crash,
}

impl Failures {
    /// A worker died that nobody had stopped. Returns the wait before the
    /// next start if it is not zero.
    ///
    /// `jitter` lies between 0 and 1: the wait is stretched by up to a
    /// quarter, so that pools that fail together do not try together.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        failure: Failure,
        (first, most): (Duration, Duration),
        max_children: usize,
        jitter: f64,
    ) -> Option<Duration> {
        let count = match failure {
            Failure::Start => &mut self.starts,
            Failure::Crash => &mut self.crashes,
        };
        *count = count.saturating_add(1);
        self.last = Some(now);
        let at_once = u32::try_from(max_children).unwrap_or(AT_ONCE).min(AT_ONCE);
        let round = self.in_a_row().checked_sub(at_once + 1)?;
        let doubled = first.saturating_mul(1 << round.min(20)).min(most);
        let wait = doubled.saturating_add((doubled / 4).mul_f64(jitter));
        self.not_before = Some(now + wait.min(NEVER));
        Some(wait)
    }

    /// A worker became ready: starting works.
    pub(super) fn became_ready(&mut self) {
        self.starts = 0;
        if self.crashes == 0 {
            *self = Self::default();
        }
    }

    /// A worker born at `born` finished a request. Only one that is younger
    /// than the last failure proves that new workers are well.
    pub(super) fn succeeded(&mut self, born: Instant) {
        if self.in_a_row() > 0 && self.last.is_none_or(|last| born >= last) {
            *self = Self::default();
        }
    }

    pub(super) const fn in_a_row(&self) -> u32 {
        self.starts.saturating_add(self.crashes)
    }

    /// Whether the last start failed.
    pub(super) const fn has_failed_starts(&self) -> bool {
        self.starts > 0
    }

    /// When the next worker may be started, if not now.
    pub(super) fn wait_until(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|&at| at > now)
    }

    /// Whether one worker at a time is tried.
    pub(super) const fn is_backing_off(&self) -> bool {
        self.not_before.is_some()
    }

    /// Whether nothing speaks for the next start.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.starts >= HOPELESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_without_end_is_never_over() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for _ in 0..99 {
            let backoff = (Duration::MAX, Duration::MAX);
            failures.failed(now, Failure::Start, backoff, 1, 1.0);
        }
        let years = Duration::from_secs(365 * 24 * 3600) * 10;
        assert!(failures.wait_until(now + years).is_some());
    }
}
