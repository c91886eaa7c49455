//! Forms that a store URL asks for, with real servers.

#![cfg(all(
    feature = "redis",
    feature = "memcached",
    feature = "compression",
    feature = "laravel"
))]

use std::process::Command;

use session_store::{ErrorKind, SessionId, Store, open};

#[tokio::test]
async fn laravels_cache_and_compression_in_redis() {
    let redis = peers::Redis::start();
    let id = SessionId::parse("0aZ9").unwrap();
    for (query, stored) in [
        ("preset=laravel", "s:6:\"a:0:{}\";\n"),
        ("compression=lzf", "\u{5}a:0:{}\n"),
        ("", "a:0:{}\n"),
    ] {
        let url = format!("redis://127.0.0.1:{}?prefix=app:&{query}", redis.port);
        let store = Store::open(&url).await.unwrap();
        let locked = store.lock(&id).await.unwrap();
        assert!(locked.commit("a:0:{}").await.unwrap().is_done());
        assert_eq!(redis.cli(&["--raw", "GET", "app:0aZ9"]), stored, "{query}");
        assert_eq!(
            store.read(&id).await.unwrap().unwrap().bytes,
            "a:0:{}",
            "{query}"
        );
        assert_eq!(
            store.destroy(&id).await.unwrap(),
            session_store::Committed::Deleted
        );
    }
    let url = format!("redis://127.0.0.1:{}?prefix=app:&hash_ids=1", redis.port);
    let store = Store::open(&url).await.unwrap();
    let id = store.create("a:0:{}").await.unwrap();
    assert_eq!(store.read(&id).await.unwrap().unwrap().bytes, "a:0:{}");
    assert!(!redis.cli(&["KEYS", "*"]).contains(id.as_str()));
    for wrong in ["compression=gzip", "hash_ids=yes"] {
        let error = open(&format!("redis://127.0.0.1:1?{wrong}"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn items_that_php_memcached_compressed_are_read() {
    let server = peers::Memcached::start();
    let script = r#"
        $cache = new Memcached();
        $cache->addServer('127.0.0.1', (int) $argv[1]);
        $cache->set('app:long', str_repeat('a|i:1;', 1000)) or exit(1);
        $cache->set('app:number', 5) or exit(1);
    "#;
    let php = Command::new(peers::tool("php", "php-cli php-memcached"))
        .args(["-r", script, &server.port.to_string()])
        .status()
        .unwrap();
    assert!(php.success());
    let url = format!("memcached://127.0.0.1:{}?prefix=app:", server.port);
    let store = Store::open(&url).await.unwrap();
    let id = SessionId::parse("long").unwrap();
    let wanted = "a|i:1;".repeat(1000);
    assert_eq!(store.read(&id).await.unwrap().unwrap().bytes, wanted);
    let locked = store.lock(&id).await.unwrap();
    assert_eq!(locked.data().unwrap(), &wanted);
    locked.release().await.unwrap();
    // No session: refused, left alone, and not locked for ever.
    let id = SessionId::parse("number").unwrap();
    for _ in 0..2 {
        assert_eq!(
            store.lock(&id).await.unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
}
