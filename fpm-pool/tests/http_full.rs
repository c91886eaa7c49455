//! A site whose pool is full or failing: refusals, and what readiness says.
#![cfg(feature = "http")]

mod common;

use std::future::poll_fn;

use common::web::{ask, get};
use common::{Site, fixed, start, until};
use fpm_pool::Queue;
use fpm_pool::http::{Fault, PhpSite, WhenFull};
use futures::{FutureExt, SinkExt};
use tower::Service;
use tower_http::services::ServeDir;

const WAIT: &str = "<?php for ($i = 0; $i < 30000 && !file_exists(__DIR__ . '/go'); $i++) \
    { usleep(1000); clearstatcache(); } echo 'done';";

#[tokio::test]
async fn full_queue_is_503_with_retry_after_and_files_go_on() {
    let site = Site::new(&[("wait.php", WAIT), ("a.txt", "file")]);
    let queue = Queue::default().max_len(1);
    let pool = start(fixed(1).queue(queue)).await;
    let php = PhpSite::new(pool.clone(), site.root()).files(ServeDir::new(site.root()));
    let begin = || {
        let php = php.clone();
        tokio::spawn(async move { ask(&php, get("/wait.php")).await })
    };
    let first = begin();
    until("one runs", || pool.status().running == 1).await;
    let second = begin();
    until("one waits", || pool.status().queue_len == 1).await;
    let refused = ask(&php, get("/wait.php")).await;
    assert_eq!(refused.status, 503);
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(wait >= 1);
    assert!(refused.extensions.get::<Fault>().unwrap().wait().is_some());
    assert_eq!(ask(&php, get("/a.txt")).await.text, "file");
    site.write("go", "");
    for answer in [first, second] {
        assert_eq!(answer.await.unwrap().text, "done");
    }
}

#[tokio::test]
async fn readiness_that_waits_keeps_a_place_and_gives_it_back() {
    let site = Site::new(&[("wait.php", WAIT), ("now.php", "<?php echo 'now';")]);
    // One runs, none waits: one place in all.
    let pool = start(fixed(1).queue(Queue::default().max_len(0))).await;
    let php = PhpSite::new(pool.clone(), site.root()).when_full(WhenFull::Wait);
    let ready = |php: &mut PhpSite| {
        poll_fn(|cx| Service::<http::Request<String>>::poll_ready(php, cx)).now_or_never()
    };
    let (mut one, mut other) = (php.clone(), php.clone());
    assert!(ready(&mut one).is_some());
    assert!(ready(&mut other).is_none(), "the place is taken");
    // A request that needs no worker gives it back.
    assert_eq!(one.call(get("/missing")).await.unwrap().status(), 404);
    assert!(ready(&mut other).is_some());
    let running = tokio::spawn(other.call(get("/wait.php")));
    until("it runs", || pool.status().running == 1).await;
    assert!(ready(&mut one).is_none(), "the worker is busy");
    site.write("go", "");
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    let waited = poll_fn(|cx| Service::<http::Request<String>>::poll_ready(&mut one, cx));
    waited.await.unwrap();
    assert_eq!(one.call(get("/now.php")).await.unwrap().status(), 200);
    // Who does not wait is ready at once.
    let mut refusing = PhpSite::new(pool.clone(), site.root());
    assert!(ready(&mut refusing).is_some());
}

#[tokio::test]
async fn place_is_not_kept_while_a_body_comes() {
    let site = Site::new(&[(
        "count.php",
        "<?php echo strlen(file_get_contents('php://input'));",
    )]);
    let pool = start(fixed(1).queue(Queue::default().max_len(0))).await;
    let php = PhpSite::new(pool.clone(), site.root()).when_full(WhenFull::Wait);
    let (mut slow, mut quick) = (php.clone(), php.clone());
    let (mut feed, body) = futures::channel::mpsc::channel::<Result<_, std::io::Error>>(0);
    let body = http_body_util::StreamBody::new(body);
    let upload = http::Request::post("/count.php")
        .header("host", "a")
        .body(body)
        .unwrap();
    poll_fn(|cx| Service::<http::Request<String>>::poll_ready(&mut slow, cx))
        .await
        .unwrap();
    let uploading = tokio::spawn(slow.call(upload));
    let piece = || Ok(http_body::Frame::data(bytes::Bytes::from_static(b"abc")));
    feed.send(piece()).await.unwrap();
    feed.send(piece()).await.unwrap();
    poll_fn(|cx| Service::<http::Request<String>>::poll_ready(&mut quick, cx))
        .await
        .unwrap();
    assert_eq!(quick.call(get("/count.php")).await.unwrap().status(), 200);
    drop(feed);
    assert_eq!(uploading.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn dead_worker_is_502_and_its_reason_stays_inside() {
    let site = Site::new(&[("die.php", "<?php posix_kill(posix_getpid(), 9);")]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root());
    let request = common::web::request("POST", "/die.php", "x");
    let answer = ask(&php, request).await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.text),
        (502, "502 Bad Gateway\n")
    );
    let fault = answer.extensions.get::<Fault>().unwrap();
    assert!(fault.reason().contains("SIGKILL"), "{fault}");
}
