use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Where a backend that keeps expiry times itself reads the time.
///
/// Backends with their own server (Redis, memcached) use the server's clock
/// instead. A manual clock lets tests pass hours without waiting.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use session_store::Clock;
///
/// let clock = Clock::manual();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(1440));
/// assert_eq!(clock.now().duration_since(start)?, Duration::from_secs(1440));
/// # Ok::<(), std::time::SystemTimeError>(())
/// ```
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's wall clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`advance`](Self::advance) is called.
    /// It starts at the time of the call; clones move together.
    pub fn manual() -> Self {
        Self(Some(Arc::new(AtomicU64::new(millis(SystemTime::now())))))
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(time) => {
                SystemTime::UNIX_EPOCH + Duration::from_millis(time.load(Ordering::Relaxed))
            }
        }
    }

    /// Whole seconds since 1970, as PHP's `time()`.
    pub fn unix_secs(&self) -> u64 {
        millis(self.now()) / 1000
    }

    /// Whether this is not the system's clock.
    #[cfg(feature = "files")]
    pub(crate) fn is_manual(&self) -> bool {
        self.0.is_some()
    }

    /// Moves a manual clock forward; the system's clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Some(time) = &self.0 {
            time.fetch_add(saturating_millis(by), Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.0.is_some() { "manual" } else { "system" };
        f.debug_tuple("Clock").field(&kind).finish()
    }
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, saturating_millis)
}

fn saturating_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
