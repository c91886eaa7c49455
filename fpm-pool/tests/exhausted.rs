//! A supervisor without a free descriptor. A file of its own, with one test:
//! it limits the whole process.

mod common;

use std::pin::pin;

use common::{Site, fixed, get, php, start, text, until};
use fpm_pool::{ErrorKind, Phase, PoolHandle, Readiness};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Lets the process open descriptors up to this number.
fn allow(descriptors: u64) {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, descriptors.min(most), most).unwrap();
}

fn workers(pool: &PoolHandle) -> Vec<Option<u32>> {
    let status = pool.status();
    status
        .workers
        .iter()
        .map(|worker| worker.process_id)
        .collect()
}

#[tokio::test]
async fn a_lack_of_descriptors_costs_no_worker() {
    let (usual, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let site = Site::new(&[
        ("a.php", "<?php echo 'a';"),
        (
            "on.php",
            "<?php for (;;) { echo str_repeat('x', 9000); ob_flush(); flush(); usleep(10000); }",
        ),
    ]);

    // A call that has to connect first.
    let command = php().readiness(Readiness::Started);
    let pool = start(fixed(1).command(command)).await;
    let before = workers(&pool);
    // Those that are open stay open.
    allow(0);
    for _ in 0..3 {
        let error = pool.call(get(&site.path("a.php"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        assert_eq!(error.kind().http_status().as_u16(), 503);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("Too many open files"), "{source}");
    }
    allow(usual);
    assert_eq!(text(pool.call(get(&site.path("a.php"))).await).await, "a");
    assert_eq!(workers(&pool), before);

    // A worker that has to be connected to again.
    pool.shutdown(std::time::Duration::from_secs(5)).await;
    let pool = start(fixed(1)).await;
    let before = workers(&pool);
    let answer = pool.call(get(&site.path("on.php"))).await.unwrap();
    allow(0);
    drop(answer);
    until("it recovers", || {
        pool.status().workers[0].phase == Phase::Recovering
    })
    .await;
    let mut waiting = pin!(pool.call(get(&site.path("a.php"))));
    assert!(futures::poll!(&mut waiting).is_pending());
    allow(usual);
    assert_eq!(text(waiting.await).await, "a");
    assert_eq!(workers(&pool), before);
    pool.shutdown(std::time::Duration::from_secs(5)).await;
}
