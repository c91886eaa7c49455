//! Where the servers are and how the keys are named.

use std::time::Duration;

use super::placement::{DEFAULT_PORT, Distribution, ServerName};
use crate::backend::address::{Address, host_and_port};
use crate::{Error, ErrorKind, Result};

/// What a [`MemcachedBackend`](super::MemcachedBackend) connects to.
///
/// # Examples
///
/// ```
/// use session_store::backend::memcached::{Distribution, MemcachedOptions};
///
/// let url = "memcached://10.0.0.1,10.0.0.2:11212?distribution=ketama_weighted";
/// let options = MemcachedOptions::from_url(url)?;
/// assert_eq!(options.servers.len(), 2);
/// assert_eq!(options.distribution, Distribution::KetamaWeighted);
/// assert!(MemcachedOptions::from_url("memcached://").is_err());
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
            distribution: Distribution::default(),
            timeout: Duration::from_secs(5),
            max_connections: 64,
            max_value_bytes: 16 << 20,
        }
    }

    /// Reads a store URL: `memcached://host[:port[:weight]],…` with
    /// `?prefix=`, `?distribution=ketama|ketama_weighted|modula`, `?timeout=`
    /// (seconds) and `?preset=php|symfony|laravel|drupal` (the prefix of that
    /// handler's keys; Laravel's depends on the application, so it needs
    /// `prefix` too).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] naming the part that is wrong.
    pub fn from_url(url: &str) -> Result<Self> {
        let address = Address::parse(url, "memcached")?;
        if address.scheme != "memcached" {
            return Err(config(format!("use the URL scheme `{}`", address.scheme)));
        }
        if !address.path.is_empty() || address.user.is_some() {
            return Err(config("use a URL with a path or a user"));
        }
        let servers: Option<Vec<_>> = address.hosts.iter().map(|host| server(host)).collect();
        let servers = servers.ok_or_else(|| config("use a URL without valid hosts"))?;
        let mut options = Self::new(servers);
        for (name, value) in &address.query {
            options.set(name, value)?;
        }
        options.check()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match (name, value) {
            ("prefix", prefix) => prefix.clone_into(&mut self.prefix),
            ("preset", "php" | "laravel") => {}
            ("preset", "symfony" | "drupal") => "sf2s".clone_into(&mut self.prefix),
            ("distribution", "ketama") => self.distribution = Distribution::Ketama,
            ("distribution", "ketama_weighted") => {
                self.distribution = Distribution::KetamaWeighted;
            }
            ("distribution", "modula") => self.distribution = Distribution::Modula,
            ("timeout", seconds) => {
                let seconds = seconds.parse().unwrap_or(f64::NAN);
                self.timeout = Duration::try_from_secs_f64(seconds)
                    .map_err(|error| config("use that timeout").with_source(error))?;
            }
            ("preset" | "distribution", other) => {
                return Err(config(format!("use the {name} `{other}`")));
            }
            _ => return Err(config(format!("use the URL parameter `{name}`"))),
        }
        Ok(())
    }

    /// Checks what the types allow but memcached does not.
    pub(super) fn check(&self) -> Result<()> {
        if self.servers.is_empty() {
            return Err(config("use no server"));
        }
        if self.servers.iter().any(|server| server.weight == 0) {
            return Err(config("use a weight of zero"));
        }
        if !self.prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(config("use a prefix with blanks or control characters"));
        }
        if self.timeout.is_zero() || self.max_connections == 0 {
            return Err(config("use a limit of zero"));
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

fn config(action: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, "memcached", action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_ports_and_weights() {
        let options = MemcachedOptions::from_url("memcached://a,b:2,c:3:4").unwrap();
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
            ("memcached://a:b", "hosts"),
            ("memcached://a:1:0", "zero"),
            ("memcached://a/x", "path"),
            ("memcache://a", "`memcache`"),
            ("memcached://a?distribution=x", "`x`"),
            ("memcached://a?prefix=a%20b", "blanks"),
            ("memcached://a?timeout=soon", "timeout"),
            ("memcached://a?colour=red", "`colour`"),
        ] {
            let error = MemcachedOptions::from_url(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(part), "{url}: {error}");
        }
    }
}
