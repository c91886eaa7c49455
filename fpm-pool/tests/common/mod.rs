//! What the tests of pools share.

#![allow(dead_code, reason = "each test uses its part")]

#[cfg(feature = "http")]
pub(crate) mod web;

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fpm_pool::{
    Error, Pool, PoolConfig, PoolHandle, Request, ResponseBody, Sizing, Spawn, Status,
    WorkerCommand,
};
use http::Response;
use http_body_util::BodyExt;
use tempfile::TempDir;

/// A folder of scripts.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn new(scripts: &[(&str, &str)]) -> Self {
        let site = Self(peers::Peer::folder());
        for (name, source) in scripts {
            site.write(name, source);
        }
        site
    }

    pub(crate) fn write(&self, name: &str, source: &str) -> PathBuf {
        let path = self.path(name);
        let folder = path.parent().expect("a file in a folder");
        fs::create_dir_all(folder).expect("the site is writable");
        fs::write(&path, source).expect("the site is writable");
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }
}

/// php-cgi with the php.ini of its package.
pub(crate) fn php() -> WorkerCommand {
    WorkerCommand::php_cgi(peers::tool("php-cgi", "php-cgi"))
}

/// A pool of `workers` php-cgi.
pub(crate) fn fixed(workers: usize) -> PoolConfig {
    PoolConfig::new("test")
        .command(php())
        .sizing(Sizing::Static {
            max_children: workers,
        })
}

/// A pool whose counts are looked at when the test is over.
pub(crate) struct Counted(PoolHandle);

impl Deref for Counted {
    type Target = PoolHandle;

    fn deref(&self) -> &PoolHandle {
        &self.0
    }
}

impl DerefMut for Counted {
    fn deref_mut(&mut self) -> &mut PoolHandle {
        &mut self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            check_counts(&self.0.status());
        }
    }
}

/// Whatever began has ended, or runs; no more processes than there may be.
#[track_caller]
pub(crate) fn check_counts(status: &Status) {
    let totals = &status.totals;
    let ended = totals.finished + totals.failed + totals.abandoned;
    assert_eq!(totals.begun, ended + status.running as u64, "{status:?}");
    assert!(status.processes <= status.max_processes, "{status:?}");
}

pub(crate) async fn start(config: PoolConfig) -> Counted {
    let pool = Pool::start(config).expect("the pool starts");
    pool.ready().await.expect("a worker becomes ready");
    Counted(pool)
}

pub(crate) async fn start_with(config: PoolConfig, spawner: impl Spawn) -> Counted {
    let pool = Pool::start_with(config, spawner).expect("the pool starts");
    pool.ready().await.expect("a worker becomes ready");
    Counted(pool)
}

/// A GET of a script.
pub(crate) fn get(script: &Path) -> Request {
    request("GET", script, 0, "")
}

pub(crate) fn request(method: &str, script: &Path, length: u64, query: &str) -> Request {
    let mut request = Request::new();
    let length = length.to_string();
    let mut params = request.params();
    for (name, value) in [
        ("REQUEST_METHOD", method),
        ("SCRIPT_FILENAME", script.to_str().expect("a UTF-8 path")),
        ("QUERY_STRING", query),
        ("REQUEST_URI", "/test"),
        ("CONTENT_LENGTH", &length),
        ("CONTENT_TYPE", "application/octet-stream"),
        ("REDIRECT_STATUS", "200"),
    ] {
        params
            .push(name.as_bytes(), value.as_bytes())
            .expect("a usual pair");
    }
    params.finish().expect("usual params");
    request
}

pub(crate) async fn text(answer: Result<Response<ResponseBody>, Error>) -> String {
    let answer = answer.expect("an answer");
    let body = answer.into_body().collect().await.expect("a whole body");
    String::from_utf8_lossy(&body.to_bytes()).into_owned()
}

/// Waits until `condition` holds, while tasks run.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < give_up, "gave up waiting until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether the process exists.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended.
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
        && !stat.is_empty()
}
