//! Durations on a command line: `250ms`, `1.5s`, `2m`.

use std::time::Duration;

/// What is wrong with a duration on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadDuration;

impl std::fmt::Display for BadDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected a number with a unit: us, ms, s, m, h or d, such as 250ms or 1.5s")
    }
}

impl std::error::Error for BadDuration {}

/// Parses a duration: a decimal number and one of the units `us`, `ms`, `s`,
/// `m`, `h`, `d`; without a unit it is seconds.
///
/// # Errors
///
/// [`BadDuration`] for any other text, a negative number, and a duration that
/// does not fit.
///
/// # Examples
///
/// ```
/// use examples::duration::{BadDuration, parse};
/// use std::time::Duration;
///
/// assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
/// assert_eq!(parse("soon"), Err(BadDuration));
/// ```
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(BadDuration),
    };
    let number: f64 = number.parse().map_err(|_| BadDuration)?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| BadDuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood() {
        for (text, expected) in [
            ("250us", Duration::from_micros(250)),
            ("250ms", Duration::from_millis(250)),
            ("0", Duration::ZERO),
            ("3", Duration::from_secs(3)),
            ("1.5s", Duration::from_millis(1500)),
            (".5s", Duration::from_millis(500)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
            ("1d", Duration::from_secs(86400)),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "", "s", ".", "1.2.3s", "-1s", "+1s", "1 s", "1S", "1w", "inf", "NaN",
        ] {
            assert_eq!(parse(text), Err(BadDuration), "{text}");
        }
        let huge = format!("{}d", "9".repeat(40));
        assert_eq!(parse(&huge), Err(BadDuration));
    }
}
