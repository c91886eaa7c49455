//! Names of items, and the servers they live on.

use super::options::MemcachedOptions;
use super::placement::Placement;
use crate::SessionId;

/// How a session's items are called and spread.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
    hash_prefix: bool,
    placement: Placement,
}

/// One item: its name and the index of its server.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) server: usize,
}

impl Keys {
    pub(super) fn new(options: &MemcachedOptions) -> Self {
        let servers: Vec<_> = options
            .servers
            .iter()
            .map(|server| server.placed())
            .collect();
        Self {
            prefix: options.prefix.clone(),
            hash_prefix: options.hash_prefix,
            placement: Placement::new(options.distribution, &servers),
        }
    }

    /// The session's item; `None` if its lock's name would be too long.
    pub(super) fn session(&self, id: &SessionId) -> Option<Item> {
        self.item(id.as_str(), "lock.".len())
    }

    /// The lock's item, often on another server.
    pub(super) fn lock(&self, id: &SessionId) -> Option<Item> {
        self.item(&format!("lock.{}", id.as_str()), 0)
    }

    fn item(&self, name: &str, reserve: usize) -> Option<Item> {
        let key = format!("{}{name}", self.prefix);
        let hashed = if self.hash_prefix { &key } else { name };
        let server = self.placement.server(hashed.as_bytes());
        (key.len() + reserve <= MAX_KEY).then_some(Item { key, server })
    }
}

/// memcached's limit of a key.
pub(super) const MAX_KEY: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_php_memcacheds() {
        let url = crate::StoreUrl::parse("memcached://a").unwrap();
        let options = MemcachedOptions::from_url(&url).unwrap();
        let keys = Keys::new(&options);
        let id = SessionId::parse("abc").unwrap();
        assert_eq!(keys.session(&id).unwrap().key, "memc.sess.key.abc");
        assert_eq!(keys.lock(&id).unwrap().key, "memc.sess.key.lock.abc");
        let longest = SessionId::parse(&"a".repeat(231)).unwrap();
        assert_eq!(keys.lock(&longest).unwrap().key.len(), MAX_KEY);
        let too_long = SessionId::parse(&"a".repeat(232)).unwrap();
        assert_eq!(
            (keys.session(&too_long), keys.lock(&too_long)),
            (None, None)
        );
    }
}
