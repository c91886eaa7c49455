//! `session` and real servers, with PHP's own handlers as the second party.

use std::process::{Command, Output};

use peers::tool;

fn session(store: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_session"))
        .args(["--store", store])
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn run(store: &str, arguments: &[&str]) -> String {
    let done = session(store, arguments);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{store} {arguments:?}: {errors}");
    String::from_utf8(done.stdout).unwrap()
}

#[track_caller]
fn assert_fails(store: &str, arguments: &[&str], code: i32, says: &str) {
    let done = session(store, arguments);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{store}: {errors}");
    assert!(errors.contains(says), "{store}: {errors}");
}

/// Every command but `endpoint`.
#[track_caller]
fn assert_every_command_works(store: &str) {
    let of_preset = if store.contains("laravel") {
        "php_serialize"
    } else {
        "php"
    };
    run(store, &["set", "s1", "user", r#"{"name": "Zoë"}"#]);
    assert_eq!(run(store, &["incr", "s1", "n", "--times", "3"]), "3\n");
    let shown = run(store, &["get", "s1"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, serde_json::json!({"user": {"name": "Zoë"}, "n": 3}));
    if store.starts_with("memcached") {
        assert_fails(store, &["list"], 3, "no command that lists");
    } else {
        assert_eq!(run(store, &["list"]).lines().count(), 1, "{store}");
    }
    assert_eq!(run(store, &["gc"]), "0\n", "{store}");
    for (from, to) in [
        (of_preset, "igbinary"),
        ("igbinary", "msgpack"),
        ("msgpack", of_preset),
    ] {
        run(store, &["--handler", from, "convert", "--to", to, "s1"]);
        assert_fails(store, &["--handler", from, "get", "s1"], 4, "decode");
    }
    assert_eq!(run(store, &["incr", "s1", "n"]), "4\n");
    run(store, &["destroy", "s1"]);
    assert_fails(store, &["get", "s1"], 1, "no such session");
    assert_fails(store, &["convert", "--to", "php", "s1"], 1, "no such");
}

/// Four processes that hold the lock for a millisecond each time.
#[track_caller]
fn assert_processes_count_together(store: &str) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let arguments = ["incr", "race", "n", "--times", "10", "--hold-ms", "1"];
            scope.spawn(move || run(store, &arguments));
        }
    });
    assert_eq!(run(store, &["incr", "race", "n"]), "41\n", "{store}");
    run(store, &["destroy", "race"]);
}

/// PHP with its own save handler, or an extension's, and the program change
/// one session in turn.
#[track_caller]
fn assert_php_shares(store: &str, settings: &[&str]) {
    let script =
        "session_id('shared'); session_start(); echo $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;";
    let php = || {
        let mut php = Command::new(tool("php", "php-cli php-redis php-memcached"));
        for setting in settings.iter().chain(&["session.use_cookies=0"]) {
            php.args(["-d", setting]);
        }
        let output = php.args(["-r", script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(php(), "1", "{store}");
    assert_eq!(run(store, &["incr", "shared", "n"]), "2\n");
    assert_eq!(php(), "3", "{store}");
    run(store, &["destroy", "shared"]);
    assert_eq!(php(), "1", "{store}");
    run(store, &["destroy", "shared"]);
}

#[test]
fn redis_in_every_form() {
    let redis = peers::Redis::start();
    let at = |rest: &str| format!("redis://127.0.0.1:{}/{rest}", redis.port);
    for store in [
        at("0"),
        at("1?compression=lzf&hash_ids=1"),
        at("2?compression=zstd"),
        at("3?compression=lz4"),
        at("4?preset=symfony"),
        at("5?preset=laravel"),
    ] {
        assert_every_command_works(&store);
        assert_processes_count_together(&store);
    }
    let path = format!("session.save_path=tcp://127.0.0.1:{}", redis.port);
    assert_php_shares(&at(""), &["session.save_handler=redis", &path]);
}

#[test]
fn a_redis_cluster() {
    let cluster = peers::RedisCluster::start();
    let hosts: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port))
        .collect();
    let store = format!("redis+cluster://{}", hosts.join(","));
    assert_every_command_works(&store);
    assert_processes_count_together(&store);
}

#[test]
fn redis_behind_sentinels() {
    let sentinels = peers::SentinelSet::start();
    let name = peers::SentinelSet::NAME;
    let store = format!("redis+sentinel://127.0.0.1:{}/{name}", sentinels.port);
    assert_every_command_works(&store);
    assert_processes_count_together(&store);
}

#[test]
fn memcached_on_two_servers() {
    let servers = [peers::Memcached::start(), peers::Memcached::start()];
    let hosts = servers
        .each_ref()
        .map(|server| format!("127.0.0.1:{}", server.port));
    let hosts = hosts.join(",");
    for preset in ["php", "symfony", "laravel"] {
        let store = format!("memcached://{hosts}?preset={preset}");
        assert_every_command_works(&store);
        assert_processes_count_together(&store);
    }
    let path = format!("session.save_path={hosts}");
    let settings = ["session.save_handler=memcached", &path];
    assert_php_shares(&format!("memcached://{hosts}"), &settings);
}

#[test]
fn postgresql_with_every_table() {
    let server = peers::Postgres::start();
    for params in [
        "",
        "&preset=symfony&table=s",
        "&preset=laravel&table=l",
        "&preset=drupal&table=d",
    ] {
        assert_every_command_works(&server.url(params));
        assert_processes_count_together(&server.url(params));
    }
}

#[test]
fn mariadb_with_every_table() {
    let server = peers::MariaDb::start();
    for params in [
        "",
        "&preset=symfony&table=s",
        "&preset=laravel&table=l",
        "&preset=drupal&table=d",
    ] {
        assert_every_command_works(&server.url(params));
        assert_processes_count_together(&server.url(params));
    }
}
