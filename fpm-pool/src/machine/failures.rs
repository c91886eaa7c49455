//! Failures in a row, and how long to wait before the next start.

use std::time::{Duration, Instant};

/// Failures of the first round that are made good at once, at most.
const AT_ONCE: u32 = 4;

/// Starts that fail in a row, with no worker left, before those that wait
/// are told.
const HOPELESS: u32 = 3;

/// Counts failures; time and randomness come from outside.
#[derive(Debug)]
pub(super) struct Failures {
    in_a_row: u32,
    starts_in_a_row: u32,
    last: Option<Instant>,
    not_before: Option<Instant>,
}

impl Failures {
    pub(super) const fn new() -> Self {
        Self {
            in_a_row: 0,
            starts_in_a_row: 0,
            last: None,
            not_before: None,
        }
    }

    /// A worker died that nobody had stopped. Returns the wait before the
    /// next start if it is not zero.
    ///
    /// `jitter` lies between 0 and 1: the wait is stretched by up to a
    /// quarter, so that pools that fail together do not try together.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        (first, most): (Duration, Duration),
        max_children: usize,
        jitter: f64,
    ) -> Option<Duration> {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = Some(now);
        let at_once = u32::try_from(max_children).unwrap_or(AT_ONCE).min(AT_ONCE);
        let round = self.in_a_row.checked_sub(at_once + 1)?;
        let doubled = first.saturating_mul(1 << round.min(20)).min(most);
        let wait = doubled.mul_f64(1.0 + jitter / 4.0);
        self.not_before = Some(now + wait);
        Some(wait)
    }

    pub(super) const fn start_failed(&mut self) {
        self.starts_in_a_row = self.starts_in_a_row.saturating_add(1);
    }

    pub(super) const fn became_ready(&mut self) {
        self.starts_in_a_row = 0;
    }

    /// A worker born at `born` finished a request. Only one that is younger
    /// than the last failure proves that new workers are well.
    pub(super) fn succeeded(&mut self, born: Instant) {
        if self.in_a_row > 0 && self.last.is_none_or(|last| born >= last) {
            *self = Self::new();
        }
    }

    pub(super) const fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    pub(super) const fn starts_in_a_row(&self) -> u32 {
        self.starts_in_a_row
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
        self.starts_in_a_row >= HOPELESS
    }
}
