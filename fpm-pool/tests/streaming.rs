//! Bodies that are larger than what is held of them, and slow clients.

mod common;

use std::convert::Infallible;
use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Site, fixed, get, request, start, text, until};
use fpm_pool::{ErrorKind, ExitReason, PoolConfig, PoolLimits, Sizing, StopReason};
use futures::StreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

/// 64 MiB, or what `FPM_POOL_STREAM_MIB` says.
fn size() -> u64 {
    let mib = std::env::var("FPM_POOL_STREAM_MIB").ok();
    mib.and_then(|mib| mib.parse().ok()).unwrap_or(64_u64) << 20
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// Not more than this may be held of a stream, all in all.
const HELD: u64 = 16 << 20;

fn zeros(len: u64) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static {
    let chunk = Bytes::from(vec![0; 1 << 16]);
    let chunks = futures::stream::iter(0..len / (1 << 16));
    StreamBody::new(chunks.map(move |_| Ok(Frame::data(chunk.clone()))))
}

#[tokio::test]
async fn bodies_stream_both_ways_in_bounded_memory() {
    let site = Site::new(&[
        (
            "up.php",
            "<?php $n = 0; $f = fopen('php://input', 'r'); while (!feof($f)) $n += strlen(fread($f, 65536)); echo $n;",
        ),
        (
            "down.php",
            "<?php $x = str_repeat('x', 65536); for ($i = $_GET['n']; $i > 0; $i--) echo $x;",
        ),
    ]);
    let command = common::php().define("enable_post_data_reading", "0");
    let config = PoolConfig::new("test")
        .command(command)
        .sizing(Sizing::Static { max_children: 1 });
    let pool = start(config).await;
    let before = resident();
    let up = request("PUT", &site.path("up.php"), size(), "").stream(zeros(size()), size());
    assert_eq!(text(pool.call(up).await).await, size().to_string());
    assert!(resident() < before + HELD, "{} more", resident() - before);
    let query = format!("n={}", size() >> 16);
    let down = request("GET", &site.path("down.php"), 0, &query);
    let mut body = pool.call(down).await.unwrap().into_body();
    let mut got = 0;
    while let Some(frame) = body.frame().await {
        got += frame.unwrap().into_data().unwrap().len() as u64;
    }
    assert_eq!(got, size());
    assert!(resident() < before + HELD, "{} more", resident() - before);
}

#[tokio::test]
async fn both_directions_move_at_once() {
    let site = Site::new(&[(
        "both.php",
        "<?php echo str_repeat('a', 4 << 20); $n = strlen(file_get_contents('php://input')); echo $n;",
    )]);
    let pool = start(fixed(1)).await;
    let len = 8 << 20;
    let request = request("PUT", &site.path("both.php"), len, "").stream(zeros(len), len);
    let body = text(pool.call(request).await).await;
    assert_eq!(body.len(), (4 << 20) + len.to_string().len());
}

#[tokio::test]
async fn a_slow_client_does_not_hold_a_worker_while_its_answer_fits() {
    let site = Site::new(&[
        ("big.php", "<?php echo str_repeat('x', (int) $_GET['n']);"),
        ("pid.php", "<?php echo getmypid();"),
    ]);
    let pool = start(fixed(1)).await;
    let fits = request("GET", &site.path("big.php"), 0, "n=900000");
    let slow = pool.call(fits).await.unwrap();
    // Nothing is taken of it, and yet the worker is free.
    text(pool.call(get(&site.path("pid.php"))).await).await;
    assert_eq!(text(Ok(slow)).await.len(), 900_000);

    let too_much = request("GET", &site.path("big.php"), 0, "n=8000000");
    let slow = pool.call(too_much).await.unwrap();
    let next = tokio::spawn({
        let (pool, script) = (pool.clone(), site.path("pid.php"));
        async move { text(pool.call(get(&script)).await).await }
    });
    until("the next one waits", || pool.status().queue_len == 1).await;
    assert_eq!(pool.status().active(), 1);
    assert_eq!(text(Ok(slow)).await.len(), 8_000_000);
    next.await.unwrap();
}

#[tokio::test]
async fn the_bound_of_an_answer_can_be_set() {
    let site = Site::new(&[("big.php", "<?php echo str_repeat('x', 4 << 20);")]);
    let limits = PoolLimits::default().answer_buffer_bytes(8 << 20);
    let pool = start(fixed(1).limits(limits)).await;
    let slow = pool.call(get(&site.path("big.php"))).await.unwrap();
    until("the worker is free", || pool.status().idle() == 1).await;
    assert_eq!(text(Ok(slow)).await.len(), 4 << 20);
}

#[tokio::test]
async fn the_first_byte_arrives_before_the_script_ends() {
    let site = Site::new(&[(
        "flush.php",
        "<?php ob_end_flush(); echo 'first'; flush(); sleep(2); echo 'last';",
    )]);
    let pool = start(fixed(1)).await;
    let began = Instant::now();
    let mut body = pool
        .call(get(&site.path("flush.php")))
        .await
        .unwrap()
        .into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "first");
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(body.collect().await.unwrap().to_bytes(), "last");
}

#[tokio::test]
async fn a_body_of_another_length_fails_and_its_script_never_runs() {
    let site = Site::new(&[
        (
            "in.php",
            "<?php $got = strlen(file_get_contents('php://input')); touch(__FILE__ . '.ran');",
        ),
        ("pid.php", "<?php echo getmypid();"),
    ]);
    let pool = start(fixed(1)).await;
    let mut pid = text(pool.call(get(&site.path("pid.php"))).await).await;
    for sent in [1 << 16, 3 << 16] {
        let request =
            request("PUT", &site.path("in.php"), 2 << 16, "").stream(zeros(sent), 2 << 16);
        let error = pool.call(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RequestBody);
        let next = text(pool.call(get(&site.path("pid.php"))).await).await;
        assert_ne!(next, pid, "its worker was killed");
        pid = next;
    }
    assert!(!site.path("in.php.ran").exists());
    let partial = ExitReason::Stopped(StopReason::PartialRequest);
    assert!(pool.status().totals.exits.contains(&(partial, 2)));
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_of_an_answer_fails_the_body() {
    let site = Site::new(&[(
        "half.php",
        "<?php echo str_repeat('x', 100000); flush(); usleep(100000); posix_kill(posix_getpid(), 9); sleep(1);",
    )]);
    let pool = start(fixed(1)).await;
    let answer = pool.call(get(&site.path("half.php"))).await.unwrap();
    let error = answer.into_body().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerDied);
    until("it is replaced", || pool.status().idle() == 1).await;
}
