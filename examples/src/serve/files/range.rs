//! The `Range` header field (RFC 9110, section 14).

use std::ops::Range;

/// What a `Range` header asks of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Ranges {
    /// No range, or one that is to be ignored: send all.
    All,
    /// These parts, at least one, in the order asked for.
    Parts(Vec<Range<u64>>),
    /// Nothing of it lies within the file: answer 416.
    Unsatisfiable,
}

/// More parts than this are answered with the whole file: a client that
/// needs so many is broken, or wants to be expensive.
const MAX_PARTS: usize = 16;

impl Ranges {
    /// Reads the value of a `Range` header for a file of `size` bytes.
    pub(super) fn parse(value: &str, size: u64) -> Self {
        let Some(list) = value.trim().strip_prefix("bytes=") else {
            return Self::All;
        };
        let mut parts = Vec::new();
        for spec in list.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            match parse_spec(spec, size) {
                Spec::Malformed => return Self::All,
                Spec::Outside => {}
                Spec::Part(_) if parts.len() == MAX_PARTS => return Self::All,
                Spec::Part(part) => parts.push(part),
            }
        }
        match parts.is_empty() {
            true => Self::Unsatisfiable,
            // Parts that overlap cost more than the whole.
            false if parts.iter().map(|p| p.end - p.start).sum::<u64>() > size => Self::All,
            false => Self::Parts(parts),
        }
    }
}

enum Spec {
    Part(Range<u64>),
    Outside,
    Malformed,
}

fn parse_spec(spec: &str, size: u64) -> Spec {
    let Some((first, last)) = spec.split_once('-') else {
        return Spec::Malformed;
    };
    let part = match (number(first), number(last)) {
        (Number::None, Number::Is(suffix)) => size.saturating_sub(suffix)..size,
        (Number::Is(first), Number::None) => first..size,
        (Number::Is(first), Number::Is(last)) if first <= last => {
            first..last.saturating_add(1).min(size)
        }
        _ => return Spec::Malformed,
    };
    match part.start < part.end {
        true => Spec::Part(part),
        false => Spec::Outside,
    }
}

enum Number {
    None,
    Is(u64),
    Bad,
}

fn number(text: &str) -> Number {
    match text {
        "" => Number::None,
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A number past 2^64 lies behind any file.
            Number::Is(text.parse().unwrap_or(u64::MAX))
        }
        _ => Number::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<const N: usize>(bounds: [(u64, u64); N]) -> Ranges {
        Ranges::Parts(bounds.iter().map(|&(start, end)| start..end).collect())
    }

    #[test]
    fn ranges_are_cut_to_the_file() {
        for (value, expected) in [
            ("bytes=0-0", parts([(0, 1)])),
            ("bytes=0-99", parts([(0, 10)])),
            ("bytes=5-", parts([(5, 10)])),
            ("bytes=-3", parts([(7, 10)])),
            ("bytes=-30", parts([(0, 10)])),
            ("bytes=0-1, 8-", parts([(0, 2), (8, 10)])),
            ("bytes=10-", Ranges::Unsatisfiable),
            ("bytes=-0", Ranges::Unsatisfiable),
            ("bytes=99999999999999999999-", Ranges::Unsatisfiable),
            ("bytes=20-30, 1-1", parts([(1, 2)])),
            ("bytes=3-2", Ranges::All),
            ("bytes=a-b", Ranges::All),
            ("bytes=--1", Ranges::All),
            ("bytes=5", Ranges::All),
            ("lines=0-1", Ranges::All),
            ("bytes=0-,0-", Ranges::All),
        ] {
            assert_eq!(Ranges::parse(value, 10), expected, "{value}");
        }
    }

    #[test]
    fn many_parts_are_answered_with_the_whole() {
        let value = |count: usize| {
            let list: Vec<String> = (0..count).map(|at| format!("{at}-{at}")).collect();
            format!("bytes={}", list.join(","))
        };
        assert!(matches!(Ranges::parse(&value(16), 100), Ranges::Parts(p) if p.len() == 16));
        assert_eq!(Ranges::parse(&value(17), 100), Ranges::All);
    }

    #[test]
    fn empty_file_has_no_range() {
        assert_eq!(Ranges::parse("bytes=0-", 0), Ranges::Unsatisfiable);
    }
}
