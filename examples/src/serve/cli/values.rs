//! How values are written on the command line.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use fpm_pool::KeyLimit;
use fpm_pool::http::Symlinks;

/// A limit from the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share(pub(super) Option<KeyLimit>);

/// Parses `50%`, a number of workers, or `off`.
pub(super) fn parse_share(text: &str) -> Result<Share, &'static str> {
    const EXPECTED: &str = "expected a share such as 50%, a number of workers, or off";
    let limit = if text == "off" {
        None
    } else if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.parse().map_err(|_| EXPECTED)?;
        if !(1..=100).contains(&percent) {
            return Err("expected 1% to 100%");
        }
        Some(KeyLimit::Percent(percent))
    } else {
        let workers = text.parse().ok().filter(|&workers| workers > 0);
        Some(KeyLimit::Workers(workers.ok_or(EXPECTED)?))
    };
    Ok(Share(limit))
}

pub(super) fn symlinks() -> impl TypedValueParser<Value = Symlinks> {
    let values = [
        PossibleValue::new("never").help("None"),
        PossibleValue::new("owned").help("Links to folders whose owner also owns the folder"),
        PossibleValue::new("always").help("All"),
    ];
    PossibleValuesParser::new(values).try_map(|text| text.parse::<Symlinks>())
}

pub(super) fn parse_vhost(text: &str) -> Result<(String, PathBuf), &'static str> {
    match text.split_once('=') {
        Some((name, root)) if !name.is_empty() && !root.is_empty() => {
            Ok((name.to_ascii_lowercase(), root.into()))
        }
        _ => Err("expected NAME=ROOT, such as example.org=/srv/example"),
    }
}

pub(super) fn parse_url_path(text: &str) -> Result<String, &'static str> {
    match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err("the path has to start with a slash"),
    }
}

pub(super) fn parse_size(text: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "expected a number of bytes, or one with K, M or G";
    let (number, shift) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        Some((at, 'g' | 'G')) => (&text[..at], 30),
        _ => (text, 0),
    };
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    number.checked_mul(1 << shift).ok_or(EXPECTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("10"), Ok(10));
        assert_eq!(parse_size("2k"), Ok(2048));
        assert_eq!(parse_size("1G"), Ok(1 << 30));
        for bad in ["", "G", "1T", "-1", "99999999999999999999", "17179869184G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_are_parts_numbers_or_off() {
        let half = KeyLimit::Percent(50);
        assert_eq!(parse_share("50%"), Ok(Share(Some(half))));
        assert_eq!(parse_share("3"), Ok(Share(Some(KeyLimit::Workers(3)))));
        assert_eq!(parse_share("off"), Ok(Share(None)));
        for wrong in ["", "0", "0%", "101%", "-1", "half", "300%"] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
    }
}
