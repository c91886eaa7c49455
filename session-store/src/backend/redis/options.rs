//! Where the servers are and how the keys are named.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::backend::address::{Address, host_and_port};
use crate::{Error, ErrorKind, Preset, Result, StoreUrl};

/// What a [`RedisBackend`](super::RedisBackend) connects to.
///
/// # Examples
///
/// ```
/// use session_store::StoreUrl;
/// use session_store::backend::redis::RedisOptions;
///
/// let url = StoreUrl::parse("redis://127.0.0.1/2?prefix=shop:")?;
/// let options = RedisOptions::from_url(&url)?;
/// assert_eq!((options.database, options.prefix.as_str()), (2, "shop:"));
///
/// let wrong = StoreUrl::parse("redis://127.0.0.1/two")?;
/// assert!(RedisOptions::from_url(&wrong).is_err());
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
    /// Encrypts the traffic, to Sentinels too; `None` for plain TCP.
    pub tls: Option<TlsOptions>,
    /// How long connecting and one command may take together. Default: 5 s.
    pub timeout: Duration,
}

/// How servers prove who they are, and this side does (feature `redis-tls`).
///
/// The files are read when the backend is made. A server's certificate must
/// name the host as it was given; behind Sentinel and in a Cluster that is
/// the address that the others announce.
#[derive(Debug, Clone, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsOptions {
    /// A PEM file with the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// A PEM file with the certificate to show to servers that ask for one.
    pub certificate: Option<PathBuf>,
    /// The PEM file with its key.
    pub key: Option<PathBuf>,
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
            tls: None,
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
    /// - the same with `rediss` for TLS, and then `?cacert=`, `?cert=` and
    ///   `?key=`, the files of [`TlsOptions`]
    ///
    /// with `?prefix=` and `?database=` besides what every URL takes; the
    /// preset sets the prefix of that handler's keys (Laravel's depends on
    /// the application, so it needs `prefix` too). `valkey` may stand for
    /// `redis`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] naming the part that is wrong.
    pub fn from_url(url: &StoreUrl) -> Result<Self> {
        let address = Address::of(url)?;
        let mut options = Self::new(topology(url, &address)?);
        options.user = address.user;
        options.password = address.password;
        options.timeout = url.options().timeout;
        options.tls = is_encrypted(url.scheme()).then(TlsOptions::default);
        if let Some(Preset::Symfony | Preset::Drupal) = url.preset() {
            "sf_s".clone_into(&mut options.prefix);
        }
        let database = match &options.topology {
            Topology::Single(..) => Some(address.path.as_str()),
            Topology::Sentinel { .. } => address.path.split_once('/').map(|(_, number)| number),
            Topology::Unix(_) | Topology::Cluster(_) => None,
        };
        if let Some(number) = database.filter(|number| !number.is_empty()) {
            let wrong = |_| url.config("the database is no number");
            options.database = number.parse().map_err(wrong)?;
        }
        options.set_parameters(url)?;
        options.check()?;
        Ok(options)
    }

    fn set_parameters(&mut self, url: &StoreUrl) -> Result<()> {
        let mut known = vec!["prefix", "database"];
        if let Some(prefix) = url.param("prefix") {
            prefix.clone_into(&mut self.prefix);
        }
        if let Some(number) = url.parsed("database")? {
            self.database = number;
        }
        if let Topology::Sentinel { name, .. } = &mut self.topology {
            known.push("name");
            if let Some(given) = url.param("name") {
                given.clone_into(name);
            }
        }
        if let Some(tls) = &mut self.tls {
            known.extend(["cacert", "cert", "key"]);
            let file = |name| url.param(name).map(PathBuf::from);
            (tls.ca, tls.certificate, tls.key) = (file("cacert"), file("cert"), file("key"));
        }
        url.allow(&known)
    }

    /// Checks what the types allow but Redis or phpredis does not.
    pub(super) fn check(&self) -> Result<()> {
        if let Topology::Cluster(_) = self.topology {
            if self.prefix.contains(['{', '}']) {
                return Err(config("a cluster takes no prefix with braces"));
            }
            if self.database != 0 {
                return Err(config("a cluster has no database but 0"));
            }
        }
        if self.tls.is_some() && cfg!(not(feature = "redis-tls")) {
            let unsupported = Error::new(ErrorKind::Unsupported, "redis", "use TLS");
            return Err(unsupported.with_source("its feature is off in this build"));
        }
        if self.timeout.is_zero() {
            return Err(config("the timeout is zero"));
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

fn topology(url: &StoreUrl, address: &Address) -> Result<Topology> {
    let nodes = |default| -> Result<Vec<(String, u16)>> {
        let nodes: Option<Vec<_>> = address
            .hosts
            .iter()
            .map(|host| host_and_port(host, default))
            .collect();
        nodes
            .filter(|nodes| !nodes.is_empty())
            .ok_or_else(|| url.config("it names no valid host"))
    };
    let scheme = url.scheme().replace("valkey", "redis");
    match scheme.replacen("rediss", "redis", 1).as_str() {
        "redis+unix" if is_encrypted(&scheme) => Err(url.config("a Unix socket needs no TLS")),
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
        "redis" => match nodes(REDIS_PORT)?.as_slice() {
            [(host, port)] => Ok(Topology::Single(host.clone(), *port)),
            _ => Err(url.config(
                "it names several hosts; write redis+sentinel:// or redis+cluster:// for them",
            )),
        },
        _ => Err(url.config("it is none of redis, redis+unix, redis+sentinel, redis+cluster")),
    }
}

/// `rediss`, `rediss+cluster`, `valkeys` and so on.
fn is_encrypted(scheme: &str) -> bool {
    let server = scheme.split('+').next().unwrap_or_default();
    matches!(server, "rediss" | "valkeys")
}

fn config(what: &'static str) -> Error {
    Error::new(ErrorKind::Config, "redis", "use the options").with_source(what)
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
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish()
    }
}

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn options(url: &str) -> Result<RedisOptions> {
        RedisOptions::from_url(&StoreUrl::parse(url).unwrap())
    }

    #[test]
    fn every_topology_has_a_url() {
        let topology = |url: &str| options(url).unwrap().topology;
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
    #[cfg(feature = "redis-tls")]
    fn every_topology_on_tcp_may_be_encrypted() {
        for url in [
            "rediss://h?cacert=/a&cert=/b&key=/c",
            "valkeys://h?cacert=/a&cert=/b&key=/c",
            "rediss+sentinel://h?cacert=/a&cert=/b&key=/c",
            "rediss+cluster://h?cacert=/a&cert=/b&key=/c",
        ] {
            let tls = options(url).unwrap().tls.unwrap();
            assert_eq!(tls.ca.as_deref(), Some("/a".as_ref()), "{url}");
            assert_eq!(tls.certificate.as_deref(), Some("/b".as_ref()));
            assert_eq!(tls.key.as_deref(), Some("/c".as_ref()));
        }
        assert_eq!(options("redis://h").unwrap().tls, None);
    }

    #[test]
    fn parameters_are_read() {
        let options = options("redis://u:secret@h:1/4?timeout=0.5&preset=symfony").unwrap();
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
            ("redis://h?colour=red", "colour"),
            ("redis://", "host"),
            ("redis+ring://h", "none of"),
            ("redis+cluster://h?prefix={a}", "braces"),
            ("redis+cluster://h?database=1", "database"),
            ("rediss+unix:///s", "TLS"),
            ("redis://h?cacert=/x", "cacert"),
        ] {
            let error = options(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let source = error.source().unwrap().to_string();
            assert!(source.contains(part), "{url}: {source}");
        }
    }
}
