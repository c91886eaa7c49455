//! Where the servers are and how the keys are named.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::backend::address::{Address, host_and_port};
use crate::{Error, ErrorKind, Result};

/// What a [`RedisBackend`](super::RedisBackend) connects to.
///
/// # Examples
///
/// ```
/// use session_store::backend::redis::RedisOptions;
///
/// let options = RedisOptions::from_url("redis://127.0.0.1/2?prefix=shop:")?;
/// assert_eq!((options.database, options.prefix.as_str()), (2, "shop:"));
/// assert!(RedisOptions::from_url("redis://127.0.0.1/two").is_err());
/// # Ok::<(), session_store::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisOptions {
    /// Which servers there are.
    pub topology: Topology,
    /// In front of every key. Default: phpredis' `PHPREDIS_SESSION:`, on a
    /// Cluster `PHPREDIS_CLUSTER_SESSION:`.
    pub prefix: String,
    /// The number of the database; a Cluster has only 0.
    pub database: i64,
    /// The ACL user, if not the default one.
    pub user: Option<String>,
    /// The password, if there is one.
    pub password: Option<String>,
    /// How long connecting and one command may take together. Default: 5 s.
    pub timeout: Duration,
}

/// The kinds of set-ups.
#[derive(Debug, Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Topology {
    /// One server at a TCP port.
    Single(String, u16),
    /// One server at a Unix socket.
    Unix(PathBuf),
    /// The primary that Sentinels know under a name.
    Sentinel {
        /// Hosts and ports of the Sentinels.
        sentinels: Vec<(String, u16)>,
        /// The name of the primary, `mymaster` in Sentinel's own examples.
        name: String,
    },
    /// A Cluster, of which some nodes are known.
    Cluster(Vec<(String, u16)>),
}

impl RedisOptions {
    /// The defaults for a set-up.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        let prefix = match topology {
            Topology::Cluster(_) => "PHPREDIS_CLUSTER_SESSION:",
            Topology::Single(..) | Topology::Unix(_) | Topology::Sentinel { .. } => {
                "PHPREDIS_SESSION:"
            }
        };
        Self {
            topology,
            prefix: prefix.to_owned(),
            database: 0,
            user: None,
            password: None,
            timeout: Duration::from_secs(5),
        }
    }

    /// Reads a store URL.
    ///
    /// - `redis://[user:password@]host[:port][/database]`
    /// - `redis+unix:///path/of/socket[?database=N]`
    /// - `redis+sentinel://[user:password@]host[:port],…/name[/database]`
    /// - `redis+cluster://[user:password@]host[:port],…`
    ///
    /// with `?prefix=`, `?timeout=` (seconds), `?database=` and
    /// `?preset=php|symfony|laravel|drupal` (the prefix of that handler's
    /// keys; Laravel's depends on the application, so it needs `prefix` too).
    /// `valkey` may stand for `redis`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] naming the part that is wrong.
    pub fn from_url(url: &str) -> Result<Self> {
        let address = Address::parse(url, "redis")?;
        let mut options = Self::new(topology(&address)?);
        options.user.clone_from(&address.user);
        options.password.clone_from(&address.password);
        let database = match &options.topology {
            Topology::Single(..) => Some(address.path.as_str()),
            Topology::Sentinel { .. } => address.path.split_once('/').map(|(_, number)| number),
            Topology::Unix(_) | Topology::Cluster(_) => None,
        };
        if let Some(number) = database.filter(|number| !number.is_empty()) {
            options.database = parse(number, "use that database")?;
        }
        for (name, value) in &address.query {
            options.set(name, value)?;
        }
        options.check()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "prefix" => value.clone_into(&mut self.prefix),
            "database" => self.database = parse(value, "use that database")?,
            "timeout" => {
                let seconds: f64 = parse(value, "use that timeout")?;
                self.timeout = Duration::try_from_secs_f64(seconds)
                    .map_err(|error| config("use that timeout").with_source(error))?;
            }
            "name" if matches!(self.topology, Topology::Sentinel { .. }) => {
                if let Topology::Sentinel { name, .. } = &mut self.topology {
                    value.clone_into(name);
                }
            }
            "preset" => match value {
                "php" | "laravel" => {}
                "symfony" | "drupal" => "sf_s".clone_into(&mut self.prefix),
                _ => return Err(config(format!("use the preset `{value}`"))),
            },
            _ => return Err(config(format!("use the URL parameter `{name}`"))),
        }
        Ok(())
    }

    /// Checks what the types allow but Redis or phpredis does not.
    pub(super) fn check(&self) -> Result<()> {
        if let Topology::Cluster(_) = self.topology {
            if self.prefix.contains(['{', '}']) {
                return Err(config("use a prefix with braces on a cluster"));
            }
            if self.database != 0 {
                return Err(config("use a database other than 0 on a cluster"));
            }
        }
        if self.timeout.is_zero() {
            return Err(config("use a timeout of zero"));
        }
        Ok(())
    }

    /// Kind and address, without secrets.
    pub(super) fn name(&self) -> String {
        let list = |nodes: &[(String, u16)]| {
            let nodes: Vec<_> = nodes
                .iter()
                .map(|(host, port)| format!("{host}:{port}"))
                .collect();
            nodes.join(",")
        };
        match &self.topology {
            Topology::Single(host, port) => format!("redis at {host}:{port}"),
            Topology::Unix(path) => format!("redis at {}", path.display()),
            Topology::Sentinel { sentinels, name } => {
                format!("redis `{name}` known to sentinels at {}", list(sentinels))
            }
            Topology::Cluster(nodes) => format!("redis cluster at {}", list(nodes)),
        }
    }
}

