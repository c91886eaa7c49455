//! Places in the queue: one that becomes free goes to one caller, in order.
#![cfg(feature = "test-util")]

mod common;

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use common::{Counted, get, start_with};
use fpm_pool::testing::FakeSpawner;
use fpm_pool::{ErrorKind, PoolConfig, PoolHandle, Queue, Request, Sizing};
use tokio::task::JoinHandle;
use tower_service::Service;

const OK: &str = "Content-type: text/plain\r\n\r\nok";

/// One worker that never answers, and no place but one.
async fn full() -> (Counted, [JoinHandle<()>; 2]) {
    let config = PoolConfig::new("fake")
        .sizing(Sizing::Static { max_children: 1 })
        .queue(Queue::default().max_len(1));
    let spawner = FakeSpawner::new(|_| async {
        std::future::pending::<()>().await;
        OK
    });
    let pool = start_with(config, spawner).await;
    let calls = [(); 2].map(|()| {
        let pool: PoolHandle = pool.clone();
        tokio::spawn(async move {
            let _ = pool.call(get("/x.php".as_ref())).await;
        })
    });
    common::until("it is full", || pool.status().queue_len == 1).await;
    (pool, calls)
}

fn poll(pool: &mut PoolHandle) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    matches!(Service::poll_ready(pool, &mut cx), Poll::Ready(Ok(())))
}

#[tokio::test]
async fn one_place_wakes_one_in_order() {
    let (pool, calls) = full().await;
    let mut callers: Vec<PoolHandle> = (0..3).map(|_| pool.clone()).collect();
    assert!(callers.iter_mut().all(|caller| !poll(caller)));
    for call in &calls {
        call.abort();
    }
    poll_fn(|cx| Service::poll_ready(&mut callers[0], cx))
        .await
        .unwrap();
    common::until("the second, too", || poll(&mut callers[1])).await;
    assert!(!poll(&mut callers[2]), "two places, two callers");
    // The first does not want it any more: the third gets it.
    callers.remove(0);
    assert!(poll(&mut callers[1]));
}

#[tokio::test]
async fn a_place_that_a_failing_call_gives_back_wakes_the_next() {
    let (pool, calls) = full().await;
    calls.iter().for_each(JoinHandle::abort);
    let (mut first, mut second) = (pool.clone(), pool.clone());
    let mut third = pool.clone();
    common::until("two places are free", || {
        poll(&mut first) && poll(&mut second)
    })
    .await;
    assert!(!poll(&mut third));
    // Refused before it is sent: no params were written.
    let error = Service::call(&mut first, Request::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(poll(&mut third));
    // Refused by the queue: its deadline has passed.
    let mut fourth = pool.clone();
    assert!(!poll(&mut fourth));
    let late = get("/x.php".as_ref()).deadline(std::time::Instant::now());
    let error = Service::call(&mut second, late).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(poll(&mut fourth));
}

#[tokio::test]
async fn whoever_waits_for_a_place_is_told_that_the_pool_was_closed() {
    let (pool, _calls) = full().await;
    let mut waiting = pool.clone();
    assert!(!poll(&mut waiting));
    pool.shutdown(std::time::Duration::ZERO).await;
    assert!(poll(&mut waiting));
    let answer = Service::call(&mut waiting, get("/x.php".as_ref())).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Closed);
}
