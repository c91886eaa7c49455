//! The session cookie, read and written as PHP does.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::config::Cookie;
use crate::SessionId;

/// What the answer says about the cookie.
#[derive(Clone, Debug, Default)]
pub(super) enum CookieChange {
    #[default]
    Keep,
    Set(SessionId),
    Remove,
}

impl Cookie {
    /// The visitor's session id. As in PHP, the first cookie of the name
    /// wins; what is no session id counts as no cookie.
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<SessionId> {
        let headers = headers.get_all(COOKIE).iter();
        let mut cookies = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        let value = cookies.find_map(|cookie| {
            let cookie = cookie.trim_ascii();
            cookie
                .strip_prefix(self.name.as_bytes())?
                .strip_prefix(b"=")
        })?;
        let value = percent_encoding::percent_decode(value).decode_utf8().ok()?;
        SessionId::parse(&value).ok()
    }

    /// The `Set-Cookie` header for a change; `None` if nothing changes, or
    /// if a setting is no legal header.
    pub(super) fn write(&self, change: &CookieChange) -> Option<HeaderValue> {
        let mut header = match change {
            CookieChange::Keep => return None,
            // The only character of an id that PHP encodes.
            CookieChange::Set(id) => format!("{}={}", self.name, id.as_str().replace(',', "%2C")),
            CookieChange::Remove => format!(
                "{}=deleted; expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0",
                self.name
            ),
        };
        if let (CookieChange::Set(_), Some(lifetime)) = (change, self.lifetime) {
            header.push_str(&format!("; Max-Age={}", lifetime.as_secs()));
        }
        header.push_str(&format!("; path={}", self.path));
        if let Some(domain) = &self.domain {
            header.push_str(&format!("; domain={domain}"));
        }
        if self.secure {
            header.push_str("; secure");
        }
        header.push_str(&format!("; HttpOnly; SameSite={}", self.same_site.as_str()));
        HeaderValue::from_str(&header).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tower::config::Config;

    fn read(cookies: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_static(cookie));
        }
        Config::default()
            .cookie
            .read(&headers)
            .map(|id| id.as_str().to_owned())
    }

    #[test]
    fn the_first_legal_cookie_of_the_name_counts() {
        assert_eq!(
            read(&["a=1; PHPSESSID=abc; PHPSESSID=def"]).as_deref(),
            Some("abc")
        );
        assert_eq!(read(&["a=1", "PHPSESSID=a%2Cb"]).as_deref(), Some("a,b"));
        for none in [
            "",
            "XPHPSESSID=abc",
            "PHPSESSIDX=abc",
            "PHPSESSID=a_b",
            "PHPSESSID=",
            "PHPSESSID[]=a",
            "PHPSESSID=%ff",
        ] {
            assert_eq!(read(&[none]), None, "{none}");
        }
    }

    #[test]
    fn cookies_are_written_as_php_does() {
        let cookie = Config::default().cookie;
        let id = SessionId::parse("a,b").unwrap();
        let set = cookie.write(&CookieChange::Set(id)).unwrap();
        assert_eq!(set, "PHPSESSID=a%2Cb; path=/; HttpOnly; SameSite=Lax");
        let removed = cookie.write(&CookieChange::Remove).unwrap();
        assert!(removed.to_str().unwrap().contains("Max-Age=0"));
        assert!(cookie.write(&CookieChange::Keep).is_none());
    }
}
