//! All sites of this server, by host name.

use std::collections::HashMap;

use fpm_pool::http::PhpSite;

use super::files::Files;
use super::php::Backend;

/// One site.
pub(crate) type Site = PhpSite<Backend, Files>;

/// All sites of this server.
#[derive(Debug)]
pub(crate) struct Sites {
    /// For the hosts that have no site of their own.
    pub(crate) default: Option<Site>,
    /// By lower-case host name without port.
    pub(crate) by_host: HashMap<String, Site>,
}

impl Sites {
    /// The site for `host`, which may be in any case.
    pub(crate) fn find(&self, host: Option<&str>) -> Option<&Site> {
        let named = host
            .filter(|_| !self.by_host.is_empty())
            .and_then(|host| self.by_host.get(&host.to_ascii_lowercase()));
        named.or(self.default.as_ref())
    }
}
