//! The authority of store URLs that name servers:
//! `//user:password@hosts/path`.

use crate::{Result, StoreUrl};

/// The parts of a store URL in front of its parameters.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Address {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// As written, without the default port.
    pub(super) hosts: Vec<String>,
    /// Without the slash in front.
    pub(super) path: String,
}

impl Address {
    /// Splits what stands behind the scheme.
    pub(super) fn of(url: &StoreUrl) -> Result<Self> {
        let rest = url.rest().strip_prefix("//").unwrap_or_else(|| url.rest());
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let given = |text: &str| -> Result<Option<String>> {
            let text = url.decode(text)?;
            Ok((!text.is_empty()).then_some(text))
        };
        Ok(Self {
            user: given(user)?,
            password: given(password)?,
            hosts: hosts
                .split(',')
                .filter(|host| !host.is_empty())
                .map(str::to_owned)
                .collect(),
            path: url.decode(path)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_found() {
        let url = StoreUrl::parse("redis+sentinel://u:p%40ss@a:1,[::1]:2,c/name?x=y").unwrap();
        let address = Address::of(&url).unwrap();
        assert_eq!(address.user.as_deref(), Some("u"));
        assert_eq!(address.password.as_deref(), Some("p@ss"));
        assert_eq!(address.hosts, ["a:1", "[::1]:2", "c"]);
        assert_eq!(address.path, "name");
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
}
