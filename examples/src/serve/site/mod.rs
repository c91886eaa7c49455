//! The sites that are served: document roots by host name, and how a request
//! path leads to a script or a file in one.

mod names;
mod path;
mod resolve;
mod root;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use path::{BadPath, CleanPath};
pub(crate) use resolve::{Script, Target, resolve};
pub(crate) use root::{Found, Root, Symlinks};

/// One site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) root: Root,
    /// The path below the root of the script that gets what is no file;
    /// starts with `/`.
    pub(crate) front_controller: Option<String>,
    /// Paths that are never shown, with all below them; each starts with `/`
    /// and ends without.
    pub(crate) denied: Arc<[String]>,
}

impl Site {
    /// Whether `--deny` forbids `path`.
    fn denies(&self, path: &str) -> bool {
        self.denied.iter().any(|denied| {
            path.strip_prefix(&**denied)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// All sites of this server.
#[derive(Debug)]
pub(crate) struct Sites {
    /// For the hosts that have no site of their own.
    pub(crate) default: Option<Site>,
    /// By lower-case host name without port.
    pub(crate) by_host: HashMap<String, Site>,
}

impl Sites {
    /// The site for `host`, which may carry a port and any case.
    pub(crate) fn find(&self, host: Option<&str>) -> Option<&Site> {
        let named = host
            .filter(|_| !self.by_host.is_empty())
            .and_then(|host| self.by_host.get(&bare_host(host).to_ascii_lowercase()));
        named.or(self.default.as_ref())
    }
}

/// The host without its port and without the dot of an absolute name.
pub(crate) fn bare_host(host: &str) -> &str {
    let without_port = match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    };
    without_port.strip_suffix('.').unwrap_or(without_port)
}
