//! php-memcached and this crate share sessions on two servers.
#![cfg(feature = "memcached")]

mod support;

use std::time::{Duration, Instant};

use peers::Memcached;
use session_store::backend::memcached::{MemcachedBackend, MemcachedOptions};
use session_store::{
    Backend, Change, CommitOptions, Committed, LockOptions, ReadOptions, SessionId, StoreUrl,
};
use support::{TTL, count, increments, longest_wait, php_increments, php_run};

struct Servers([Memcached; 2]);

impl Servers {
    fn start() -> Self {
        Self([Memcached::start(), Memcached::start()])
    }

    fn list(&self) -> String {
        let [one, two] = &self.0;
        format!("127.0.0.1:{},127.0.0.1:{}", one.port, two.port)
    }

    fn backend(&self, distribution: &str) -> MemcachedBackend {
        let url = format!("memcached://{}?distribution={distribution}", self.list());
        MemcachedBackend::new(MemcachedOptions::from_url(&StoreUrl::parse(&url).unwrap()).unwrap())
            .unwrap()
    }

    fn settings(&self, more: &[&str]) -> Vec<String> {
        let mut settings = vec![
            "session.save_handler=memcached".into(),
            format!("session.save_path={}", self.list()),
            "memcached.sess_lock_retries=100000".into(),
            "memcached.sess_lock_wait_min=1".into(),
            "memcached.sess_lock_wait_max=2".into(),
        ];
        settings.extend(more.iter().map(ToString::to_string));
        settings
    }
}

fn soon() -> LockOptions {
    LockOptions::until(Instant::now() + Duration::from_secs(5))
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_loses_an_update_of_the_other() {
    let servers = Servers::start();
    let backend = servers.backend("ketama");
    let id = SessionId::parse("race").unwrap();
    let php = php_increments(&servers.settings(&[]), "race", 4, 50);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (backend, id) = (backend.clone(), id.clone());
        tasks.spawn(async move { increments(&backend, &id, 50).await });
    }
    let ours = tasks.join_all().await.into_iter().max();
    let theirs = tokio::task::spawn_blocking(|| longest_wait(php)).await;
    println!("longest wait: {ours:?}, of PHP {theirs:?}");
    let entry = backend.load(&id, ReadOptions::default()).await.unwrap();
    assert_eq!(count(&entry.unwrap().bytes), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_find_every_session_with_every_distribution() {
    let servers = Servers::start();
    for (distribution, setting) in [
        ("ketama", "memcached.sess_consistent_hash_type=ketama"),
        (
            "ketama_weighted",
            "memcached.sess_consistent_hash_type=ketama_weighted",
        ),
        ("modula", "memcached.sess_consistent_hash=0"),
    ] {
        let prefix = format!("memcached.sess_prefix={distribution}.");
        let settings = servers.settings(&[setting, &prefix]);
        let write = "for ($i = 0; $i < 200; $i++) { session_id(\"id$i\"); session_start(); \
            $_SESSION['n'] = $i; session_write_close(); }";
        php_run(&settings, write, &[]);
        let url = format!(
            "memcached://{}?distribution={distribution}&prefix={distribution}.",
            servers.list()
        );
        let options = MemcachedOptions::from_url(&StoreUrl::parse(&url).unwrap()).unwrap();
        let backend = MemcachedBackend::new(options).unwrap();
        for number in 0..200 {
            let id = SessionId::parse(&format!("id{number}")).unwrap();
            let entry = backend.load(&id, ReadOptions::default()).await.unwrap();
            let entry = entry.unwrap_or_else(|| panic!("{distribution}: {id:?} is elsewhere"));
            assert_eq!(count(&entry.bytes), number);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn php_sees_the_logout() {
    let servers = Servers::start();
    let backend = servers.backend("ketama");
    let id = SessionId::parse("user").unwrap();
    increments(&backend, &id, 3).await;
    let read = "session_id('user'); session_start(); echo json_encode($_SESSION);";
    assert_eq!(php_run(&servers.settings(&[]), read, &[]), r#"{"n":3}"#);
    let (mut lease, _) = backend.lock_and_load(&id, soon()).await.unwrap();
    let outcome = backend.commit(&mut lease, Change::Delete, CommitOptions::new(TTL));
    assert_eq!(outcome.await.unwrap(), Committed::Deleted);
    assert_eq!(php_run(&servers.settings(&[]), read, &[]), "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_php_without_a_lock_is_a_conflict() {
    let servers = Servers::start();
    let backend = servers.backend("ketama");
    let id = SessionId::parse("unlocked").unwrap();
    increments(&backend, &id, 1).await;
    let (mut lease, _) = backend.lock_and_load(&id, soon()).await.unwrap();
    let unlocked = servers.settings(&["memcached.sess_locking=0"]);
    let write = "session_id('unlocked'); session_start(); $_SESSION['n'] = 7;";
    php_run(&unlocked, write, &[]);
    let change = Change::Put("n|i:99;".into());
    let outcome = backend.commit(&mut lease, change, CommitOptions::new(TTL));
    assert_eq!(outcome.await.unwrap(), Committed::Conflict);
    let entry = backend.load(&id, ReadOptions::default()).await.unwrap();
    assert_eq!(count(&entry.unwrap().bytes), 7);
}

#[cfg(feature = "compression")]
#[tokio::test(flavor = "multi_thread")]
async fn what_the_class_memcached_compressed_is_read() {
    let servers = Servers::start();
    let [one, two] = &servers.0;
    let write = "$m = new Memcached; $m->setOption(Memcached::OPT_DISTRIBUTION, \
        Memcached::DISTRIBUTION_CONSISTENT); $m->addServer('127.0.0.1', (int) $argv[1]); \
        $m->addServer('127.0.0.1', (int) $argv[2]); \
        $m->set('sf2suser', str_repeat('symfony ', 1000));";
    let ports = [one.port.to_string(), two.port.to_string()];
    php_run(&[], write, &[&ports[0], &ports[1]]);
    let url = StoreUrl::parse(&format!("memcached://{}?preset=symfony", servers.list())).unwrap();
    let options = MemcachedOptions::from_url(&url).unwrap();
    let backend = MemcachedBackend::new(options).unwrap();
    let id = SessionId::parse("user").unwrap();
    let bytes = backend.load(&id, ReadOptions::default()).await.unwrap();
    assert_eq!(bytes.unwrap().bytes, "symfony ".repeat(1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lock_is_not_freed_for_its_next_holder() {
    let servers = Servers::start();
    let (one, other) = (servers.backend("ketama"), servers.backend("ketama"));
    let id = SessionId::parse("lost").unwrap();
    let mut brief = soon();
    brief.lease = Duration::from_millis(1);
    let (mut lost, _) = one.lock_and_load(&id, brief).await.unwrap();
    let (mut next, _) = other.lock_and_load(&id, soon()).await.unwrap();
    let options = CommitOptions::new(TTL);
    let late = one.commit(&mut lost, Change::Put("n|i:1;".into()), options);
    assert_eq!(late.await.unwrap(), Committed::Conflict);
    one.release(lost).await.unwrap();
    let mut impatient = soon();
    impatient.deadline = Instant::now() + Duration::from_millis(50);
    let third = one.lock_and_load(&id, impatient).await.unwrap_err();
    assert_eq!(third.kind(), session_store::ErrorKind::LockTimeout);
    let commit = other.commit(&mut next, Change::Put("n|i:2;".into()), options);
    assert!(commit.await.unwrap().is_done());
}
