//! Answers that are not what their head says, heads before the head, and
//! what a script ended with.

mod common;

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use common::{Site, fixed, get, is_alive, request, start, text, until};
use fpm_pool::{ErrorKind, Pool, Request};
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Waits for the file `go` beside the script, ten seconds at most.
const WAIT: &str = "for ($i = 0; $i < 10000 && !file_exists(__DIR__ . '/go'); $i++) { usleep(1000); clearstatcache(); }";

#[tokio::test]
async fn answer_shorter_than_its_content_length_is_an_error() {
    let site = Site::new(&[
        (
            "short.php",
            "<?php header('Content-Length: 10'); echo 'abc';",
        ),
        ("pid.php", "<?php echo getmypid();"),
    ]);
    let pool = start(fixed(1)).await;
    let pid = text(pool.call(get(&site.path("pid.php"))).await).await;
    let error = pool.call(get(&site.path("short.php"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShortAnswer);
    assert_eq!(error.kind().http_status(), StatusCode::BAD_GATEWAY);
    // The worker is in step all the same.
    let same = text(pool.call(get(&site.path("pid.php"))).await).await;
    assert_eq!(same, pid);
}

#[tokio::test]
async fn short_answer_whose_head_is_out_ends_with_the_error() {
    let script =
        format!("<?php header('Content-Length: 10'); ob_end_flush(); echo 'abc'; flush(); {WAIT}");
    let site = Site::new(&[("short.php", &script)]);
    let pool = start(fixed(1)).await;
    let answer = pool.call(get(&site.path("short.php"))).await.unwrap();
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "abc");
    assert_eq!(body.app_status(), None, "it runs");
    site.write("go", "");
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShortAnswer);
    assert!(body.frame().await.is_none());
    assert_eq!(body.app_status(), Some(0));
}

#[tokio::test]
async fn answer_longer_than_its_content_length_is_cut_and_logged_once() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let site = Site::new(&[(
        "long.php",
        "<?php header('Content-Length: 5'); ob_end_flush(); \
         foreach (['abc', 'def', 'ghi', 'jkl'] as $part) { echo $part; flush(); }",
    )]);
    let pool = start(fixed(1)).await;
    for _ in 0..2 {
        let answer = pool.call(get(&site.path("long.php"))).await;
        assert_eq!(text(answer).await, "abcde");
    }
    until("the worker is free", || pool.status().idle() == 1).await;
    let lines = log.lines.lock().unwrap();
    let cut: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("cut off"))
        .collect();
    assert_eq!(cut.len(), 2, "{lines:?}");
    assert!(cut[0].contains("long.php"), "{cut:?}");
}

#[tokio::test]
async fn answers_without_a_body_have_none_whatever_the_script_sends() {
    let site = Site::new(&[
        (
            "body.php",
            "<?php header('Content-Length: 4'); echo 'body';",
        ),
        (
            "less.php",
            "<?php header('Content-Length: 9'); echo 'body';",
        ),
        ("204.php", "<?php http_response_code(204); echo 'body';"),
        (
            "304.php",
            "<?php http_response_code(304); header('Content-Length: 99');",
        ),
    ]);
    let pool = start(fixed(1)).await;
    let head = |name: &str| request("HEAD", &site.path(name), 0, "");
    for request in [
        head("body.php"),
        head("less.php"),
        get(&site.path("204.php")),
        get(&site.path("304.php")),
    ] {
        let text = text(pool.call(request).await).await;
        assert_eq!(text, "");
    }
    assert_eq!(
        text(pool.call(get(&site.path("body.php"))).await).await,
        "body"
    );
}

#[tokio::test]
async fn heads_before_the_head_are_told_in_order() {
    let script = format!(
        "<?php ob_end_flush(); http_response_code(103); header('Link: </a.css>'); \
         echo \"Status: 103 Early Hints\\r\\nLink: </b.css>\\r\\n\\r\\n\"; flush(); {WAIT} \
         echo \"Status: 418 Teapot\\r\\nX-Tag: last\\r\\n\\r\\nbody\";"
    );
    let site = Site::new(&[("hints.php", &script)]);
    let pool = start(fixed(1)).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let request = get(&site.path("hints.php")).on_informational(move |head| {
        tell.send(head).unwrap();
    });
    let calling = tokio::spawn({
        let pool = pool.clone();
        async move { pool.call(request).await }
    });
    // They come while the script runs.
    for link in ["</a.css>", "</b.css>"] {
        let head = told.recv().await.unwrap();
        assert_eq!(head.status().as_u16(), 103);
        assert_eq!(head.headers()["link"], link);
    }
    site.write("go", "");
    let answer = calling.await.unwrap().unwrap();
    assert_eq!(answer.status().as_u16(), 418);
    assert_eq!(answer.headers()["x-tag"], "last");
    assert!(told.recv().await.is_none());
    assert_eq!(text(Ok(answer)).await, "body");
    // Whoever does not ask is not told, and gets the same.
    let answer = pool.call(get(&site.path("hints.php"))).await;
    assert_eq!(text(answer).await, "body");
}

#[tokio::test]
async fn request_without_finished_params_is_refused() {
    let site = Site::new(&[("hi.php", "<?php echo 'hi';")]);
    let pool = start(fixed(1)).await;
    let mut unfinished = Request::new();
    unfinished.params().push(b"REQUEST_METHOD", b"GET").unwrap();
    for request in [Request::new(), unfinished] {
        let error = pool.call(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    assert_eq!(text(pool.call(get(&site.path("hi.php"))).await).await, "hi");
}

#[tokio::test]
async fn whole_answer_knows_how_its_script_ended() {
    let site = Site::new(&[("hi.php", "<?php echo 'hi';")]);
    let pool = start(fixed(1)).await;
    let answer = pool.call(get(&site.path("hi.php"))).await.unwrap();
    let mut body = answer.into_body();
    while body.frame().await.is_some() {}
    assert!(body.is_end_stream());
    assert_eq!(body.app_status(), Some(0));
}

#[test]
fn body_whose_pool_lost_its_runtime_ends_with_an_error() {
    let script = format!("<?php ob_end_flush(); echo 'first'; flush(); {WAIT} echo 'last';");
    let site = Site::new(&[("slow.php", &script)]);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let (its_own, other) = (runtime(), runtime());
    let answer = its_own.block_on(async {
        let pool = Pool::start(fixed(1)).unwrap();
        pool.ready().await.unwrap();
        pool.call(get(&site.path("slow.php"))).await.unwrap()
    });
    let pid = answer.body().answered().process_id;
    let mut body = answer.into_body();
    its_own.shutdown_background();
    other.block_on(async {
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "first");
        // Which of the pool's tasks goes first decides on the kind.
        body.frame().await.unwrap().unwrap_err();
        assert!(body.frame().await.is_none());
        site.write("go", "");
        until("the worker is gone", || !is_alive(pid)).await;
    });
}

/// The lines of warnings.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.lines.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
