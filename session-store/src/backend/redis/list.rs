//! Enumerates sessions without blocking the servers: SCAN on every primary.

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, FromRedisValue, RedisResult, Value};

use super::backend::RedisBackend;
use super::link::Link;
use crate::{Result, SessionId};

impl RedisBackend {
    /// Ids of up to `limit` sessions.
    pub(super) async fn scan(&self, limit: usize) -> Result<Vec<String>> {
        let pattern = format!("{}*", escape(self.prefix()));
        let mut found = Found {
            prefix: self.prefix(),
            limit,
            ids: Vec::new(),
        };
        let nodes = self
            .run("list sessions", |link| async move { primaries(link).await })
            .await?;
        for node in nodes {
            let mut cursor = 0_u64;
            while !found.is_full() {
                let (node, pattern) = (node.clone(), &pattern);
                let (next, keys) = self
                    .run("list sessions", |link| async move {
                        step(link, node, cursor, pattern).await
                    })
                    .await?;
                found.add(keys);
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(found.ids)
    }
}

struct Found<'a> {
    prefix: &'a str,
    limit: usize,
    ids: Vec<String>,
}

impl Found<'_> {
    fn is_full(&self) -> bool {
        self.ids.len() >= self.limit
    }

    /// Locks are no ids: an id has no `_`.
    fn add(&mut self, keys: Vec<String>) {
        let id = |key: String| {
            let id = key.strip_prefix(self.prefix)?;
            SessionId::parse(id).ok()?;
            Some(id.to_owned())
        };
        let ids: Vec<_> = keys.into_iter().filter_map(id).collect();
        let room = self.limit - self.ids.len();
        self.ids.extend(ids.into_iter().take(room));
    }
}

/// Where to send SCAN: `None` is the only server.
type Node = Option<(String, u16)>;

async fn primaries(mut link: Link) -> RedisResult<Vec<Node>> {
    let Some(cluster) = link.as_cluster() else {
        return Ok(vec![None]);
    };
    let slots: Vec<Value> = Cmd::new()
        .arg("CLUSTER")
        .arg("SLOTS")
        .query_async(cluster)
        .await?;
    let mut nodes = Vec::new();
    for range in slots {
        let (_, _, (host, port)): (u64, u64, (String, u16)) = first_of_range(range)?;
        let node = Some((host, port));
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

/// `[from, to, [host, port, …], replicas…]`
fn first_of_range(range: Value) -> RedisResult<(u64, u64, (String, u16))> {
    let parts: Vec<Value> = Vec::from_redis_value(range)?;
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or(Value::Nil);
    let from = u64::from_redis_value(next())?;
    let to = u64::from_redis_value(next())?;
    let node: Vec<Value> = Vec::from_redis_value(next())?;
    let mut node = node.into_iter();
    let host = String::from_redis_value(node.next().unwrap_or(Value::Nil))?;
    let port = u16::from_redis_value(node.next().unwrap_or(Value::Nil))?;
    Ok((from, to, (host, port)))
}

async fn step(
    mut link: Link,
    node: Node,
    cursor: u64,
    pattern: &str,
) -> RedisResult<(u64, Vec<String>)> {
    let mut command = Cmd::new();
    command.arg("SCAN").arg(cursor);
    command.arg("MATCH").arg(pattern).arg("COUNT").arg(1000);
    let answer = match (link.as_cluster(), node) {
        (Some(cluster), Some((host, port))) => on_node(cluster, command, host, port).await?,
        _ => command.query_async(&mut link).await?,
    };
    Ok(FromRedisValue::from_redis_value(answer)?)
}

async fn on_node(
    cluster: &mut ClusterConnection,
    command: Cmd,
    host: String,
    port: u16,
) -> RedisResult<Value> {
    let node = SingleNodeRoutingInfo::ByAddress { host, port };
    let routing = RoutingInfo::SingleNode(node);
    cluster.route_command(command, routing).await
}

/// A prefix in a glob pattern stands for itself.
fn escape(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len());
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}
