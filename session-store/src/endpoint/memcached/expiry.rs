//! memcached's expiry times: seconds, dates, never and at once.

use std::time::Duration;

/// What a number in a command means.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub(super) enum Expiry {
    /// Zero.
    Never,
    After(Duration),
    /// A negative number, or a date in the past. libmemcached asks in that
    /// way whether a key exists: `add` with 2,678,400 seconds, which is a
    /// date in 1970.
    Past,
}

impl Expiry {
    /// `now` is in seconds since 1970.
    pub(super) fn new(number: i64, now: u64) -> Self {
        match u64::try_from(number) {
            Ok(0) => Self::Never,
            Ok(seconds) if seconds <= MONTH => Self::After(Duration::from_secs(seconds)),
            Ok(date) if date > now => Self::After(Duration::from_secs(date - now)),
            Ok(_) | Err(_) => Self::Past,
        }
    }
}

/// Above 30 days a number is a date.
const MONTH: u64 = 30 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_what_memcached_says() {
        let now = 1_800_000_000;
        assert_eq!(Expiry::new(0, now), Expiry::Never);
        assert_eq!(
            Expiry::new(1440, now),
            Expiry::After(Duration::from_secs(1440))
        );
        assert_eq!(Expiry::new(2_678_400, now), Expiry::Past);
        assert_eq!(Expiry::new(-1, now), Expiry::Past);
        assert_eq!(
            Expiry::new(1_800_000_060, now),
            Expiry::After(Duration::from_secs(60))
        );
    }
}
