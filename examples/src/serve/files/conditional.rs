//! Conditional requests: validators and preconditions (RFC 9110, section 13).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{
    HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE,
};

/// The validators of one representation of a file.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    /// A strong entity tag, or a weak one for what is compressed on the fly.
    pub(super) etag: String,
    /// In whole seconds, as HTTP dates are.
    pub(super) modified: SystemTime,
}

/// What the preconditions of a request say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Send,
    NotModified,
    Failed,
}

impl Validators {
    /// From a file's size and modification time; `coding` tells the
    /// compressed representations of one file apart.
    pub(super) fn new(metadata: &Metadata, coding: &str, weak: bool) -> Self {
        let seconds = u64::try_from(metadata.mtime()).unwrap_or(0);
        let weak = if weak { "W/" } else { "" };
        let etag = format!(
            "{weak}\"{seconds:x}.{nanos:x}-{size:x}{coding}\"",
            nanos = metadata.mtime_nsec(),
            size = metadata.size(),
        );
        Self {
            etag,
            modified: UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }

    /// The date as a header value.
    pub(super) fn last_modified(&self) -> HeaderValue {
        HeaderValue::try_from(httpdate::fmt_http_date(self.modified))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Evaluates the preconditions in the order of RFC 9110, section 13.2.2.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(IF_MATCH) {
            if !self.listed(headers, IF_MATCH, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if let Some(since) = date(headers, IF_UNMODIFIED_SINCE)
            && self.modified > since
        {
            return Verdict::Failed;
        }
        if headers.contains_key(IF_NONE_MATCH) {
            if self.listed(headers, IF_NONE_MATCH, Comparison::Weak) {
                return Verdict::NotModified;
            }
        } else if let Some(since) = date(headers, IF_MODIFIED_SINCE)
            && self.modified <= since
        {
            return Verdict::NotModified;
        }
        Verdict::Send
    }

    /// Whether `If-Range` allows a partial answer; without it, yes.
    pub(super) fn range_applies(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(IF_RANGE) else {
            return true;
        };
        let Ok(text) = value.to_str() else {
            return false;
        };
        match httpdate::parse_http_date(text) {
            Ok(date) => date == self.modified,
            Err(_) => same_tag(text.trim(), &self.etag, Comparison::Strong),
        }
    }

    fn listed(&self, headers: &HeaderMap, name: HeaderName, comparison: Comparison) -> bool {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || same_tag(tag, &self.etag, comparison))
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

fn same_tag(theirs: &str, ours: &str, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Strong => theirs == ours && !ours.starts_with("W/"),
        Comparison::Weak => {
            theirs.strip_prefix("W/").unwrap_or(theirs) == ours.strip_prefix("W/").unwrap_or(ours)
        }
    }
}

/// A date that cannot be read is as good as none (section 13.1.3).
fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const NEXT_DAY: &str = "Wed, 15 Nov 2023 22:13:20 GMT";
    const DAY_BEFORE: &str = "Mon, 13 Nov 2023 22:13:20 GMT";

    fn validators(etag: &str) -> Validators {
        Validators {
            etag: etag.to_owned(),
            modified: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        }
    }

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn preconditions_are_judged_in_order() {
        let file = validators("\"a\"");
        for (pairs, expected) in [
            (&[][..], Verdict::Send),
            (&[(IF_NONE_MATCH, "\"a\"")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "\"b\", W/\"a\"")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "*")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "\"b\"")], Verdict::Send),
            (&[(IF_MODIFIED_SINCE, DAY)], Verdict::NotModified),
            (&[(IF_MODIFIED_SINCE, NEXT_DAY)], Verdict::NotModified),
            (&[(IF_MODIFIED_SINCE, DAY_BEFORE)], Verdict::Send),
            (&[(IF_MODIFIED_SINCE, "soon")], Verdict::Send),
            (&[(IF_MATCH, "\"a\"")], Verdict::Send),
            (&[(IF_MATCH, "\"b\"")], Verdict::Failed),
            (&[(IF_UNMODIFIED_SINCE, DAY)], Verdict::Send),
            (&[(IF_UNMODIFIED_SINCE, DAY_BEFORE)], Verdict::Failed),
            // The tag decides when both are there.
            (
                &[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, NEXT_DAY)],
                Verdict::Send,
            ),
        ] {
            assert_eq!(file.judge(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn ranges_need_a_strong_match() {
        let range =
            |etag: &str, value| validators(etag).range_applies(&headers(&[(IF_RANGE, value)]));
        assert!(validators("\"a\"").range_applies(&HeaderMap::new()));
        assert!(range("\"a\"", "\"a\""));
        assert!(range("\"a\"", DAY));
        assert!(!range("\"a\"", "\"b\""));
        assert!(!range("\"a\"", NEXT_DAY));
        assert!(!range("W/\"a\"", "W/\"a\""));
    }
}
