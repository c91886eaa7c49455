//! Request bodies on their way to the workers of a site.
#![cfg(feature = "http")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::web::{ask, request};
use common::{Site, fixed, start, until};
use fpm_pool::http::{BodyPolicy, Fault, PhpSite};
use futures::{SinkExt, channel::mpsc};
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;

type Gone = std::io::Error;
type Piece = Result<Frame<Bytes>, Gone>;
type Feed = mpsc::Sender<Piece>;
type Fed = Request<StreamBody<mpsc::Receiver<Piece>>>;

const COUNT: &str = "<?php $n = 0; $in = fopen('php://input', 'r'); \
    while (($d = fread($in, 1 << 16)) !== '' && $d !== false) { $n += strlen($d); } \
    echo $n, ' ', $_SERVER['CONTENT_LENGTH'] ?? 'none';";

/// A POST whose body comes when the test sends it.
fn fed(length: Option<u64>) -> (Feed, Fed) {
    let (feed, body) = mpsc::channel(0);
    let request = Request::post("/count.php").header("host", "a");
    let request = match length {
        Some(length) => request.header("content-length", length),
        None => request,
    };
    (feed, request.body(StreamBody::new(body)).unwrap())
}

fn piece(bytes: usize) -> Piece {
    Ok(Frame::data(Bytes::from(vec![b'x'; bytes])))
}

#[tokio::test]
async fn slow_upload_holds_no_worker() {
    let site = Site::new(&[("count.php", COUNT)]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root());
    let (mut feed, slow) = fed(Some(200_000));
    let uploading = tokio::spawn({
        let php = php.clone();
        async move { ask(&php, slow).await.text }
    });
    feed.send(piece(100_000)).await.unwrap();
    // The one worker is free for others meanwhile.
    assert_eq!(
        ask(&php, request("POST", "/count.php", "ab")).await.text,
        "2 2"
    );
    feed.send(piece(100_000)).await.unwrap();
    drop(feed);
    assert_eq!(uploading.await.unwrap(), "200000 200000");
}

#[tokio::test]
async fn stream_reaches_the_worker_as_it_comes() {
    let site = Site::new(&[("count.php", COUNT)]);
    let pool = start(fixed(1)).await;
    let bodies = BodyPolicy::default().streams(true);
    let php = PhpSite::new(pool.clone(), site.root()).bodies(bodies);
    let (mut feed, slow) = fed(Some(200_000));
    let uploading = tokio::spawn(async move { ask(&php, slow).await.text });
    feed.send(piece(100_000)).await.unwrap();
    until("a worker has it", || pool.status().running == 1).await;
    feed.send(piece(100_000)).await.unwrap();
    drop(feed);
    assert_eq!(uploading.await.unwrap(), "200000 200000");
}

#[tokio::test]
async fn body_of_unknown_length_gets_one() {
    let site = Site::new(&[("count.php", COUNT)]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root());
    let (mut feed, chunked) = fed(None);
    let uploading = tokio::spawn(async move { ask(&php, chunked).await.text });
    for _ in 0..64 {
        feed.send(piece(1 << 16)).await.unwrap();
    }
    drop(feed);
    assert_eq!(uploading.await.unwrap(), "4194304 4194304");
}

#[tokio::test]
async fn bodies_past_a_bound_are_refused_with_its_status() {
    let site = Site::new(&[("count.php", COUNT)]);
    let pool = start(fixed(1)).await;
    let site = |bodies| PhpSite::new(pool.clone(), site.root()).bodies(bodies);
    let small = BodyPolicy::default().max_bytes(1000);
    let php = site(small.clone());
    let long = "x".repeat(1001);
    assert_eq!(
        ask(&php, request("POST", "/count.php", &long)).await.status,
        413
    );
    // Whole or as a stream: what stalls is answered with 408.
    for streams in [false, true] {
        let policy = BodyPolicy::default()
            .memory_bytes(10)
            .streams(streams)
            .stall(Duration::from_millis(50));
        let php = site(policy);
        let (mut feed, stalled) = fed(Some(100));
        let (answer, _) = tokio::join!(ask(&php, stalled), feed.send(piece(20)));
        assert_eq!(answer.status, 408, "streams: {streams}");
        let fault = answer.extensions.get::<Fault>().unwrap();
        assert!(fault.reason().contains("too long"), "{fault}");
    }
    let full = site(BodyPolicy::default().memory_bytes(10).disk_bytes(100));
    let refused = ask(&full, request("POST", "/count.php", &long)).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "1");
    // The worker is well.
    assert_eq!(
        ask(&php, request("POST", "/count.php", "ab")).await.text,
        "2 2"
    );
}

#[tokio::test]
async fn upload_that_breaks_off_never_starts_a_script() {
    let site = Site::new(&[("count.php", COUNT)]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root());
    let (mut feed, broken) = fed(Some(100));
    let gone = Err(Gone::from(std::io::ErrorKind::ConnectionReset));
    let (answer, _) = tokio::join!(ask(&php, broken), async {
        feed.send(piece(20)).await.unwrap();
        feed.send(gone).await
    });
    assert_eq!(answer.status, 400);
    assert_eq!(pool.status().totals.begun, 0);
}
