use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What happened in a [`Store`](crate::Store) since it was made.
///
/// Each number is exact; together they are not one moment's picture.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Metrics {
    /// Locks granted.
    pub locks: u64,
    /// Time spent waiting for those locks, in all.
    pub wait_total: Duration,
    /// The longest of these waits.
    pub wait_max: Duration,
    /// Time the locks were held, in all.
    pub hold_total: Duration,
    /// The longest time a lock was held.
    pub hold_max: Duration,
    /// Requests that gave up waiting at their deadline.
    pub lock_timeouts: u64,
    /// Requests refused because too many waited already.
    pub too_many_waiters: u64,
    /// Backend operations that did not end in time.
    pub timeouts: u64,
    /// Commits that wrote nothing because another request had written.
    pub conflicts: u64,
    /// Commits that wrote nothing because the session had vanished.
    pub gone: u64,
    /// Leases that were lost while a request ran.
    pub leases_lost: u64,
    /// Sessions whose data could not be decoded.
    pub corrupt: u64,
    /// Locks dropped without commit or release.
    pub dropped: u64,
    /// Optimistic commits that merged another request's changes.
    pub merged: u64,
    /// Requests led from an old id to its new one.
    pub aliases_followed: u64,
}

macro_rules! counters {
    ($($name:ident),+ $(,)?) => {
        /// The live counters behind [`Metrics`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)+
            pub(crate) wait: Timer,
            pub(crate) hold: Timer,
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Metrics {
                Metrics {
                    locks: self.wait.count.get(),
                    wait_total: Duration::from_micros(self.wait.total_micros.get()),
                    wait_max: Duration::from_micros(self.wait.max_micros.get()),
                    hold_total: Duration::from_micros(self.hold.total_micros.get()),
                    hold_max: Duration::from_micros(self.hold.max_micros.get()),
                    $($name: self.$name.get(),)+
                }
            }
        }
    };
}

counters! {
    lock_timeouts, too_many_waiters, timeouts, conflicts, gone, leases_lost,
    corrupt, dropped, merged, aliases_followed,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Timer {
    count: Counter,
    total_micros: Counter,
    max_micros: Counter,
}

impl Timer {
    pub(crate) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.count.add_one();
        self.total_micros.0.fetch_add(micros, Ordering::Relaxed);
        self.max_micros.0.fetch_max(micros, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_is_kept_and_the_total_adds_up() {
        let counters = Counters::default();
        for millis in [5, 20, 10] {
            counters.wait.record(Duration::from_millis(millis));
        }
        let metrics = counters.snapshot();
        assert_eq!(metrics.locks, 3);
        assert_eq!(metrics.wait_max, Duration::from_millis(20));
        assert_eq!(metrics.wait_total, Duration::from_millis(35));
    }
}
