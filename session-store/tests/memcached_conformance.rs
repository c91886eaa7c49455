//! The contract of backends on two real memcached servers.
#![cfg(all(feature = "memcached", feature = "conformance"))]

use peers::Memcached;
use session_store::backend::memcached::{MemcachedBackend, MemcachedOptions};
use session_store::conformance::Subject;
use session_store::{StoreUrl, conformance_suite};

conformance_suite!(two_servers, async {
    let servers = [Memcached::start(), Memcached::start()];
    let [one, two] = servers.each_ref().map(|server| server.port);
    let url = format!("memcached://127.0.0.1:{one},127.0.0.1:{two}");
    let options = MemcachedOptions::from_url(&StoreUrl::parse(&url).unwrap()).unwrap();
    let backend = || MemcachedBackend::new(options.clone()).unwrap();
    Subject::new(backend())
        .with_peer(backend())
        .keeping(servers)
});
