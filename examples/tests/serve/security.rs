//! What must never be shown, run or believed.

use std::os::unix::fs::symlink;

use crate::support::{Serve, Site, request};

const ECHO: &str =
    "<?php foreach (['PROXY', 'X_REAL'] as $n) echo $n, '=', $_SERVER[\"HTTP_$n\"] ?? 'none', ';';";

fn site() -> Site {
    let site = Site::new(&[
        ("root/index.php", "<?php echo 'index';"),
        ("root/echo.php", ECHO),
        ("root/.env", "SECRET"),
        ("root/.git/config", "SECRET"),
        ("root/sub/.htpasswd", "SECRET"),
        ("root/.well-known/acme-challenge/t", "token"),
        ("root/upload/x.jpg", "<?php echo 'RUN';"),
        ("root/x.php.jpg", "<?php echo 'RUN';"),
        ("secret.txt", "SECRET"),
        ("outside/file.txt", "linked folder"),
    ]);
    for copy in [
        "a.php~",
        "a.php.bak",
        "a.phtml",
        "a.phps",
        "a.inc",
        "a.PHP.old",
        "a.phar",
    ] {
        site.write(&format!("root/{copy}"), "<?php SECRET");
    }
    symlink(site.join("secret.txt"), site.join("root/link.txt")).unwrap();
    symlink(site.join("outside"), site.join("root/linked")).unwrap();
    site
}

fn serve(site: &Site) -> Serve {
    Serve::start([site.join("root")])
}

#[test]
fn hidden_files_and_sources_are_missing() {
    let site = site();
    let serve = serve(&site);
    for path in [
        "/.env",
        "/.git/config",
        "/sub/.htpasswd",
        "/%2eenv",
        "/./.env",
        "/a.php~",
        "/a.php.bak",
        "/a.phtml",
        "/a.phps",
        "/a.inc",
        "/a.PHP.old",
        "/a.phar",
        "/x.php.jpg",
        "/link.txt",
    ] {
        let answer = serve.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("SECRET"), "{path}");
    }
    assert_eq!(serve.get("/.well-known/acme-challenge/t").text(), "token");
    assert_eq!(serve.get("/linked/file.txt").text(), "linked folder");
}

#[test]
fn paths_do_not_leave_the_root() {
    let site = site();
    let serve = serve(&site);
    for path in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/upload/../../secret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/.%2e/secret.txt",
        "//../secret.txt",
        "/upload/..%2f..%2fsecret.txt",
        "/index.php/../../secret.txt",
    ] {
        let answer = serve.get(path);
        assert!(
            matches!(answer.status, 400 | 404),
            "{path}: {}",
            answer.status
        );
        assert!(!answer.text().contains("SECRET"), "{path}");
    }
}

#[test]
fn only_scripts_run() {
    let site = site();
    let serve = serve(&site);
    for path in [
        "/upload/x.jpg/y.php",
        "/upload/x.jpg%00.php",
        "/index.php%00.jpg",
        "/upload/x.jpg/.php",
    ] {
        let answer = serve.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("RUN"), "{path}");
    }
    let image = serve.get("/upload/x.jpg");
    assert_eq!(image.field("content-type"), Some("image/jpeg"));
}

#[test]
fn fields_that_would_forge_variables_are_dropped() {
    let site = site();
    let serve = serve(&site);
    let fields = [("Proxy", "evil:80"), ("X_Real", "evil"), ("X-Real", "good")];
    let answer = serve.get_with("/echo.php", &fields);
    assert_eq!(answer.text(), "PROXY=none;X_REAL=good;");
}

#[test]
fn ambiguous_requests_are_refused() {
    let site = site();
    let serve = serve(&site);
    for raw in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        assert_eq!(serve.send(raw).status, 400, "{raw:?}");
    }
    for method in ["TRACE", "CONNECT"] {
        let status = serve.send(request(method, "/", &[], b"")).status;
        assert!(matches!(status, 400 | 405), "{method}: {status}");
    }
}

#[test]
fn files_are_handed_over_from_allowed_folders_alone() {
    let site = Site::new(&[
        (
            "root/send.php",
            "<?php header('Content-Type: application/zip'); header($_GET['f'] . ': ' . $_GET['p']);",
        ),
        (
            "root/other.php",
            "<?php http_response_code(201); header('X-Sendfile: ' . $_GET['p']); echo 'body';",
        ),
        ("files/a.zip", "zip content"),
        ("secret.txt", "SECRET"),
    ]);
    symlink(site.join("secret.txt"), site.join("files/link")).unwrap();
    let root = site.join("root");
    let files = site.join("files");
    let allowed = files.to_str().unwrap();
    let serve = Serve::start([root.to_str().unwrap(), "--sendfile-root", allowed]);
    for (field, path) in [
        ("X-Sendfile", format!("{allowed}/a.zip")),
        ("X-Accel-Redirect", "/a.zip".to_owned()),
        ("X-Accel-Redirect", "/%61.zip".to_owned()),
    ] {
        let answer = serve.get(&format!("/send.php?f={field}&p={path}"));
        assert_eq!(
            (answer.status, &*answer.text()),
            (200, "zip content"),
            "{field} {path}"
        );
        assert_eq!(answer.field("content-type"), Some("application/zip"));
        assert_eq!(answer.field("content-length"), Some("11"));
        assert_eq!(answer.field(&field.to_ascii_lowercase()), None);
    }
    let target = format!("/send.php?f=X-Sendfile&p={allowed}/a.zip");
    let part = serve.get_with(&target, &[("Range", "bytes=0-2")]);
    assert_eq!((part.status, &*part.text()), (206, "zip"));
    let secret = site.join("secret.txt");
    for path in [
        secret.to_str().unwrap(),
        "/etc/passwd",
        "/../secret.txt",
        "/link",
    ] {
        let answer = serve.get(&format!("/send.php?f=X-Sendfile&p={path}"));
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("SECRET"));
    }
    let off = Serve::start([&root]);
    let answer = off.get(&format!("/other.php?p={allowed}/a.zip"));
    assert_eq!((answer.status, &*answer.text()), (201, "body"));
}

#[test]
fn denied_paths_and_links_follow_their_options() {
    let site = site();
    let root = site.join("root");
    let root = root.to_str().unwrap();
    let denied = Serve::start([root, "--deny", "upload", "--deny", "/.well-known/"]);
    assert_eq!(denied.get("/upload/x.jpg").status, 404);
    assert_eq!(denied.get("/.well-known/acme-challenge/t").status, 404);
    let strict = Serve::start([root, "--symlinks", "never"]);
    assert_eq!(strict.get("/linked/file.txt").status, 404);
    let free = Serve::start([root, "--symlinks", "always"]);
    assert_eq!(free.get("/link.txt").text(), "SECRET");
}
