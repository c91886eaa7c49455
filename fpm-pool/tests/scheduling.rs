//! Sizing, keys, priorities and places, with real workers.

mod common;

use std::future::poll_fn;
use std::time::{Duration, Instant};

use common::{Site, fixed, get, php, start, text, until};
use fpm_pool::{ErrorKind, EventKind, KeyLimit, Pool, PoolConfig, Priority, Queue, Sizing};
use tower_service::Service;

fn sleeper() -> Site {
    Site::new(&[("sleep.php", "<?php usleep(300000); echo getmypid();")])
}

#[tokio::test]
async fn an_ondemand_pool_starts_with_the_demand_and_ends_with_it() {
    let site = sleeper();
    let config = PoolConfig::new("test")
        .command(php())
        .sizing(Sizing::Ondemand {
            max_children: 3,
            process_idle_timeout: Duration::from_millis(300),
        });
    let pool = Pool::start(config).unwrap();
    assert_eq!(pool.status().workers.len(), 0);
    let calls = (0..6).map(|_| {
        let (pool, script) = (pool.clone(), site.path("sleep.php"));
        tokio::spawn(async move { text(pool.call(get(&script)).await).await })
    });
    let calls: Vec<_> = calls.collect();
    until("three run", || pool.status().active() == 3).await;
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(pool.status().totals.workers_started, 3);
    until("none is left", || pool.status().workers.is_empty()).await;
}

#[tokio::test]
async fn a_resize_takes_effect_without_a_restart() {
    let pool = start(fixed(1)).await;
    let first = pool.status().workers[0].process_id;
    pool.resize(Sizing::Static { max_children: 3 }).unwrap();
    until("three idle", || pool.status().idle() == 3).await;
    pool.resize(Sizing::Static { max_children: 1 }).unwrap();
    until("one is left", || pool.status().workers.len() == 1).await;
    assert!(first.is_some());
    let wrong = pool.resize(Sizing::Static { max_children: 0 }).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn requests_of_a_key_block_no_worker() {
    let site = sleeper();
    let pool = start(fixed(2)).await;
    until("two idle", || pool.status().idle() == 2).await;
    let began = Instant::now();
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let request = get(&site.path("sleep.php")).exclusive(&b"session"[..]);
            let pool = pool.clone();
            tokio::spawn(async move { text(pool.call(request).await).await })
        })
        .collect();
    until("two wait", || pool.status().queue_len == 2).await;
    assert_eq!((pool.status().active(), pool.status().idle()), (1, 1));
    text(pool.call(get(&site.path("sleep.php"))).await).await;
    assert!(began.elapsed() < Duration::from_millis(800));
    for call in calls {
        call.await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_poll_ready_waits() {
    let site = sleeper();
    let queue = Queue::default().max_len(1).max_wait(Duration::from_secs(5));
    let mut pool = start(fixed(1).queue(queue)).await;
    let mut events = pool.subscribe();
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let (pool, request) = (pool.clone(), get(&site.path("sleep.php")));
            tokio::spawn(async move { pool.call(request).await.map(drop) })
        })
        .collect();
    until("the queue is full", || pool.status().queue_len == 1).await;
    let error = pool.call(get(&site.path("sleep.php"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueFull);
    assert!(error.retry_after().is_some());
    poll_fn(|cx| Service::poll_ready(&mut *pool, cx))
        .await
        .unwrap();
    let answer = Service::call(&mut *pool, get(&site.path("sleep.php"))).await;
    text(answer).await;
    for call in busy {
        call.await.unwrap().unwrap();
    }
    let refused = EventKind::RequestRefused {
        error: Some(ErrorKind::QueueFull),
    };
    loop {
        let event = events.recv().await.unwrap();
        if event.kind == refused {
            break;
        }
    }
}

#[tokio::test]
async fn waiting_has_limits_and_an_order() {
    let site = sleeper();
    let pool = start(fixed(1)).await;
    let call = |request: fpm_pool::Request| {
        let pool = pool.clone();
        tokio::spawn(async move {
            pool.call(request)
                .await
                .map(|answer| *answer.body().answered())
        })
    };
    let script = site.path("sleep.php");
    let first = call(get(&script));
    until("it runs", || pool.status().active() == 1).await;
    let hasty = call(get(&script).deadline(Instant::now() + Duration::from_millis(50)));
    let low = call(get(&script).priority(Priority::Low));
    let high = call(get(&script).priority(Priority::High));
    assert_eq!(
        hasty.await.unwrap().unwrap_err().kind(),
        ErrorKind::Deadline
    );
    first.await.unwrap().unwrap();
    let (low, high) = (low.await.unwrap().unwrap(), high.await.unwrap().unwrap());
    assert!(high.queue_wait + Duration::from_millis(200) < low.queue_wait);
    let status = pool.status();
    assert_eq!(status.queue_wait.count(), 3);
    assert!(status.queue_wait.max() >= Duration::from_millis(400));
}

#[tokio::test]
async fn a_drain_finishes_what_was_accepted() {
    let site = sleeper();
    let pool = start(fixed(1)).await;
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let (pool, request) = (pool.clone(), get(&site.path("sleep.php")));
            tokio::spawn(async move { text(pool.call(request).await).await })
        })
        .collect();
    until("one waits", || pool.status().queue_len == 1).await;
    pool.shutdown(Duration::from_secs(10)).await;
    for call in calls {
        call.await.unwrap();
    }
    let error = pool.call(get(&site.path("sleep.php"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(pool.status().workers.is_empty());
}

#[tokio::test]
async fn the_request_in_progress_is_in_the_status() {
    let site = sleeper();
    let pool = start(fixed(1)).await;
    let call = tokio::spawn({
        let (pool, request) = (pool.clone(), get(&site.path("sleep.php")));
        async move { text(pool.call(request).await).await }
    });
    until("it runs", || pool.status().active() == 1).await;
    let status = pool.status();
    let request = status.workers[0].request.as_ref().unwrap();
    let script = site.path("sleep.php");
    assert_eq!(
        request.param(b"SCRIPT_FILENAME"),
        Some(script.to_str().unwrap().as_bytes())
    );
    call.await.unwrap();
    assert!(pool.status().workers[0].request.is_none());
}

#[tokio::test]
async fn a_session_that_waits_for_its_lock_leaves_workers_to_others() {
    // Each waits for the lock of the one before, as PHP's sessions do.
    let locked =
        "<?php $lock = fopen(__FILE__ . '.lock', 'c'); flock($lock, LOCK_EX); usleep(100000);";
    let site = Site::new(&[("locked.php", locked), ("quick.php", "<?php echo 'quick';")]);
    let pool = start(fixed(4)).await;
    until("all are ready", || pool.status().idle() == 4).await;
    let session: Vec<_> = (0..20)
        .map(|_| {
            let request = get(&site.path("locked.php")).key("session", KeyLimit::Percent(50));
            let pool = pool.clone();
            tokio::spawn(async move { pool.call(request).await.map(drop) })
        })
        .collect();
    until("two run", || pool.status().running == 2).await;
    for _ in 0..20 {
        let quick = pool.call(get(&site.path("quick.php"))).await.unwrap();
        assert_eq!(quick.body().answered().queue_wait, Duration::ZERO);
        text(Ok(quick)).await;
        assert!(pool.status().running <= 2);
    }
    for call in session {
        call.await.unwrap().unwrap();
    }
}
