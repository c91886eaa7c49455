//! The whole pool with fake workers and a clock that does not wait.
#![cfg(feature = "test-util")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{get, text};
use fpm_pool::testing::{FakeRequest, FakeSpawner};
use fpm_pool::{ErrorKind, ExitReason, Pool, PoolConfig, Queue, Sizing, StopSignal, Timeouts};
use tokio::time::{Instant, sleep};

const OK: &str = "Content-type: text/plain\r\n\r\nok";

fn config(workers: usize) -> PoolConfig {
    PoolConfig::new("fake").sizing(Sizing::Static {
        max_children: workers,
    })
}

/// Answers after the time that `REQUEST_URI` does not say: an hour.
async fn slow(_request: FakeRequest) -> Bytes {
    sleep(Duration::from_secs(3600)).await;
    Bytes::from_static(OK.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_an_hour_is_exact_to_the_millisecond() {
    let spawner = FakeSpawner::new(slow);
    let workers = spawner.workers();
    let limit = Duration::from_secs(1800);
    let timeouts = Timeouts::default().total(limit);
    let pool = Pool::start_with(config(1).timeouts(timeouts), spawner).unwrap();
    pool.ready().await.unwrap();
    let began = Instant::now();
    let error = pool.call(get("/x.php".as_ref())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
    let took = began.elapsed();
    assert!(
        took >= limit && took < limit + Duration::from_millis(5),
        "{took:?}"
    );
    assert_eq!(workers.signals()[0], (1, StopSignal::Stop));
    pool.ready().await.unwrap();
    assert_eq!(workers.running(), [2]);
}

#[tokio::test(start_paused = true)]
async fn the_queue_gives_up_after_its_limit() {
    let pool = Pool::start_with(config(1), FakeSpawner::new(slow)).unwrap();
    pool.ready().await.unwrap();
    let running = tokio::spawn({
        let pool = pool.clone();
        async move { text(pool.call(get("/x.php".as_ref())).await).await }
    });
    common::until("it runs", || pool.status().active() == 1).await;
    let began = Instant::now();
    let error = pool.call(get("/x.php".as_ref())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueTimeout);
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(running.await.unwrap(), "ok");
}

#[tokio::test(start_paused = true)]
async fn starts_that_fail_are_tried_again_later_and_later() {
    let spawner = FakeSpawner::new(|_| async { OK });
    let workers = spawner.workers();
    for _ in 0..6 {
        workers.fail_start("out of memory");
    }
    let began = Instant::now();
    let pool = Pool::start_with(config(1), spawner).unwrap();
    let error = pool.ready().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoWorker);
    common::until("it starts at last", || pool.status().idle() == 1).await;
    // 0 + 0.1 + 0.2 + 0.4 + 0.8 + 1.6, and jitter.
    assert!(
        began.elapsed() > Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(pool.status().totals.start_failures, 6);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_is_replaced() {
    let spawner = FakeSpawner::new(|_| async { OK });
    let workers = spawner.workers();
    let pool = Pool::start_with(config(1), spawner).unwrap();
    pool.ready().await.unwrap();
    workers.exit(1, ExitReason::Signaled(9));
    assert_eq!(text(pool.call(get("/x.php".as_ref())).await).await, "ok");
    assert_eq!(workers.running(), [2]);
    pool.shutdown(Duration::ZERO).await;
    assert!(workers.running().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_ondemand_pool_gets_well_by_itself_after_starts_that_failed() {
    let spawner = FakeSpawner::new(|_| async { OK });
    let workers = spawner.workers();
    for _ in 0..8 {
        workers.fail_start("not now");
    }
    let config = PoolConfig::new("fake").sizing(Sizing::Ondemand {
        max_children: 5,
        process_idle_timeout: Duration::from_secs(3600),
    });
    let pool = Pool::start_with(config, spawner).unwrap();
    let error = pool.call(get("/x.php".as_ref())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoWorker);
    // Nobody asks any more.
    common::until("it is well", || pool.status().idle() == 1).await;
    let status = pool.status();
    assert_eq!(
        (status.failures_in_a_row, status.totals.start_failures),
        (0, 8)
    );
    assert_eq!(text(pool.call(get("/x.php".as_ref())).await).await, "ok");
    common::check_counts(&pool.status());
}

#[tokio::test(start_paused = true)]
async fn durations_without_end_are_no_limit() {
    let spawner = FakeSpawner::new(|_| async { OK });
    let never = Duration::MAX;
    let timeouts = Timeouts::default()
        .first_byte(never)
        .total(never)
        .start(never)
        .stop(never)
        .reload_grace(never)
        .recover(never);
    let config = config(1)
        .timeouts(timeouts)
        .backoff(never, never)
        .queue(Queue::default().max_wait(never));
    let pool = Pool::start_with(config, spawner).unwrap();
    let request = get("/x.php".as_ref())
        .first_byte_timeout(never)
        .total_timeout(never);
    assert_eq!(text(pool.call(request).await).await, "ok");
    pool.shutdown(never).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_worker_of_a_pool_that_drains_without_one() {
    let config = PoolConfig::new("fake").sizing(Sizing::default());
    let pool = Pool::start_with(config, FakeSpawner::new(|_| async { OK })).unwrap();
    pool.drain().await;
    let error = pool.ready().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}
