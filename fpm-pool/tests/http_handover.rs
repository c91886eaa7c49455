//! What scripts hand over: files, and whole requests.
#![cfg(all(feature = "http", feature = "test-util"))]

mod common;

use std::os::unix::fs::symlink;

use common::web::{ask, get, request};
use common::{Site, fixed, start, start_with};
use fpm_pool::PoolConfig;
use fpm_pool::http::PhpSite;
use fpm_pool::testing::{FakeRequest, FakeSpawner};
use tower_http::services::ServeDir;

#[tokio::test]
async fn files_are_handed_over_from_their_folders_alone() {
    let send = "<?php header('Content-Type: application/zip'); header('X-Tag: t'); \
                header($_GET['f'] . ': ' . $_GET['p']); echo 'body';";
    let site = Site::new(&[("root/send.php", send), ("root/a b.zip", "not this one")]);
    site.write("files/a b.zip", "zip content");
    site.write("secret.txt", "SECRET");
    symlink(site.path("secret.txt"), site.path("files/link")).unwrap();
    let files = site.path("files");
    let allowed = files.to_str().unwrap();
    let pool = start(fixed(1)).await;
    let bare = PhpSite::new(pool.clone(), site.path("root"));
    let php = bare
        .clone()
        .files(ServeDir::new(site.path("root")))
        .send_files(&files, ServeDir::new(&files));
    for (field, path) in [
        ("X-Sendfile", format!("{allowed}/a%20b.zip")),
        ("X-Sendfile", "a%20b.zip".to_owned()),
        ("X-Accel-Redirect", "/a%2520b.zip".to_owned()),
    ] {
        let target = format!("/send.php?f={field}&p={path}");
        let answer = ask(&php, get(&target)).await;
        assert_eq!(answer.text, "zip content", "{target}");
        assert_eq!(answer.headers["content-type"], "application/zip");
        assert_eq!(answer.headers["x-tag"], "t");
        assert_eq!(answer.headers["content-length"], "11");
        assert!(!answer.headers.contains_key(field));
    }
    let target = "/send.php?f=X-Sendfile&p=a%20b.zip";
    let mut part = request("POST", target, "form");
    let range = "bytes=0-2".parse().unwrap();
    part.headers_mut().insert("range", range);
    let answer = ask(&php, part).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (206, "zip"));
    let head = ask(&php, request("HEAD", target, "")).await;
    assert_eq!(head.headers["content-length"], "11");
    assert_eq!(head.text, "");
    for path in ["/etc/passwd", "../secret.txt", "/link", "", "/"] {
        let answer = ask(&php, get(&format!("/send.php?f=X-Sendfile&p={path}"))).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    // Without a folder the field is one like any other.
    let answer = ask(&bare, get(target)).await;
    assert_eq!(
        (answer.headers["x-sendfile"].as_bytes(), &*answer.text),
        (&b"a b.zip"[..], "body")
    );
}

/// `/circle.php` leads to itself, `/to.php?x` to `/x`.
async fn lead(request: FakeRequest) -> String {
    match &*request.params["SCRIPT_NAME"] {
        "/circle.php" => "Location: /circle.php\r\n\r\n".to_owned(),
        "/to.php" => format!("Location: /{}\r\n\r\n", request.params["QUERY_STRING"]),
        "/away.php" => "Status: 302\r\nLocation: /show.php\r\n\r\n".to_owned(),
        name => format!(
            "Content-Type: text/plain\r\n\r\n{} {name} {} {} {}",
            request.params["REQUEST_METHOD"],
            request.params["QUERY_STRING"],
            request.params["HTTP_HOST"],
            request.body.len(),
        ),
    }
}

#[tokio::test]
async fn local_redirects_are_served_without_the_client() {
    let names = ["circle.php", "to.php", "away.php", "show.php"];
    let site = Site::new(&names.map(|name| (name, "<?php")));
    site.write("a.txt", "a file");
    let pool = start_with(PoolConfig::new("test"), FakeSpawner::new(lead)).await;
    let php = PhpSite::new(pool.clone(), site.root()).files(ServeDir::new(site.root()));
    for (target, status, text) in [
        (
            "/to.php?show.php?b=c",
            200,
            "GET /show.php b=c example.org 0",
        ),
        ("/to.php?a.txt", 200, "a file"),
        ("/to.php?missing", 404, "404 Not Found\n"),
        ("/to.php?.env", 404, "404 Not Found\n"),
        ("/circle.php", 502, "502 Bad Gateway\n"),
        ("/away.php", 302, ""),
    ] {
        let answer = ask(&php, request("POST", target, "form")).await;
        let got = (answer.status.as_u16(), &*answer.text);
        assert_eq!(got, (status, text), "{target}");
    }
}
