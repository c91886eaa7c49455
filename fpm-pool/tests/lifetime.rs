//! Starting and stopping leaves nothing. A file of its own: it counts what
//! the whole process has open.

mod common;

use std::fs;
use std::time::Duration;

use common::{Site, fixed, get, text};
use fpm_pool::Pool;

fn descriptors() -> Vec<String> {
    let all = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = all.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.map(|target| target.display().to_string()).collect()
}

fn children() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .map(|children| children.split_whitespace().count())
        .sum()
}

fn socket_folders() -> usize {
    let prefix = format!("fpm-pool-{}-", std::process::id());
    let all = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .count()
}

#[test]
fn a_hundred_starts_and_stops_leave_nothing() {
    let site = Site::new(&[("a.php", "<?php echo 'a';")]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let cycle = || {
        runtime.block_on(async {
            let pool = Pool::start(fixed(1)).unwrap();
            assert_eq!(text(pool.call(get(&site.path("a.php"))).await).await, "a");
            pool.shutdown(Duration::from_secs(5)).await;
        });
    };
    cycle();
    let before = descriptors();
    for _ in 0..100 {
        cycle();
    }
    // The last pool's tasks may be dropping theirs at this very moment.
    let count = before.len();
    let what = format!("only these are open: {before:?}");
    peers::wait_until(&what, || descriptors().len() <= count);
    assert_eq!((children(), socket_folders()), (0, 0));
    // A handle that is dropped stops the pool, too.
    runtime.block_on(async {
        let pool = Pool::start(fixed(2)).unwrap();
        pool.ready().await.unwrap();
        drop(pool);
        common::until("the workers are gone", || children() == 0).await;
    });
    // And so does a runtime that is dropped under the pool.
    let pool = runtime.block_on(async {
        let pool = Pool::start(fixed(2)).unwrap();
        pool.ready().await.unwrap();
        pool
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop(pool);
    peers::wait_until("the workers are gone", || children() == 0);
}
