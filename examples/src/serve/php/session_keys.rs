//! Which session a request belongs to, and how many workers that may have.

use fpm_pool::KeyLimit;
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

/// The cookies in which PHP and common applications keep a session's id.
pub(crate) const COMMON_COOKIES: [&str; 14] = [
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
/// session may have.
#[derive(Debug)]
pub(crate) struct SessionKeys {
    names: Vec<Pattern>,
    share: Option<KeyLimit>,
    exclusive: Option<String>,
}

impl SessionKeys {
    /// `share`: `None` for no limit. `exclusive`: the cookie whose requests
    /// run one at a time.
    pub(crate) fn new(
        names: &[String],
        share: Option<KeyLimit>,
        exclusive: Option<String>,
    ) -> Self {
        let names = match names {
            [] => COMMON_COOKIES
                .iter()
                .map(|name| Pattern::new(name))
                .collect(),
            names => names.iter().map(|name| Pattern::new(name)).collect(),
        };
        Self {
            names,
            share,
            exclusive,
        }
    }

    /// The keys of a request: a cookie each, `NAME=VALUE`.
    pub(crate) fn of<'h>(
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
        if (self.exclusive.as_ref()).is_some_and(|exclusive| exclusive.as_bytes() == name) {
            return Some(KeyLimit::EXCLUSIVE);
        }
        // Browsers keep these names apart, applications do not.
        let bare = name
            .strip_prefix(b"__Host-")
            .or_else(|| name.strip_prefix(b"__Secure-"))
            .unwrap_or(name);
        let known = |pattern: &Pattern| pattern.matches(bare) || pattern.matches(name);
        self.share.filter(|_| self.names.iter().any(known))
    }
}

/// A cookie's name; a star at one end stands for anything.
#[derive(Debug)]
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

/// Parses `50%`, a number of workers, or `off`.
pub(crate) fn parse_share(text: &str) -> Result<Share, &'static str> {
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

/// A limit from the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(pub(crate) Option<KeyLimit>);

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: KeyLimit = KeyLimit::Percent(50);

    fn keys(names: &[&str], exclusive: Option<&str>, cookies: &[&str]) -> Vec<(String, KeyLimit)> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let keys = SessionKeys::new(&names, Some(HALF), exclusive.map(ToOwned::to_owned));
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        let text = |(key, limit): (&[u8], _)| (String::from_utf8_lossy(key).into_owned(), limit);
        keys.of(&headers).map(text).collect()
    }

    #[test]
    fn sessions_of_common_applications_are_known() {
        for cookie in [
            "PHPSESSID=a",
            "__Host-PHPSESSID=a",
            "shop_session=a",
            "SSESS0123=a",
            "DokuWiki=a",
        ] {
            let all = format!("theme=dark; {cookie}; lang=de");
            assert_eq!(keys(&[], None, &[&all]), [(cookie.to_owned(), HALF)]);
        }
        assert_eq!(
            keys(&[], None, &["PHPSESSID=; XPHPSESSID=a; theme=dark"]),
            []
        );
    }

    #[test]
    fn names_can_be_given_and_one_may_be_exclusive() {
        let cookies = ["sid=1; PHPSESSID=2", "SID=3"];
        assert_eq!(keys(&["sid"], None, &cookies), [("sid=1".to_owned(), HALF)]);
        let exclusive = keys(&["sid"], Some("SID"), &cookies);
        assert_eq!(exclusive[1], ("SID=3".to_owned(), KeyLimit::EXCLUSIVE));
    }

    #[test]
    fn shares_are_parts_numbers_or_off() {
        assert_eq!(parse_share("50%"), Ok(Share(Some(HALF))));
        assert_eq!(parse_share("3"), Ok(Share(Some(KeyLimit::Workers(3)))));
        assert_eq!(parse_share("off"), Ok(Share(None)));
        for wrong in ["", "0", "0%", "101%", "-1", "half", "300%"] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
    }
}
