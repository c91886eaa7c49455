//! Redis: one server, a Sentinel set with a replica, a Cluster of three.

use std::fs;
use std::process::Command;

use crate::{Peer, free_port, tool, wait_for_port, wait_until};

/// One `redis-server` that keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    /// The process.
    pub peer: Peer,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Redis {
    /// Starts a server on a free port.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(free_port(), &[])
    }

    /// Starts a server on `port` with further settings, such as
    /// `["--maxmemory", "2mb"]`.
    #[track_caller]
    #[must_use]
    pub fn start_with(port: u16, settings: &[&str]) -> Self {
        let folder = Peer::folder();
        let mut command = Command::new(tool("redis-server", "redis-server"));
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .args(settings);
        let peer = Peer::start(command, folder);
        wait_for_port(port);
        Self { peer, port }
    }

    /// What `redis-cli` prints for a command.
    #[track_caller]
    #[must_use]
    pub fn cli(&self, command: &[&str]) -> String {
        cli(self.port, command)
    }
}

/// A primary, its replica, and a Sentinel that promotes the replica when the
/// primary is gone for half a second.
#[derive(Debug)]
pub struct SentinelSet {
    /// The first primary; drop it for a failover.
    pub primary: Option<Redis>,
    /// The replica that takes over.
    pub replica: Redis,
    /// Sentinel itself.
    pub sentinel: Peer,
    /// Sentinel's port on 127.0.0.1.
    pub port: u16,
}

impl SentinelSet {
    /// The name under which Sentinel watches the primary.
    pub const NAME: &str = "sessions";

    /// Starts all three and returns once the replica is in step.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let primary = Redis::start();
        let of_primary = format!("127.0.0.1 {}", primary.port);
        let replica = Redis::start_with(
            free_port(),
            &[
                "--replicaof",
                &of_primary,
                "--repl-diskless-sync-delay",
                "0",
            ],
        );
        let (sentinel, port) = start_sentinel(primary.port);
        wait_until("the replica is in step and known", || {
            replica
                .cli(&["INFO", "replication"])
                .contains("master_link_status:up")
                && cli(port, &["SENTINEL", "replicas", Self::NAME]).contains("slave")
        });
        Self {
            primary: Some(primary),
            replica,
            sentinel,
            port,
        }
    }

    /// Kills the primary and returns once the replica takes writes.
    #[track_caller]
    pub fn fail_over(&mut self) {
        self.primary = None;
        let promoted = self.replica.port.to_string();
        wait_until("the replica is promoted", || {
            self.replica
                .cli(&["INFO", "replication"])
                .contains("role:master")
                && cli(
                    self.port,
                    &["SENTINEL", "get-master-addr-by-name", Self::NAME],
                )
                .contains(&promoted)
        });
    }
}

/// A Cluster of three primaries.
#[derive(Debug)]
pub struct RedisCluster {
    /// Its nodes.
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts three nodes and joins them.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let node = |_| {
            let bus = free_port().to_string();
            Redis::start_with(
                free_port(),
                &["--cluster-enabled", "yes", "--cluster-port", &bus],
            )
        };
        let nodes: Vec<_> = (0..3).map(node).collect();
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let output = Command::new(tool("redis-cli", "redis-tools"))
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "0", "--cluster-yes"])
            .output()
            .expect("redis-cli starts");
        assert!(
            output.status.success(),
            "redis-cli --cluster create: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        wait_until("the cluster is whole", || {
            nodes
                .iter()
                .all(|node| node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
        });
        Self { nodes }
    }
}

fn start_sentinel(primary: u16) -> (Peer, u16) {
    let folder = Peer::folder();
    let port = free_port();
    let name = SentinelSet::NAME;
    let config = folder.path().join("sentinel.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {name} 127.0.0.1 {primary} 1\n\
         sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 5000\n",
        folder.path().display()
    );
    fs::write(&config, text).expect("the peer's folder is writable");
    let mut command = Command::new(tool("redis-sentinel", "redis-sentinel"));
    command.arg(&config);
    let sentinel = Peer::start(command, folder);
    wait_for_port(port);
    (sentinel, port)
}

#[track_caller]
fn cli(port: u16, command: &[&str]) -> String {
    let output = Command::new(tool("redis-cli", "redis-tools"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(command)
        .output()
        .expect("redis-cli starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
