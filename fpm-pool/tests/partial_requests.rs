//! A script never runs with a part of its request, whatever breaks it off.

mod common;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::{Counted, Site, fixed, get, request, start, text, until};
use fpm_pool::{ErrorKind, ExitReason, OnClientGone, Request, StopReason, Timeouts};
use http_body::Frame;

const LENGTH: u64 = 200_000;

/// A part of a body, and then nothing more for ever.
struct Stalled(Option<Bytes>);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None => Poll::Pending,
        }
    }
}

/// Tells when it began, and what it got.
fn site() -> Site {
    let script = "<?php file_put_contents(__FILE__ . '.ran', \
        strlen(file_get_contents('php://input')) . ' ' . count($_POST) . \"\\n\", FILE_APPEND);";
    Site::new(&[("in.php", script), ("pid.php", "<?php echo getmypid();")])
}

/// An upload whose client stops after `sent` bytes.
fn upload(site: &Site, sent: usize) -> Request {
    let part = Bytes::from(vec![b'x'; sent]);
    request("POST", &site.path("in.php"), LENGTH, "").stream(Stalled(Some(part)), LENGTH)
}

async fn check(site: &Site, pool: &Counted, killed: u64) {
    let partial = ExitReason::Stopped(StopReason::PartialRequest);
    until("its worker is killed", || {
        pool.status().totals.exits.contains(&(partial, killed))
    })
    .await;
    text(pool.call(get(&site.path("pid.php"))).await).await;
    assert!(!site.path("in.php.ran").exists(), "the script ran");
}

#[tokio::test]
async fn an_upload_whose_client_leaves_never_runs_under_any_policy() {
    let site = site();
    let pool = start(fixed(1)).await;
    let policies = [
        OnClientGone::Abort,
        OnClientGone::Finish,
        OnClientGone::Kill,
    ];
    for (policy, killed) in policies.into_iter().zip(1..) {
        for sent in [0, 1, 98_304] {
            let upload = upload(&site, sent).on_client_gone(policy);
            let handle = pool.clone();
            let call = tokio::spawn(async move { handle.call(upload).await.map(drop) });
            until("it runs", || pool.status().running == 1).await;
            call.abort();
            until("it has left", || pool.status().running == 0).await;
        }
        check(&site, &pool, killed * 3).await;
    }
    assert_eq!(pool.status().totals.abandoned, 9);
}

#[tokio::test]
async fn an_upload_that_passes_its_limit_never_runs() {
    let site = site();
    let limit = Duration::from_millis(200);
    let pool = start(fixed(1).timeouts(Timeouts::default().total(limit))).await;
    let error = pool.call(upload(&site, 98_304)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
    until("its worker is gone", || pool.status().idle() == 1).await;
    assert!(!site.path("in.php.ran").exists(), "the script ran");
}

#[tokio::test]
async fn an_upload_that_a_shutdown_breaks_off_never_runs() {
    let site = site();
    let pool = start(fixed(1)).await;
    let (handle, upload) = (pool.clone(), upload(&site, 98_304));
    let call = tokio::spawn(async move { handle.call(upload).await.map(drop) });
    until("it runs", || pool.status().running == 1).await;
    pool.shutdown(Duration::ZERO).await;
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(!site.path("in.php.ran").exists(), "the script ran");
}

#[tokio::test]
async fn a_whole_upload_runs_although_its_client_leaves_before_the_answer() {
    let site = site();
    let pool = start(fixed(1)).await;
    let body = vec![b'x'; usize::try_from(LENGTH).unwrap()];
    let upload = request("POST", &site.path("in.php"), LENGTH, "")
        .bytes(body)
        .on_client_gone(OnClientGone::Finish);
    let handle = pool.clone();
    let call = tokio::spawn(async move { handle.call(upload).await.map(drop) });
    until("it has run", || site.path("in.php.ran").exists()).await;
    call.abort();
    until("it is over", || pool.status().running == 0).await;
    let ran = std::fs::read_to_string(site.path("in.php.ran")).unwrap();
    assert_eq!(ran, "200000 0\n");
    assert_eq!(pool.status().totals.workers_started, 1);
}
