//! A pool that is used from elsewhere than the runtime it was started in.

mod common;

use std::thread;
use std::time::Duration;

use common::{Counted, Site, fixed, get, request, text, until};
use fpm_pool::{ErrorKind, Pool, PoolConfig, Request, WorkerCommand};
use futures::executor::block_on;
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn pool(runtime: &Runtime, config: PoolConfig) -> Counted {
    runtime.block_on(common::start(config))
}

/// More than a socket holds, so that writing it has to wait.
fn upload(site: &Site) -> Request {
    let chunk = bytes::Bytes::from(vec![b'x'; 4 << 20]);
    let length = u64::try_from(chunk.len()).unwrap();
    request("POST", &site.path("length.php"), length, "").bytes(chunk)
}

const SCRIPTS: &[(&str, &str)] = &[
    ("a.php", "<?php echo 'a';"),
    (
        "length.php",
        "<?php usleep(20000); echo strlen(file_get_contents('php://input'));",
    ),
    ("die.php", "<?php posix_kill(posix_getpid(), 9);"),
    (
        "slow.php",
        "<?php for (;;) { echo str_repeat('x', 9000); ob_flush(); flush(); usleep(10000); }",
    ),
];

#[test]
fn calls_work_from_another_runtime_and_from_none() {
    let site = Site::new(SCRIPTS);
    let here = runtime();
    // One that watches no descriptors and has no clock.
    let other = Builder::new_current_thread().build().unwrap();
    let pool = pool(&here, fixed(1));
    let use_it = async || {
        for _ in 0..3 {
            assert_eq!(text(pool.call(get(&site.path("a.php"))).await).await, "a");
        }
        assert_eq!(text(pool.call(upload(&site)).await).await, "4194304");
        let error = pool.call(get(&site.path("die.php"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WorkerDied);
        pool.ready().await.unwrap();
        assert_eq!(text(pool.call(get(&site.path("a.php"))).await).await, "a");
        // The client of a running request leaves, and the worker comes back.
        let slow = pool.call(get(&site.path("slow.php"))).await.unwrap();
        drop(slow);
        assert_eq!(text(pool.call(get(&site.path("a.php"))).await).await, "a");
    };
    other.block_on(use_it());
    thread::scope(|scope| scope.spawn(|| block_on(use_it())).join().unwrap());
    block_on(pool.shutdown(Duration::from_secs(1)));
    assert_eq!(pool.status().workers.len(), 0);
}

#[test]
fn calls_end_with_an_error_once_the_pools_runtime_is_gone() {
    let site = Site::new(SCRIPTS);
    let here = runtime();
    let other = runtime();
    let pool = pool(&here, fixed(1));
    // One call runs and one waits when it happens.
    let answer = other
        .block_on(pool.call(get(&site.path("slow.php"))))
        .unwrap();
    let waiting = other.spawn({
        let (pool, request) = (pool.clone(), get(&site.path("a.php")));
        async move { pool.call(request).await.unwrap_err().kind() }
    });
    other.block_on(until("it waits", || pool.status().queue_len == 1));
    here.shutdown_timeout(Duration::from_secs(30));
    assert_eq!(other.block_on(waiting).unwrap(), ErrorKind::Runtime);
    let broken = other.block_on(answer.into_body().collect()).unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Runtime);
    let error = block_on(pool.call(get(&site.path("a.php")))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Runtime);
    assert_eq!(error.kind().http_status().as_u16(), 500);
    let error = block_on(pool.ready()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Runtime);
    let status = pool.status();
    assert!(!status.accepting);
    // None of these may wait for what cannot come.
    block_on(pool.drain());
    block_on(pool.shutdown(Duration::from_secs(60)));
}

#[test]
fn a_running_call_ends_with_the_pools_runtime() {
    let site = Site::new(&[("sleep.php", "<?php sleep(60);")]);
    let (here, other) = (runtime(), runtime());
    let pool = pool(&here, fixed(1));
    let running = other.spawn({
        let (pool, request) = (pool.clone(), get(&site.path("sleep.php")));
        async move { pool.call(request).await.unwrap_err().kind() }
    });
    other.block_on(until("it runs", || pool.status().active() == 1));
    here.shutdown_timeout(Duration::from_secs(30));
    assert_eq!(other.block_on(running).unwrap(), ErrorKind::Runtime);
}

#[test]
fn a_pool_without_a_runtime_is_refused() {
    let config = PoolConfig::new("none").command(WorkerCommand::new("/bin/true"));
    let error = Pool::start(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Runtime);
}
