//! How much a worker may write: pure, the time comes from outside.

use std::time::{Duration, Instant};

use crate::PoolLimits;

/// What is over the budget is said this often.
const REPORT: Duration = Duration::from_secs(1);
/// Writing more than is read for this long is no burst any more.
const FLOOD: Duration = Duration::from_secs(1);
/// The shortest pause of the reader, so that it wakes seldom.
const PAUSE: Duration = Duration::from_millis(50);

/// The budget of one worker, for all that it writes.
#[derive(Debug)]
pub(super) struct Meter {
    lines: Bucket,
    bytes: Bucket,
    /// Lines that were not logged, and not reported yet.
    dropped: u64,
    report_at: Option<Instant>,
    /// Since when there has been more to read than may be.
    behind_since: Option<Instant>,
}

impl Meter {
    pub(super) fn new(limits: &PoolLimits, now: Instant) -> Self {
        // A full read has to fit.
        let least = limits.line_bytes.max(super::lines::CHUNK);
        let bytes = limits.output_bytes_per_sec.max(least);
        Self {
            lines: Bucket::new(limits.output_lines_per_sec, now),
            bytes: Bucket::new(bytes, now),
            dropped: 0,
            report_at: None,
            behind_since: None,
        }
    }

    /// Whether one more line may be logged.
    pub(super) fn line(&mut self, now: Instant) -> bool {
        self.lines.refill(now);
        let allowed = self.lines.left > 0;
        self.lines.take(1);
        allowed
    }

    /// Counts lines that are not logged.
    pub(super) fn drop_lines(&mut self, now: Instant, lines: u64) {
        if lines > 0 {
            self.dropped = self.dropped.saturating_add(lines);
            self.report_at = self.report_at.or_else(|| now.checked_add(REPORT));
        }
    }

    /// When to ask for a report, if there is something to report.
    pub(super) const fn report_at(&self) -> Option<Instant> {
        self.report_at
    }

    /// How many lines were dropped since the last report, if one is due.
    pub(super) fn report(&mut self, now: Instant) -> Option<u64> {
        self.report_at.filter(|&at| at <= now)?;
        self.last_report()
    }

    /// As [`report`](Self::report), due or not.
    pub(super) fn last_report(&mut self) -> Option<u64> {
        self.report_at = None;
        Some(std::mem::take(&mut self.dropped)).filter(|&dropped| dropped > 0)
    }

    /// Counts what was read. The reader may have to pause.
    pub(super) fn read(&mut self, now: Instant, bytes: usize) -> Option<Duration> {
        self.bytes.refill(now);
        self.bytes.take(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.bytes.left > 0 {
            return None;
        }
        self.behind_since.get_or_insert(now);
        Some(PAUSE)
    }

    /// Nothing is left to read.
    pub(super) const fn caught_up(&mut self) {
        self.behind_since = None;
    }

    /// Whether there is more to read than may be.
    pub(super) const fn is_behind(&self) -> bool {
        self.behind_since.is_some()
    }

    /// Whether more has been written than is read for long.
    pub(super) fn is_flooded(&self, now: Instant) -> bool {
        (self.behind_since).is_some_and(|since| now.saturating_duration_since(since) >= FLOOD)
    }
}

/// So much per second, and the same at once.
#[derive(Debug)]
struct Bucket {
    rate: u64,
    left: u64,
    at: Instant,
}

impl Bucket {
    fn new(rate: usize, now: Instant) -> Self {
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        Self {
            rate,
            left: rate,
            at: now,
        }
    }

    fn take(&mut self, count: u64) {
        self.left = self.left.saturating_sub(count);
    }

    fn refill(&mut self, now: Instant) {
        const SECOND: u128 = 1_000_000_000;
        if self.rate == 0 || self.left == self.rate {
            self.at = now;
            return;
        }
        let elapsed = now
            .saturating_duration_since(self.at)
            .as_nanos()
            .min(SECOND);
        let gained = elapsed * u128::from(self.rate) / SECOND;
        if gained > 0 {
            let gained = u64::try_from(gained).unwrap_or(self.rate);
            self.left = self.left.saturating_add(gained).min(self.rate);
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(lines: usize, bytes: usize) -> (Meter, Instant) {
        let limits = PoolLimits::default()
            .output_lines_per_sec(lines)
            .output_bytes_per_sec(bytes);
        let now = Instant::now();
        (Meter::new(&limits, now), now)
    }

    #[test]
    fn lines_beyond_the_budget_are_counted_and_reported_once_a_second() {
        let (mut meter, start) = meter(10, 1 << 20);
        let logged = (0..100).filter(|_| meter.line(start)).count();
        assert_eq!(logged, 10);
        meter.drop_lines(start, 90);
        assert_eq!(meter.report(start), None);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..100).filter(|_| meter.line(later)).count(), 5);
        meter.drop_lines(later, 95);
        let due = meter.report_at().unwrap();
        assert_eq!(due, start + REPORT);
        assert_eq!(meter.report(due), Some(185));
        assert_eq!((meter.report(due), meter.report_at()), (None, None));
    }

    #[test]
    fn no_line_at_all_is_a_budget() {
        let (mut meter, start) = meter(0, 0);
        assert!(!meter.line(start + Duration::from_secs(100)));
        // But there is no use in not reading.
        assert_eq!(meter.read(start, 1), None);
    }

    #[test]
    fn reading_pauses_and_what_goes_on_is_a_flood() {
        let (mut meter, start) = meter(10, 64 << 10);
        assert_eq!(meter.read(start, 32 << 10), None);
        assert_eq!(meter.read(start, 32 << 10), Some(PAUSE));
        assert!(!meter.is_flooded(start));
        let later = start + FLOOD;
        assert_eq!(meter.read(later, 32 << 10), None);
        assert!(meter.is_flooded(later));
        meter.caught_up();
        assert!(!meter.is_flooded(later));
    }
}
