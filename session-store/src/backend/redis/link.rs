//! The connection: made when it is needed, shared by all requests, made anew
//! when it breaks or leads to a server that is no longer the primary.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo, Pipeline, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo,
    RedisFuture, RedisResult, Value,
};
use tokio::sync::Mutex;

use super::options::{RedisOptions, Topology};

/// Whom to trust, for connections that are encrypted.
#[cfg(feature = "redis-tls")]
pub(super) type Certificates = Option<redis::TlsCertificates>;
#[cfg(not(feature = "redis-tls"))]
pub(super) type Certificates = Option<std::convert::Infallible>;

/// Where connections come from, and the one in use.
pub(super) struct Links {
    source: Source,
    timeout: Duration,
    current: Mutex<Option<Link>>,
}

enum Source {
    Single(Box<Client>),
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

/// A connection that many requests use at the same time.
#[derive(Clone)]
pub(super) struct Link {
    connection: Connection,
    end: End,
}

/// Whether a connection is of no further use.
#[derive(Clone, Default)]
pub(super) struct End(Arc<AtomicBool>);

impl End {
    /// Has the next request make a new connection.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Clone)]
enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Links {
    pub(super) fn new(options: &RedisOptions, certificates: Certificates) -> RedisResult<Self> {
        let source = match &options.topology {
            Topology::Single(host, port) => {
                let info = info(address(host, *port, options), options)?;
                Source::Single(Box::new(client(info, certificates)?))
            }
            Topology::Unix(path) => {
                let addr = ConnectionAddr::Unix(path.clone());
                Source::Single(Box::new(Client::open(info(addr, options)?)?))
            }
            Topology::Sentinel { sentinels, name } => {
                let client = sentinel(sentinels, name, options, certificates)?;
                Source::Sentinel(Box::new(Mutex::new(client)))
            }
            Topology::Cluster(nodes) => {
                Source::Cluster(Box::new(cluster(nodes, options, certificates)?))
            }
        };
        Ok(Self {
            source,
            timeout: options.timeout,
            current: Mutex::new(None),
        })
    }

    /// The connection in use, or a new one.
    pub(super) async fn get(&self) -> RedisResult<Link> {
        let mut current = self.current.lock().await;
        if let Some(link) = current.as_ref().filter(|link| !link.end.is_set()) {
            return Ok(link.clone());
        }
        // Boxed: it happens seldom and is much larger than what happens often.
        let link = Box::pin(self.connect()).await?;
        *current = Some(link.clone());
        Ok(link)
    }

    async fn connect(&self) -> RedisResult<Link> {
        let end = End::default();
        let connection = match &self.source {
            Source::Single(client) => {
                let config = self.config(&end);
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Connection::Server(connection.await?)
            }
            Source::Sentinel(client) => {
                let client = &mut *client.lock().await;
                Connection::Server(self.primary(client, &self.config(&end)).await?)
            }
            Source::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        };
        Ok(Link { connection, end })
    }

    /// Asks the Sentinels; while they promote a replica there is no primary,
    /// so it asks again for half of the time there is.
    async fn primary(
        &self,
        client: &mut SentinelClient,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let give_up = Instant::now() + self.timeout / 2;
        loop {
            match client.get_async_connection_with_config(config).await {
                Err(error)
                    if error.kind() == ErrorKind::MasterNameNotFoundBySentinel
                        && Instant::now() < give_up =>
                {
                    tokio::time::sleep(PROMOTION_PAUSE).await;
                }
                other => return other,
            }
        }
    }

    fn config(&self, end: &End) -> AsyncConnectionConfig {
        let end = end.clone();
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            // `RedisBackend::run` bounds every exchange already.
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    end.set();
                }
                Ok::<_, redis::aio::SendError>(())
            })
    }
}

impl Link {
    /// To tell that this connection failed.
    pub(super) fn end(&self) -> End {
        self.end.clone()
    }

    /// The connection to a Cluster, if it is one.
    pub(super) fn as_cluster(&mut self) -> Option<&mut ClusterConnection> {
        match &mut self.connection {
            Connection::Server(_) => None,
            Connection::Cluster(connection) => Some(connection),
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match &mut self.connection {
            Connection::Server(connection) => connection.req_packed_command(cmd),
            Connection::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.connection {
            Connection::Server(connection) => {
                connection.req_packed_commands(pipeline, offset, count)
            }
            Connection::Cluster(connection) => {
                connection.req_packed_commands(pipeline, offset, count)
            }
        }
    }

    fn get_db(&self) -> i64 {
        match &self.connection {
            Connection::Server(connection) => connection.get_db(),
            Connection::Cluster(connection) => connection.get_db(),
        }
    }
}

fn settings(options: &RedisOptions) -> RedisConnectionInfo {
    // The third version tells at once when the server closes the connection.
    let mut settings = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(options.database);
    if let Some(user) = &options.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &options.password {
        settings = settings.set_password(password);
    }
    settings
}

fn info(addr: ConnectionAddr, options: &RedisOptions) -> RedisResult<ConnectionInfo> {
    let info = addr.into_connection_info()?;
    Ok(info.set_redis_settings(settings(options)))
}

fn address(host: &str, port: u16, options: &RedisOptions) -> ConnectionAddr {
    let host = host.to_owned();
    if options.tls.is_none() {
        return ConnectionAddr::Tcp(host, port);
    }
    ConnectionAddr::TcpTls {
        host,
        port,
        insecure: false,
        tls_params: None,
    }
}

fn client(info: ConnectionInfo, certificates: Certificates) -> RedisResult<Client> {
    #[cfg(feature = "redis-tls")]
    if let Some(certificates) = certificates {
        return Client::build_with_tls(info, certificates);
    }
    let _ = certificates;
    Client::open(info)
}

fn sentinel(
    sentinels: &[(String, u16)],
    name: &str,
    options: &RedisOptions,
    certificates: Certificates,
) -> RedisResult<SentinelClient> {
    let sentinels = sentinels
        .iter()
        .map(|(host, port)| address(host, *port, options));
    let mut builder = SentinelClientBuilder::new(sentinels, name, SentinelServerType::Master)?
        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
        .set_client_to_redis_db(options.database);
    if let Some(user) = &options.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &options.password {
        builder = builder.set_client_to_redis_password(password);
    }
    #[cfg(feature = "redis-tls")]
    if let Some(certificates) = certificates {
        return builder
            .set_client_to_redis_tls_mode(redis::TlsMode::Secure)
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates)
            .build();
    }
    let _ = certificates;
    builder.build()
}

fn cluster(
    nodes: &[(String, u16)],
    options: &RedisOptions,
    certificates: Certificates,
) -> RedisResult<ClusterClient> {
    let nodes = nodes
        .iter()
        .map(|(host, port)| address(host, *port, options));
    let mut builder = ClusterClient::builder(nodes)
        .connection_timeout(options.timeout)
        .response_timeout(options.timeout)
        .overall_response_timeout(Some(options.timeout));
    if let Some(user) = &options.user {
        builder = builder.username(user);
    }
    if let Some(password) = &options.password {
        builder = builder.password(password);
    }
    #[cfg(feature = "redis-tls")]
    if let Some(certificates) = certificates {
        return builder.certs(certificates).build();
    }
    let _ = certificates;
    builder.build()
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").finish_non_exhaustive()
    }
}

const PROMOTION_PAUSE: Duration = Duration::from_millis(50);
