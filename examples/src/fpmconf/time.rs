//! php-fpm's time stamp.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `[20-Nov-2026 16:55:37]`, in UTC.
pub(super) fn stamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let (year, month, day) = date(seconds / 86_400);
    format!("[{day:02}-{month}-{year} {hour:02}:{minute:02}:{second:02}]")
}

/// The date of a day counted from 1 January 1970.
fn date(mut days: u64) -> (u64, &'static str, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    for (month, length) in MONTHS.into_iter().zip(lengths) {
        if days < length {
            return (year, month, days + 1);
        }
        days -= length;
    }
    unreachable!("the days of a year are within its months")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stamps_are_php_fpms() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "[01-Jan-1970 00:00:00]");
        assert_eq!(at(951_782_399), "[28-Feb-2000 23:59:59]");
        assert_eq!(at(951_782_400), "[29-Feb-2000 00:00:00]");
        assert_eq!(at(1_795_193_737), "[20-Nov-2026 16:55:37]");
    }
}
