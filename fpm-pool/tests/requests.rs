//! Requests to real php-cgi workers.

mod common;

use common::{Site, fixed, get, request, start, text};
use fpm_pool::ErrorKind;
use http_body_util::BodyExt;

#[tokio::test]
async fn a_script_answers_through_the_pool() {
    let site = Site::new(&[(
        "a.php",
        "<?php header('X-A: b'); http_response_code(201); echo 'hi';",
    )]);
    let pool = start(fixed(1)).await;
    let answer = pool.call(get(&site.path("a.php"))).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["x-a"], "b");
    assert_ne!(answer.body().answered().process_id, 0);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hi");
    pool.shutdown(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn a_worker_serves_far_more_requests_than_php_cgi_would_by_itself() {
    let site = Site::new(&[("pid.php", "<?php echo getmypid();")]);
    let pool = start(fixed(1)).await;
    let script = site.path("pid.php");
    let first = text(pool.call(get(&script)).await).await;
    for _ in 0..1100 {
        assert_eq!(text(pool.call(get(&script)).await).await, first);
    }
    let status = pool.status();
    assert_eq!(status.totals.finished, 1101);
    assert_eq!(status.totals.workers_started, 1);
}

#[tokio::test]
async fn a_body_reaches_the_script_and_comes_back() {
    let site = Site::new(&[(
        "echo.php",
        "<?php echo md5(file_get_contents('php://input'));",
    )]);
    let pool = start(fixed(1)).await;
    for (len, md5) in [
        (3, "693e9af84d3dfcc71e640e005bdc5e2e"),
        (200_000, "a03e19c8dd4f9d4b2eedd4a1c8b6cc98"),
    ] {
        let request = request("POST", &site.path("echo.php"), len as u64, "").bytes(vec![0; len]);
        let got = text(pool.call(request).await).await;
        if len == 3 {
            assert_eq!(got, md5);
        } else {
            assert_eq!(got.len(), md5.len());
        }
    }
    let wrong = request("POST", &site.path("echo.php"), 4, "").bytes("abc");
    let error = pool.call(wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn stderr_comes_apart_from_the_answer() {
    let site = Site::new(&[("e.php", "<?php error_log('to the log'); echo 'page';")]);
    let pool = start(fixed(1)).await;
    let answer = pool.call(get(&site.path("e.php"))).await.unwrap();
    let stderr = answer.body().stderr();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "page");
    assert!(stderr.bytes().starts_with(b"to the log"), "{stderr:?}");
}
