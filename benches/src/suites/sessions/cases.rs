//! Who is measured, and what with.

use std::time::Duration;

use peers::{Memcached, Redis};
use session_store::endpoint::{Protocol, ini};
use tempfile::TempDir;

use super::php;
use super::rust::{self, Host};

/// Cases that are compared with each other.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) cases: Vec<Case>,
}

/// One way to change sessions.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Name of the ratio, and the case that it is to.
    pub(super) compared: Option<(&'static str, &'static str)>,
    /// Changes sessions for some time and says how many a second.
    pub(super) run: Box<dyn Fn(Duration) -> Result<f64, String>>,
}

impl Case {
    fn new(name: &'static str, run: impl Fn(Duration) -> Result<f64, String> + 'static) -> Self {
        Self {
            name,
            compared: None,
            run: Box::new(run),
        }
    }

    fn compared(mut self, measure: &'static str, peer: &'static str) -> Self {
        self.compared = Some((measure, peer));
        self
    }
}

/// All groups; their servers run until they are dropped.
pub(super) fn all() -> Result<Vec<Group>, String> {
    Ok(vec![files()?, redis()?, memcached()])
}

fn files() -> Result<Group, String> {
    let folder = || TempDir::new().map_err(|error| format!("no temporary folder: {error}"));
    let (theirs, ours) = (folder()?, folder()?);
    let settings = vec![
        "session.save_handler=files".to_owned(),
        format!("session.save_path={}", theirs.path().display()),
    ];
    let url = format!("files:{}", ours.path().display());
    let cases = vec![
        Case::new("php_files", move |time| {
            let _kept = &theirs;
            php::changes_per_second(&settings, time)
        }),
        Case::new("files", move |time| {
            let _kept = &ours;
            rust::changes_per_second(&url, time)
        })
        .compared("ratio_to_php", "php_files"),
    ];
    Ok(Group {
        name: "files",
        cases,
    })
}

/// All that a site with Redis can choose from; phpredis keeps its connection
/// in all cases, as ours do.
fn redis() -> Result<Group, String> {
    let redis = Redis::start();
    let path = format!(
        "session.save_path=\"tcp://127.0.0.1:{}?persistent=1\"",
        redis.port
    );
    let unlocked = vec!["session.save_handler=redis".to_owned(), path];
    let mut locked = unlocked.clone();
    locked.extend(
        [
            "redis.session.locking_enabled=1",
            "redis.session.lock_retries=-1",
        ]
        .map(str::to_owned),
    );
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let prepend = Host::start(Protocol::Prepend)?;
    let resp = Host::start(Protocol::Resp)?;
    let mut endpoint: Vec<String> = settings(Protocol::Resp, resp.address());
    endpoint[1] = format!(
        "session.save_path=\"tcp://{}?persistent=1\"",
        resp.address()
    );
    let prepended = settings(Protocol::Prepend, prepend.php_file());
    let cases = vec![
        Case::new("phpredis_locked", move |time| {
            let _kept = &redis;
            php::changes_per_second(&locked, time)
        }),
        Case::new("phpredis_unlocked", move |time| {
            php::changes_per_second(&unlocked, time)
        }),
        Case::new("redis_locked", move |time| {
            rust::changes_per_second(&url, time)
        })
        .compared("ratio_to_phpredis", "phpredis_locked"),
        Case::new("prepend", move |time| {
            let _kept = &prepend;
            php::changes_per_second(&prepended, time)
        })
        .compared("ratio_to_phpredis_locked", "phpredis_locked"),
        Case::new("resp_endpoint", move |time| {
            let _kept = &resp;
            php::changes_per_second(&endpoint, time)
        })
        .compared("ratio_to_phpredis_locked", "phpredis_locked"),
    ];
    Ok(Group {
        name: "redis",
        cases,
    })
}

fn memcached() -> Group {
    let server = Memcached::start();
    let settings = vec![
        "session.save_handler=memcached".to_owned(),
        format!("session.save_path=127.0.0.1:{}", server.port),
        "memcached.sess_persistent=1".to_owned(),
    ];
    let url = format!("memcached://127.0.0.1:{}", server.port);
    let cases = vec![
        Case::new("php_memcached_locked", move |time| {
            let _kept = &server;
            php::changes_per_second(&settings, time)
        }),
        Case::new("memcached_locked", move |time| {
            rust::changes_per_second(&url, time)
        })
        .compared("ratio_to_php_memcached", "php_memcached_locked"),
    ];
    Group {
        name: "memcached",
        cases,
    }
}

fn settings(protocol: Protocol, target: &str) -> Vec<String> {
    let settings = ini(protocol, target).into_iter();
    settings
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}
