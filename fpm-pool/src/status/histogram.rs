//! Times in buckets that grow by a quarter of a power of two.

use std::fmt;
use std::time::Duration;

/// Buckets for each power of two.
const STEPS: usize = 4;
/// From 1 µs to 2³² µs (71 minutes); the last bucket takes the rest.
const BUCKETS: usize = 33 * STEPS;

/// A histogram of times: recording costs one addition, a value is known to
/// within a quarter of itself.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use fpm_pool::Histogram;
///
/// let mut times = Histogram::default();
/// for millis in 1..=100 {
///     times.record(Duration::from_millis(millis));
/// }
/// assert_eq!(times.count(), 100);
/// let median = times.quantile(0.5).unwrap();
/// assert!((40..=65).contains(&median.as_millis()));
/// ```
#[derive(Clone)]
pub struct Histogram {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    sum: Duration,
    max: Duration,
}

impl Histogram {
    /// Counts `time`.
    pub fn record(&mut self, time: Duration) {
        self.buckets[bucket(time)] += 1;
        self.count += 1;
        self.sum += time;
        self.max = self.max.max(time);
    }

    /// How many times were recorded.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// Their mean, or `None` if there is none.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let nanos = self.sum.as_nanos().checked_div(self.count.into())?;
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
    }

    /// The time that the share `q` (0 to 1) of all stayed within, rounded up
    /// to its bucket's bound.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank between 0 and count"
        )]
        let rank = (self.count as f64 * q.clamp(0.0, 1.0)).ceil() as u64;
        let mut seen = 0;
        (self.count > 0).then_some(())?;
        self.buckets().find_map(|(bound, count)| {
            seen += count;
            (seen >= rank.max(1)).then(|| bound.min(self.max))
        })
    }

    /// The buckets, each with its upper bound (the last is unbounded:
    /// [`Duration::MAX`]), and how many times fell into it.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.buckets
            .iter()
            .enumerate()
            .map(|(index, &count)| (bound(index), count))
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: Box::new([0; BUCKETS]),
            count: 0,
            sum: Duration::ZERO,
            max: Duration::ZERO,
        }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count)
            .field("median", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

fn bucket(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    if micros < STEPS as u64 {
        return usize::try_from(micros).unwrap_or(0);
    }
    let octave = micros.ilog2() as usize;
    // The two bits below the leading one.
    let step = (micros >> (octave - 2)) & 3;
    ((octave - 1) * STEPS + usize::try_from(step).unwrap_or(0)).min(BUCKETS - 1)
}

fn bound(index: usize) -> Duration {
    if index == BUCKETS - 1 {
        return Duration::MAX;
    }
    let next = index as u64 + 1;
    let steps = STEPS as u64;
    if next <= steps {
        return Duration::from_micros(next);
    }
    let octave = next / steps + 1;
    Duration::from_micros((steps + next % steps) << (octave - 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_below_its_bound_and_not_below_the_one_before() {
        for micros in (0..100_000).chain([1 << 30, (1 << 33) - 1]) {
            let index = bucket(Duration::from_micros(micros));
            assert!(Duration::from_micros(micros) < bound(index), "{micros}");
            if index > 0 {
                assert!(
                    Duration::from_micros(micros) >= bound(index - 1),
                    "{micros}"
                );
            }
        }
    }

    #[test]
    fn the_longest_times_fall_into_the_unbounded_bucket() {
        let mut times = Histogram::default();
        times.record(Duration::from_secs(1 << 40));
        assert_eq!(times.buckets().last(), Some((Duration::MAX, 1)));
        assert_eq!(times.quantile(1.0), Some(Duration::from_secs(1 << 40)));
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
    }
}
