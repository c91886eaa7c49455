//! Which session a request belongs to, and how many workers that may have.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

use crate::KeyLimit;

/// The cookies in which PHP and common applications keep a session's id.
const COMMON_COOKIES: [&str; 14] = [
    "PHPSESSID",
    // Laravel, MediaWiki and CodeIgniter: shop_session, wiki_session, …
    "*_session",
    // Drupal
    "SESS*",
    "SSESS*",
    "MoodleSession*",
    "phpMyAdmin*",
    "CAKEPHP",
    "DokuWiki",
    "adminer_sid",
    "OCSESSID",
    "PrestaShop-*",
    "roundcube_sessid",
    "zenid",
    "symfony",
];

/// More than that of one request count for nothing.
const MOST_KEYS: usize = 4;

/// The cookies that name a session, with the workers that requests of one
/// session may have: those beyond wait in the queue, so that a session which
/// waits for its own lock keeps nobody else from a worker.
///
/// # Examples
///
/// ```
/// use fpm_pool::KeyLimit;
/// use fpm_pool::http::SessionKeys;
///
/// // Half of the workers for one session of any common application.
/// let half = SessionKeys::new().common(KeyLimit::Percent(50));
/// // One request of a session at a time.
/// let one = SessionKeys::new().cookie("PHPSESSID", KeyLimit::EXCLUSIVE);
/// # drop((half, one));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SessionKeys(Vec<(Pattern, KeyLimit)>);

impl SessionKeys {
    /// No cookie names a session.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The cookies of PHP and of common applications as well.
    #[must_use]
    pub fn common(self, limit: KeyLimit) -> Self {
        let names = COMMON_COOKIES.iter();
        names.fold(self, |keys, name| keys.cookie(name, limit))
    }

    /// A cookie that names a session. A `*` at one end of `name` stands for
    /// anything; the first name that matches counts. `__Host-` and
    /// `__Secure-` in front are ignored.
    #[must_use]
    pub fn cookie(mut self, name: &str, limit: KeyLimit) -> Self {
        self.0.push((Pattern::new(name), limit));
        self
    }

    /// The keys of a request: a cookie each, `NAME=VALUE`.
    pub(super) fn of<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> impl Iterator<Item = (&'h [u8], KeyLimit)> {
        let pairs = headers
            .get_all(COOKIE)
            .iter()
            .map(HeaderValue::as_bytes)
            .flat_map(|cookies| cookies.split(|&byte| byte == b';'))
            .map(<[u8]>::trim_ascii);
        pairs
            .filter_map(|pair| Some((pair, self.limit(pair)?)))
            .take(MOST_KEYS)
    }

    fn limit(&self, pair: &[u8]) -> Option<KeyLimit> {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        if value.is_empty() {
            return None;
        }
        // Browsers keep these names apart, applications do not.
        let bare = name
            .strip_prefix(b"__Host-")
            .or_else(|| name.strip_prefix(b"__Secure-"))
            .unwrap_or(name);
        let known = |pattern: &Pattern| pattern.matches(bare) || pattern.matches(name);
        let found = self.0.iter().find(|(pattern, _)| known(pattern));
        found.map(|(_, limit)| *limit)
    }
}

/// A cookie's name; a star at one end stands for anything.
#[derive(Clone, Debug)]
enum Pattern {
    Name(Box<[u8]>),
    Start(Box<[u8]>),
    End(Box<[u8]>),
}

impl Pattern {
    fn new(text: &str) -> Self {
        if let Some(end) = text.strip_prefix('*') {
            Self::End(end.as_bytes().into())
        } else if let Some(start) = text.strip_suffix('*') {
            Self::Start(start.as_bytes().into())
        } else {
            Self::Name(text.as_bytes().into())
        }
    }

    fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(whole) => **whole == *name,
            Self::Start(start) => name.starts_with(start),
            Self::End(end) => name.ends_with(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: KeyLimit = KeyLimit::Percent(50);

    fn keys(keys: &SessionKeys, cookies: &[&str]) -> Vec<(String, KeyLimit)> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        let text = |(key, limit): (&[u8], _)| (String::from_utf8_lossy(key).into_owned(), limit);
        keys.of(&headers).map(text).collect()
    }

    #[test]
    fn sessions_of_common_applications_are_known() {
        let common = SessionKeys::new().common(HALF);
        for cookie in [
            "PHPSESSID=a",
            "__Host-PHPSESSID=a",
            "shop_session=a",
            "SSESS0123=a",
            "DokuWiki=a",
        ] {
            let all = format!("theme=dark; {cookie}; lang=de");
            assert_eq!(keys(&common, &[&all]), [(cookie.to_owned(), HALF)]);
        }
        let others = ["PHPSESSID=; XPHPSESSID=a; theme=dark"];
        assert_eq!(keys(&common, &others), []);
        assert_eq!(keys(&SessionKeys::new(), &["PHPSESSID=a"]), []);
    }

    #[test]
    fn names_can_be_given_and_the_first_counts() {
        let cookies = ["sid=1; PHPSESSID=2", "SID=3"];
        let one = SessionKeys::new().cookie("SID", KeyLimit::EXCLUSIVE);
        let both = one.cookie("sid", HALF).cookie("*ID", HALF);
        let expected = [
            ("sid=1".to_owned(), HALF),
            ("PHPSESSID=2".to_owned(), HALF),
            ("SID=3".to_owned(), KeyLimit::EXCLUSIVE),
        ];
        assert_eq!(keys(&both, &cookies), expected);
    }
}
