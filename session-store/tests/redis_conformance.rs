//! The contract of backends on real Redis: one server, Sentinel, Cluster.
#![cfg(all(feature = "redis", feature = "conformance"))]

use peers::{Redis, RedisCluster, SentinelSet};
use session_store::backend::redis::{RedisBackend, RedisOptions};
use session_store::conformance::Subject;
use session_store::{StoreUrl, conformance_suite};

fn subject(url: &str) -> Subject {
    let backend = || {
        RedisBackend::new(RedisOptions::from_url(&StoreUrl::parse(url).unwrap()).unwrap()).unwrap()
    };
    Subject::new(backend()).with_peer(backend())
}

conformance_suite!(one_server, async {
    let redis = Redis::start();
    subject(&format!("redis://127.0.0.1:{}", redis.port)).keeping(redis)
});

conformance_suite!(sentinel_after_a_failover, async {
    let mut set = SentinelSet::start();
    let url = format!(
        "redis+sentinel://127.0.0.1:{}/{}",
        set.port,
        SentinelSet::NAME
    );
    let subject = subject(&url);
    session_store::conformance::any_bytes_come_back(&subject).await;
    set.fail_over();
    subject.keeping(set)
});

conformance_suite!(cluster_of_three, async {
    let cluster = RedisCluster::start();
    let nodes = cluster
        .nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port));
    let url = format!("redis+cluster://{}", nodes.collect::<Vec<_>>().join(","));
    subject(&url).keeping(cluster)
});
