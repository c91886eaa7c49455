//! One worker as the machine sees it.

use std::time::{Duration, Instant};

use super::action::StopSignal;
use super::keys::Claims;
use crate::{Phase, StopReason, Timeouts};

/// How long a worker whose connection ended may take to end by itself, so
/// that its own exit status is seen, before it is killed.
const LAST_BREATH: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) generation: u64,
    pub(super) state: State,
    /// Since when it is in this state.
    pub(super) since: Instant,
    pub(super) born: Instant,
    pub(super) requests: u64,
    /// Whether it has brought a request to its end.
    pub(super) proven: bool,
    /// Requests after which it is replaced; `u64::MAX`: never.
    pub(super) max_requests: u64,
    /// Held until its request is over for the worker, too.
    pub(super) claims: Claims,
}

#[derive(Debug)]
pub(super) enum State {
    Starting { until: Option<Instant> },
    Idle,
    Busy(Running),
    Recovering { until: Option<Instant> },
    Stopping(Stop),
}

/// The request that a worker runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) queue_wait: Duration,
    /// Its caller has taken the worker, and its end was not counted yet.
    pub(super) begun: bool,
    /// Its client left, and the script runs to its end all the same.
    pub(super) left: bool,
    /// From the start of the request to the first byte, once it came.
    pub(super) first_byte: Option<Duration>,
    pub(super) first_byte_until: Option<Instant>,
    pub(super) total_until: Option<Instant>,
}

impl Running {
    /// When the next limit is reached.
    pub(super) fn until(&self) -> Option<Instant> {
        let first_byte = self.first_byte_until.filter(|_| self.first_byte.is_none());
        earliest(first_byte, self.total_until)
    }
}

/// The way to a worker's end.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) reason: StopReason,
    /// The next signal and its time; `None` after the last.
    next: Option<(Instant, StopSignal)>,
    step: Duration,
    /// Whether a signal was sent, so that its death is our doing.
    pub(super) signalled: bool,
}

/// How a stop begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Firmness {
    /// Nothing runs: `SIGTERM`, then `SIGKILL`.
    Idle,
    /// A request runs: `SIGQUIT`, `SIGTERM`, `SIGKILL`.
    Busy,
    /// `SIGKILL`.
    Kill,
    /// Wait for it to end by itself, then `SIGKILL`.
    Dying,
}

impl Stop {
    pub(super) fn new(
        now: Instant,
        reason: StopReason,
        firmness: Firmness,
        timeouts: &Timeouts,
    ) -> Self {
        let next = match firmness {
            Firmness::Idle => Some((now, StopSignal::Terminate)),
            Firmness::Busy => Some((now, StopSignal::Stop)),
            Firmness::Kill => Some((now, StopSignal::Kill)),
            Firmness::Dying => Some((now + LAST_BREATH, StopSignal::Kill)),
        };
        Self {
            reason,
            next,
            step: timeouts.stop,
            signalled: false,
        }
    }

    /// The signal that is due; the next gets its time from `now`.
    pub(super) fn due(&mut self, now: Instant) -> Option<StopSignal> {
        let (at, signal) = self.next?;
        if at > now {
            return None;
        }
        self.signalled = true;
        let firmer = match signal {
            StopSignal::Stop => Some(StopSignal::Terminate),
            StopSignal::Terminate => Some(StopSignal::Kill),
            StopSignal::Kill => None,
        };
        // A step beyond the end of time is never taken.
        self.next = firmer.and_then(|firmer| Some((now.checked_add(self.step)?, firmer)));
        Some(signal)
    }

    pub(super) fn until(&self) -> Option<Instant> {
        self.next.map(|(at, _)| at)
    }

    /// How long it takes until the last signal is sent.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let Some((at, signal)) = self.next else {
            return Duration::ZERO;
        };
        let steps = match signal {
            StopSignal::Stop => 2,
            StopSignal::Terminate => 1,
            StopSignal::Kill => 0,
        };
        let next = at.saturating_duration_since(now);
        next.saturating_add(self.step.saturating_mul(steps))
    }
}

impl Worker {
    pub(super) const fn phase(&self) -> Phase {
        match self.state {
            State::Starting { .. } => Phase::Starting,
            State::Idle => Phase::Idle,
            State::Busy(_) => Phase::Busy,
            State::Recovering { .. } => Phase::Recovering,
            State::Stopping(_) => Phase::Stopping,
        }
    }

    /// When something has to be done about it, whatever happens.
    pub(super) fn until(&self) -> Option<Instant> {
        match &self.state {
            State::Starting { until } => *until,
            State::Idle => None,
            State::Busy(running) => running.until(),
            State::Recovering { until } => *until,
            State::Stopping(stop) => stop.until(),
        }
    }
}

pub(super) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_worker_gets_quit_then_term_then_kill() {
        let start = Instant::now();
        let timeouts = Timeouts::default();
        let mut stop = Stop::new(start, StopReason::Timeout, Firmness::Busy, &timeouts);
        let at = |steps: u32| start + timeouts.stop * steps;
        assert_eq!(stop.due(at(0)), Some(StopSignal::Stop));
        assert_eq!(stop.due(at(0)), None);
        assert_eq!(stop.until(), Some(at(1)));
        assert_eq!(stop.due(at(1)), Some(StopSignal::Terminate));
        assert_eq!(stop.due(at(2)), Some(StopSignal::Kill));
        assert_eq!((stop.due(at(9)), stop.until()), (None, None));
    }

    #[test]
    fn a_dying_worker_is_given_a_moment_to_end_by_itself() {
        let start = Instant::now();
        let timeouts = Timeouts::default();
        let mut stop = Stop::new(start, StopReason::Protocol, Firmness::Dying, &timeouts);
        assert_eq!(stop.due(start), None);
        assert!(!stop.signalled);
        assert_eq!(stop.due(start + LAST_BREATH), Some(StopSignal::Kill));
        assert!(stop.signalled);
    }
}
