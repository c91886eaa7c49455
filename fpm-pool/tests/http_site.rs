//! A PHP site as a service: what paths lead to, and what scripts are told.
#![cfg(feature = "http")]

mod common;

use common::web::{ask, get, request};
use common::{Site, fixed, start};
use fpm_pool::http::{Fault, Origin, PhpSite, TrustedProxies};
use http::StatusCode;
use tower::ServiceExt;
use tower_http::services::ServeDir;

const VARS: &str = "<?php foreach (explode(',', $_GET['v']) as $v) \
    echo $v, '=', $_SERVER[$v] ?? 'unset', ';';";

#[tokio::test]
async fn scripts_files_and_routes_have_one_service() {
    let site = Site::new(&[
        (
            "index.php",
            "<?php echo 'route ', $_SERVER['REQUEST_URI'], ' ', $_SERVER['PATH_INFO'] ?? '';",
        ),
        ("a b%.txt", "a file"),
        ("docs/index.html", "docs"),
        ("docs/.env", "SECRET"),
        ("copy.php~", "SECRET"),
    ]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root())
        .front_controller("index.php")
        .files(ServeDir::new(site.root()));
    for (target, status, text) in [
        ("/", 200, "route / "),
        ("/index.php/x/y?z", 200, "route /index.php/x/y?z /x/y"),
        ("/user/7", 200, "route /user/7 "),
        ("/a%20b%25.txt", 200, "a file"),
        ("//docs/./", 200, "docs"),
        ("/docs/.env", 404, "404 Not Found\n"),
        ("/copy.php~", 404, "404 Not Found\n"),
        ("/../x", 400, "400 Bad Request\n"),
    ] {
        let answer = ask(&php, get(target)).await;
        let got = (answer.status.as_u16(), &*answer.text);
        assert_eq!(got, (status, text), "{target}");
        let fault = answer.extensions.get::<Fault>().map(Fault::status);
        assert_eq!(fault.is_some(), status >= 400, "{target}");
    }
    let folder = ask(&php, get("/docs?q")).await;
    assert_eq!(folder.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(folder.headers["location"], "/docs/?q");
    let bare = PhpSite::new(pool.clone(), site.root());
    assert_eq!(ask(&bare, get("/docs/")).await.status, 404);
    let trace = ask(&php, request("TRACE", "/", "")).await;
    assert_eq!(trace.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn scripts_are_told_who_asks_and_where() {
    let site = Site::new(&[("sub/v.php", VARS)]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root())
        .software("host/1")
        .var("APP_ENV", "test");
    let names = "REMOTE_ADDR,REMOTE_PORT,SERVER_PORT,HTTPS,SERVER_SOFTWARE,APP_ENV,PATH_INFO,\
                 SCRIPT_NAME,CONTENT_LENGTH,HTTP_TRACEPARENT,HTTP_TRACESTATE";
    let mut request = request("POST", &format!("/sub/v.php/p%20q?v={names}"), "body");
    let client = Origin::tcp("192.0.2.7:50000".parse().unwrap());
    let local = "192.0.2.1:8443".parse().unwrap();
    let origin = client.local(local).https(true);
    request.extensions_mut().insert(origin);
    let context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = request.headers_mut();
    headers.insert("traceparent", context.parse().unwrap());
    headers.insert("tracestate", "a=1".parse().unwrap());
    let answer = ask(&php, request).await;
    assert_eq!(
        answer.text,
        format!(
            "REMOTE_ADDR=192.0.2.7;REMOTE_PORT=50000;SERVER_PORT=8443;HTTPS=on;\
             SERVER_SOFTWARE=host/1;APP_ENV=test;PATH_INFO=/p q;SCRIPT_NAME=/sub/v.php;\
             CONTENT_LENGTH=4;HTTP_TRACEPARENT={context};HTTP_TRACESTATE=a=1;"
        )
    );
    // A trace context is passed on, never made up.
    let none = ask(&php, get("/sub/v.php?v=HTTP_TRACEPARENT")).await;
    assert_eq!(none.text, "HTTP_TRACEPARENT=unset;");
}

#[tokio::test]
async fn proxies_are_believed_when_the_host_says_who_connects() {
    let site = Site::new(&[("v.php", VARS)]);
    let pool = start(fixed(1)).await;
    let trusted: TrustedProxies = ["127.0.0.1", "unix"]
        .map(|proxy| proxy.parse().unwrap())
        .into_iter()
        .collect();
    let php = PhpSite::new(pool.clone(), site.root()).trusted_proxies(trusted);
    let from = |origin: Option<Origin>| {
        let mut request = get("/v.php?v=REMOTE_ADDR,HTTPS,HTTP_HOST");
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        headers.insert("x-forwarded-host", "outer".parse().unwrap());
        origin.map(|origin| request.extensions_mut().insert(origin));
        request
    };
    let proxy = Origin::tcp("127.0.0.1:1".parse().unwrap());
    let stranger = Origin::tcp("203.0.113.1:1".parse().unwrap());
    let believed = "REMOTE_ADDR=198.51.100.7;HTTPS=on;HTTP_HOST=outer;";
    for (origin, expected) in [
        (Some(proxy), believed),
        (Some(Origin::unix()), believed),
        (
            Some(stranger),
            "REMOTE_ADDR=203.0.113.1;HTTPS=unset;HTTP_HOST=example.org;",
        ),
        (None, "REMOTE_ADDR=unix:;HTTPS=unset;HTTP_HOST=example.org;"),
    ] {
        assert_eq!(ask(&php, from(origin)).await.text, expected, "{origin:?}");
    }
}

#[tokio::test]
async fn head_gets_no_body_and_leaves_the_worker_whole() {
    let site = Site::new(&[
        ("pid.php", "<?php echo getmypid();"),
        ("big.php", "<?php echo str_repeat('x', 3 << 20);"),
        ("204.php", "<?php http_response_code(204); echo 'x';"),
    ]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root());
    let pid = ask(&php, get("/pid.php")).await.text;
    let answered = php.respond(get("/pid.php")).await;
    let worker = answered.body().answered().unwrap().process_id;
    assert_eq!(worker.to_string(), pid);
    for (method, target) in [("HEAD", "/big.php"), ("GET", "/204.php")] {
        let answer = ask(&php, request(method, target, "")).await;
        assert!(answer.status.is_success());
        assert_eq!(answer.text, "");
    }
    let missing = ask(&php, request("HEAD", "/missing", "")).await;
    assert_eq!((missing.status.as_u16(), &*missing.text), (404, ""));
    assert_eq!(missing.headers["content-length"], "14");
    assert_eq!(ask(&php, get("/pid.php")).await.text, pid);
}

#[tokio::test]
async fn early_hints_are_told_to_the_host_that_asks() {
    let script = "<?php ob_end_flush(); http_response_code(103); header('Link: </a.css>'); \
                  echo \"Status: 200\\r\\nContent-Type: text/plain\\r\\n\\r\\nbody\";";
    let site = Site::new(&[("hints.php", script)]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root());
    let (tell, told) = std::sync::mpsc::channel();
    let mut request = get("/hints.php");
    let hints = fpm_pool::http::EarlyHints::new(move |head| tell.send(head).unwrap());
    request.extensions_mut().insert(hints);
    let answer = ask(&php, request).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (200, "body"));
    let head = told.try_recv().unwrap();
    assert_eq!(head.status().as_u16(), 103);
    assert_eq!(head.headers()["link"], "</a.css>");
    assert_eq!(ask(&php, get("/hints.php")).await.text, "body");
}

#[tokio::test]
async fn axum_takes_the_site_as_its_fallback() {
    let site = Site::new(&[("index.php", "<?php echo 'php ', $_SERVER['REQUEST_URI'];")]);
    let pool = start(fixed(1)).await;
    let php = PhpSite::new(pool.clone(), site.root()).front_controller("index.php");
    let app = axum::Router::new()
        .route("/api", axum::routing::get(|| async { "rust" }))
        .fallback_service(php);
    for (target, expected) in [("/api", "rust"), ("/else", "php /else")] {
        let request = get(target).map(axum::body::Body::from);
        let answer = app.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1000).await;
        assert_eq!(body.unwrap(), expected);
    }
}
