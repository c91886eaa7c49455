//! What the tests of pools share.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fpm_pool::{Error, Pool, PoolConfig, PoolHandle, Request, ResponseBody, Sizing, WorkerCommand};
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
        fs::write(&path, source).expect("the site is writable");
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
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

pub(crate) async fn start(config: PoolConfig) -> PoolHandle {
    let pool = Pool::start(config).expect("the pool starts");
    pool.ready().await.expect("a worker becomes ready");
    pool
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
