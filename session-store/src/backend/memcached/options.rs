//! Where the servers are and how the keys are named.

use std::time::Duration;

use super::placement::{DEFAULT_PORT, Distribution, ServerName};
use crate::backend::address::{Address, host_and_port};
use crate::{Error, ErrorKind, Preset, Result, StoreUrl};

/// What a [`MemcachedBackend`](super::MemcachedBackend) connects to.
///
/// # Examples
///
/// ```
/// use session_store::StoreUrl;
/// use session_store::backend::memcached::{Distribution, MemcachedOptions};
///
/// let url = "memcached://10.0.0.1,10.0.0.2:11212?distribution=ketama_weighted";
/// let options = MemcachedOptions::from_url(&StoreUrl::parse(url)?)?;
/// assert_eq!(options.servers.len(), 2);
/// assert_eq!(options.distribution, Distribution::KetamaWeighted);
/// let nobody = StoreUrl::parse("memcached://")?;
/// assert!(MemcachedOptions::from_url(&nobody).is_err());
/// # Ok::<(), session_store::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MemcachedOptions {
    /// The servers in the order of `session.save_path`; the order counts.
    pub servers: Vec<Server>,
    /// In front of every key: `memcached.sess_prefix`. Default:
    /// `memc.sess.key.`.
    pub prefix: String,
    /// Whether the prefix counts when keys are spread. It does for
    /// applications that put it in front of the keys themselves (Symfony,
    /// Laravel), not for PHP's session handler. Default: no.
    pub hash_prefix: bool,
    /// How keys are spread over the servers.
    pub distribution: Distribution,
    /// How long connecting and one command may take together. Default: 5 s.
    pub timeout: Duration,
    /// Connections to one server at the same time. Default: 64.
    pub max_connections: usize,
    /// Largest value that is read. Default: 16 MiB.
    pub max_value_bytes: usize,
}

/// One server.
#[derive(Debug, Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Server {
    /// Host name or address, written as in `session.save_path`: it decides
    /// where keys live.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Its share of the keys with [`Distribution::KetamaWeighted`].
    pub weight: u32,
}

impl Server {
    /// A server with weight 1.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            weight: 1,
        }
    }

    pub(super) fn placed(&self) -> ServerName {
        ServerName {
            host: self.host.clone(),
            port: self.port,
            weight: self.weight,
        }
    }

    /// Kind and address, for errors.
    pub(super) fn label(&self) -> String {
        format!("memcached at {}:{}", self.host, self.port)
    }
}

impl MemcachedOptions {
    /// The defaults for some servers.
    #[must_use]
    pub fn new(servers: Vec<Server>) -> Self {
        Self {
            servers,
            prefix: "memc.sess.key.".to_owned(),
            hash_prefix: false,
            distribution: Distribution::default(),
            timeout: Duration::from_secs(5),
            max_connections: 64,
            max_value_bytes: 16 << 20,
        }
    }

    /// Reads a store URL: `memcached://host[:port[:weight]],…` with
    /// `?prefix=` and `?distribution=ketama|ketama_weighted|modula` besides
    /// what every URL takes; the preset sets the prefix of that handler's
    /// keys (Laravel's depends on the application, so it needs `prefix` too).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] naming the part that is wrong.
    pub fn from_url(url: &StoreUrl) -> Result<Self> {
        url.allow(&["prefix", "distribution"])?;
        let address = Address::of(url)?;
        if !address.path.is_empty() || address.user.is_some() {
            return Err(url.config("memcached has neither paths nor users"));
        }
        let servers: Option<Vec<_>> = address.hosts.iter().map(|host| server(host)).collect();
        let servers = servers.ok_or_else(|| url.config("it names no valid host"))?;
        let mut options = Self::new(servers);
        options.timeout = url.options().timeout;
        options.hash_prefix = url.preset().is_some_and(|preset| preset != Preset::Php);
        if let Some(Preset::Symfony | Preset::Drupal) = url.preset() {
            "sf2s".clone_into(&mut options.prefix);
        }
        if let Some(prefix) = url.param("prefix") {
            prefix.clone_into(&mut options.prefix);
        }
        options.distribution = match url.param("distribution") {
            None | Some("ketama") => Distribution::Ketama,
            Some("ketama_weighted") => Distribution::KetamaWeighted,
            Some("modula") => Distribution::Modula,
            Some(_) => {
                return Err(url.config("distribution is none of ketama, ketama_weighted, modula"));
            }
        };
        options.check()?;
        Ok(options)
    }

    /// Checks what the types allow but memcached does not.
    pub(super) fn check(&self) -> Result<()> {
        if self.servers.is_empty() {
            return Err(config("there is no server"));
        }
        if self.servers.iter().any(|server| server.weight == 0) {
            return Err(config("a weight is zero"));
        }
        if !self.prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(config("the prefix has blanks or control characters"));
        }
        if self.timeout.is_zero() || self.max_connections == 0 {
            return Err(config("a limit is zero"));
        }
        Ok(())
    }

    /// Kind and addresses.
    pub(super) fn name(&self) -> String {
        let servers: Vec<_> = self
            .servers
            .iter()
            .map(|server| format!("{}:{}", server.host, server.port))
            .collect();
        format!("memcached at {}", servers.join(","))
    }
}

/// `host`, `host:port` or, as in PHP, `host:port:weight`.
fn server(text: &str) -> Option<Server> {
    let weighted = text
        .rsplit_once(':')
        .filter(|(rest, _)| rest.contains(':') && !rest.starts_with('['));
    let (address, weight) = match weighted {
        Some((address, weight)) => (address, weight.parse().ok()?),
        None => (text, 1),
    };
    let (host, port) = host_and_port(address, DEFAULT_PORT)?;
    Some(Server { host, port, weight })
}

fn config(what: &'static str) -> Error {
    Error::new(ErrorKind::Config, "memcached", "use the options").with_source(what)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn options(url: &str) -> Result<MemcachedOptions> {
        MemcachedOptions::from_url(&StoreUrl::parse(url).unwrap())
    }

    #[test]
    fn servers_have_ports_and_weights() {
        let options = options("memcached://a,b:2,c:3:4").unwrap();
        let found: Vec<_> = options
            .servers
            .iter()
            .map(|server| (server.host.as_str(), server.port, server.weight))
            .collect();
        assert_eq!(found, [("a", 11211, 1), ("b", 2, 1), ("c", 3, 4)]);
        assert_eq!(options.name(), "memcached at a:11211,b:2,c:3");
    }

    #[test]
    fn mistakes_are_named() {
        for (url, part) in [
            ("memcached://", "no server"),
            ("memcached://a:b", "host"),
            ("memcached://a:1:0", "zero"),
            ("memcached://a/x", "paths"),
            ("memcached://a?distribution=x", "ketama"),
            ("memcached://a?prefix=a%20b", "blanks"),
            ("memcached://a?colour=red", "colour"),
        ] {
            let error = options(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let source = error.source().unwrap().to_string();
            assert!(source.contains(part), "{url}: {source}");
        }
    }
}
