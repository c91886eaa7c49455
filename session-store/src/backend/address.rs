//! The shape that store URLs share: `scheme://user:password@hosts/path?name=value`.

use crate::{Error, ErrorKind, Result};

/// The parts of a store URL that names servers.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Address {
    pub(super) scheme: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// As written, without the default port.
    pub(super) hosts: Vec<String>,
    /// Without the slash in front.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
}

impl Address {
    /// Splits `url`; the error names `backend` and what is wrong.
    pub(super) fn parse(url: &str, backend: &'static str) -> Result<Self> {
        let refuse = |what: String| Error::new(ErrorKind::Config, backend, what);
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| refuse("use a store URL without `://`".into()))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let decode = |text: &str| {
            percent_decode(text).ok_or_else(|| refuse("use a store URL with a broken `%`".into()))
        };
        let given = |text: &str| -> Result<Option<String>> {
            let text = decode(text)?;
            Ok((!text.is_empty()).then_some(text))
        };
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self {
            scheme: scheme.to_owned(),
            user: given(user)?,
            password: given(password)?,
            hosts: hosts
                .split(',')
                .filter(|host| !host.is_empty())
                .map(str::to_owned)
                .collect(),
            path: decode(path)?,
            query: pairs,
        })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; `None` for a port that is none.
pub(super) fn host_and_port(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?,
        None => match text.find(':') {
            Some(colon) => text.split_at(colon),
            None => (text, ""),
        },
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if port.is_empty() => default,
        None => return None,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_found() {
        let url = "redis+sentinel://u:p%40ss@a:1,[::1]:2,c/name?prefix=x%3A&empty";
        let address = Address::parse(url, "redis").unwrap();
        assert_eq!(address.scheme, "redis+sentinel");
        assert_eq!(address.user.as_deref(), Some("u"));
        assert_eq!(address.password.as_deref(), Some("p@ss"));
        assert_eq!(address.hosts, ["a:1", "[::1]:2", "c"]);
        assert_eq!(address.path, "name");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(address.query, [pair("prefix", "x:"), pair("empty", "")]);
    }

    #[test]
    fn hosts_have_ports_or_the_default() {
        let parsed = |text| host_and_port(text, 6379);
        assert_eq!(parsed("a"), Some(("a".into(), 6379)));
        assert_eq!(parsed("a:1"), Some(("a".into(), 1)));
        assert_eq!(parsed("[::1]"), Some(("::1".into(), 6379)));
        assert_eq!(parsed("[::1]:7"), Some(("::1".into(), 7)));
        for wrong in ["", ":1", "a:b", "a:70000", "[::1", "[::1]x"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn broken_urls_are_configuration_errors() {
        for wrong in ["redis:a", "redis://a?x=%zz", "redis://%@a"] {
            let error = Address::parse(wrong, "redis")
                .err()
                .map(|error| error.kind());
            assert_eq!(error, Some(ErrorKind::Config), "{wrong}");
        }
    }
}
