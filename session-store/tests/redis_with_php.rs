//! phpredis and this crate share sessions in one Redis.
#![cfg(feature = "redis")]

mod support;

use peers::{Redis, RedisCluster, SentinelSet};
use session_store::backend::redis::{RedisBackend, RedisOptions};
use session_store::{
    Backend, Change, CommitOptions, LockOptions, ReadOptions, SessionId, StoreUrl,
};
use std::time::{Duration, Instant};
use support::{TTL, count, increments, longest_wait, php, php_increments, php_run};

fn backend(url: &str) -> RedisBackend {
    RedisBackend::new(RedisOptions::from_url(&StoreUrl::parse(url).unwrap()).unwrap()).unwrap()
}

fn settings(redis: &Redis) -> Vec<String> {
    vec![
        "session.save_handler=redis".into(),
        format!("session.save_path=tcp://127.0.0.1:{}", redis.port),
        "redis.session.locking_enabled=1".into(),
        "redis.session.lock_retries=-1".into(),
        "redis.session.lock_wait_time=1000".into(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_loses_an_update_of_the_other() {
    let redis = Redis::start();
    let backend = backend(&format!("redis://127.0.0.1:{}", redis.port));
    let id = SessionId::parse("race").unwrap();
    let php = php_increments(&settings(&redis), "race", 8, 50);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (backend, id) = (backend.clone(), id.clone());
        tasks.spawn(async move { increments(&backend, &id, 50).await });
    }
    let ours = tasks.join_all().await.into_iter().max();
    let theirs = tokio::task::spawn_blocking(|| longest_wait(php)).await;
    println!("longest wait: {ours:?}, of PHP {theirs:?}");
    let entry = backend.load(&id, ReadOptions::default()).await.unwrap();
    assert_eq!(count(&entry.unwrap().bytes), 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_php_processes_alone_lose_nothing_either() {
    let redis = Redis::start();
    let php = php_increments(&settings(&redis), "race", 8, 50);
    let theirs = tokio::task::spawn_blocking(|| longest_wait(php)).await;
    println!("longest wait of PHP: {theirs:?}");
    let backend = backend(&format!("redis://127.0.0.1:{}", redis.port));
    let id = SessionId::parse("race").unwrap();
    let entry = backend.load(&id, ReadOptions::default()).await.unwrap();
    assert_eq!(count(&entry.unwrap().bytes), 400);
}

/// PHP's lock ends with `lock_expire`, whatever became of PHP.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_killed_php_process_the_next_enters_at_its_locks_end() {
    let redis = Redis::start();
    let mut settings = settings(&redis);
    settings.push("redis.session.lock_expire=2".into());
    let code = "session_id('held'); session_start(); echo \"locked\\n\"; sleep(60);";
    let mut holder = php(&settings)
        .args(["-r", code])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = holder.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
    assert_eq!(line, "locked\n");
    let locked = Instant::now();
    holder.kill().unwrap();
    holder.wait().unwrap();
    let backend = backend(&format!("redis://127.0.0.1:{}", redis.port));
    let id = SessionId::parse("held").unwrap();
    let deadline = LockOptions::until(Instant::now() + Duration::from_secs(10));
    let (lease, _) = backend.lock_and_load(&id, deadline).await.unwrap();
    let waited = locked.elapsed();
    println!("entered {waited:?} after a lock of 2 s was taken");
    assert!(waited >= Duration::from_millis(1500), "{waited:?}");
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    backend.release(lease).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_php_without_a_lock_is_a_conflict() {
    let redis = Redis::start();
    let backend = backend(&format!("redis://127.0.0.1:{}", redis.port));
    let id = SessionId::parse("unlocked").unwrap();
    let unlocked = vec![
        "session.save_handler=redis".into(),
        format!("session.save_path=tcp://127.0.0.1:{}", redis.port),
    ];
    let deadline = LockOptions::until(Instant::now() + Duration::from_secs(5));
    let (mut lease, entry) = backend.lock_and_load(&id, deadline).await.unwrap();
    assert_eq!(entry, None);
    php_increments(&unlocked, "unlocked", 1, 1)
        .into_iter()
        .for_each(|mut php| assert!(php.wait().unwrap().success()));
    let change = Change::Put("n|i:99;".into());
    let outcome = backend.commit(&mut lease, change, CommitOptions::new(TTL));
    assert_eq!(outcome.await.unwrap(), session_store::Committed::Conflict);
    let entry = backend.load(&id, ReadOptions::default()).await.unwrap();
    assert_eq!(count(&entry.unwrap().bytes), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn php_sees_the_logout() {
    let redis = Redis::start();
    let backend = backend(&format!("redis://127.0.0.1:{}", redis.port));
    let id = SessionId::parse("user").unwrap();
    increments(&backend, &id, 3).await;
    let read = "session_id('user'); session_start(); echo json_encode($_SESSION);";
    assert_eq!(php_run(&settings(&redis), read, &[]), r#"{"n":3}"#);
    let deadline = LockOptions::until(Instant::now() + Duration::from_secs(5));
    let (mut lease, _) = backend.lock_and_load(&id, deadline).await.unwrap();
    let options = CommitOptions::new(TTL);
    let outcome = backend.commit(&mut lease, Change::Delete, options).await;
    assert_eq!(outcome.unwrap(), session_store::Committed::Deleted);
    assert_eq!(php_run(&settings(&redis), read, &[]), "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cluster_our_processes_exclude_each_other_and_php_reads() {
    let cluster = RedisCluster::start();
    let nodes: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port))
        .collect();
    let url = format!("redis+cluster://{}", nodes.join(","));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let backend = backend(&url);
        tasks.spawn(async move {
            for id in ["one", "two", "three", "four"] {
                let id = SessionId::parse(id).unwrap();
                increments(&backend, &id, 10).await;
            }
        });
    }
    tasks.join_all().await;
    let settings = vec![
        "session.save_handler=rediscluster".into(),
        format!("session.save_path=\"seed[]={}\"", nodes.join("&seed[]=")),
    ];
    let read = "session_id('three'); session_start(); echo json_encode($_SESSION);";
    assert_eq!(php_run(&settings, read, &[]), r#"{"n":40}"#);
    let mut listed = backend(&url).list(10).await.unwrap();
    listed.sort();
    assert_eq!(listed, ["four", "one", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_failover() {
    let mut set = SentinelSet::start();
    let url = format!(
        "redis+sentinel://127.0.0.1:{}/{}",
        set.port,
        SentinelSet::NAME
    );
    let backend = backend(&url);
    let id = SessionId::parse("user").unwrap();
    increments(&backend, &id, 3).await;
    peers::wait_until("the replica has the session", || {
        set.replica
            .cli(&["GET", "PHPREDIS_SESSION:user"])
            .contains("n|i:3;")
    });
    set.fail_over();
    increments(&backend, &id, 3).await;
    let entry = backend.load(&id, ReadOptions::default()).await.unwrap();
    assert_eq!(count(&entry.unwrap().bytes), 6);
    assert_eq!(backend.list(10).await.unwrap(), ["user"]);
}