fn topology(address: &Address) -> Result<Topology> {
    let nodes = |default| -> Result<Vec<(String, u16)>> {
        let nodes: Option<Vec<_>> = address
            .hosts
            .iter()
            .map(|host| host_and_port(host, default))
            .collect();
        nodes
            .filter(|nodes| !nodes.is_empty())
            .ok_or_else(|| config("use a URL without valid hosts"))
    };
    let scheme = address.scheme.replace("valkey", "redis");
    match scheme.as_str() {
        "redis" => match nodes(REDIS_PORT)?.as_slice() {
            [(host, port)] => Ok(Topology::Single(host.clone(), *port)),
            _ => Err(config(
                "use several hosts with `redis://` (see `redis+sentinel://` and `redis+cluster://`)",
            )),
        },
        "redis+unix" => Ok(Topology::Unix(PathBuf::from(format!("/{}", address.path)))),
        "redis+cluster" => Ok(Topology::Cluster(nodes(REDIS_PORT)?)),
        "redis+sentinel" => {
            let name = address.path.split('/').next().unwrap_or_default();
            let name = if name.is_empty() { "mymaster" } else { name };
            Ok(Topology::Sentinel {
                sentinels: nodes(SENTINEL_PORT)?,
                name: name.to_owned(),
            })
        }
        other => Err(config(format!("use the URL scheme `{other}`"))),
    }
}

fn parse<T: std::str::FromStr>(text: &str, action: &'static str) -> Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse()
        .map_err(|error: T::Err| config(action).with_source(error))
}

fn config(action: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, "redis", action)
}

/// The password is not shown.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("topology", &self.topology)
            .field("prefix", &self.prefix)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("timeout", &self.timeout)
            .finish()
    }
}

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topology_has_a_url() {
        let topology = |url: &str| RedisOptions::from_url(url).unwrap().topology;
        let node = |host: &str, port| (host.to_owned(), port);
        assert_eq!(topology("redis://h"), Topology::Single("h".into(), 6379));
        assert_eq!(
            topology("valkey+unix:///run/redis.sock"),
            Topology::Unix("/run/redis.sock".into())
        );
        assert_eq!(
            topology("redis+cluster://a:1,b:2"),
            Topology::Cluster(vec![node("a", 1), node("b", 2)])
        );
        let sentinel = |name: &str| Topology::Sentinel {
            sentinels: vec![node("a", 26379), node("b", 2)],
            name: name.into(),
        };
        assert_eq!(topology("redis+sentinel://a,b:2"), sentinel("mymaster"));
        assert_eq!(topology("redis+sentinel://a,b:2/shop/3"), sentinel("shop"));
        assert_eq!(topology("redis+sentinel://a,b:2?name=x"), sentinel("x"));
    }

    #[test]
    fn parameters_are_read() {
        let url = "redis://u:secret@h:1/4?timeout=0.5&preset=symfony";
        let options = RedisOptions::from_url(url).unwrap();
        assert_eq!(options.database, 4);
        assert_eq!(options.prefix, "sf_s");
        assert_eq!(options.timeout, Duration::from_millis(500));
        assert_eq!(options.password.as_deref(), Some("secret"));
        assert!(!format!("{options:?}").contains("secret"));
        assert!(!options.name().contains("secret"));
    }

    #[test]
    fn mistakes_are_named() {
        for (url, part) in [
            ("redis://a,b", "several hosts"),
            ("redis://h/x", "database"),
            ("redis://h?colour=red", "`colour`"),
            ("redis://h?preset=x", "`x`"),
            ("redis://", "hosts"),
            ("redis+ring://h", "`redis+ring`"),
            ("redis+cluster://h?prefix={a}", "braces"),
            ("redis://h?timeout=0", "zero"),
        ] {
            let error = RedisOptions::from_url(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(part), "{url}: {error}");
        }
    }
}
