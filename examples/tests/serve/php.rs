//! What scripts see and do: PHP's semantics through the server.

use std::time::{Duration, Instant};

use crate::support::{Serve, Site, form, request, wait_until};

fn serve(files: &[(&str, &str)]) -> (Site, Serve) {
    let site = Site::new(files);
    let serve = Serve::start([site.path().to_str().unwrap(), "--workers", "2"]);
    (site, serve)
}

#[test]
fn methods_and_bodies_reach_the_script() {
    let script = "<?php echo $_SERVER['REQUEST_METHOD'], ':', file_get_contents('php://input');";
    let (_site, serve) = serve(&[("m.php", script)]);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let answer = serve.send(request(method, "/m.php", &[], b"a body"));
        assert_eq!(
            (answer.status, answer.text()),
            (200, format!("{method}:a body"))
        );
    }
    assert_eq!(serve.get("/m.php").text(), "GET:");
    let head = serve.send(request("HEAD", "/m.php", &[], b""));
    assert_eq!((head.status, head.body.len()), (200, 0));
    let chunked = request(
        "POST",
        "/m.php",
        &[("Transfer-Encoding", "chunked")],
        b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    );
    assert_eq!(serve.send(chunked).text(), "POST:hello world");
}

#[test]
fn variables_describe_the_request() {
    let script = "<?php foreach (explode(',', $_GET['v']) as $v) echo $v, '=', $_SERVER[$v] ?? 'unset', \"\\n\";";
    let (site, serve) = serve(&[("sub/v.php", script)]);
    let names = "SCRIPT_NAME,PATH_INFO,PHP_SELF,SCRIPT_FILENAME,DOCUMENT_ROOT,REQUEST_URI,\
                 QUERY_STRING,SERVER_PROTOCOL,SERVER_NAME,SERVER_PORT,REMOTE_ADDR,HTTPS,\
                 REQUEST_SCHEME,HTTP_HOST,CONTENT_LENGTH,HTTP_ACCEPT_LANGUAGE";
    let target = format!("/sub/v.php/path%20info?v={names}");
    let answer = serve.get_with(
        &target,
        &[("Accept-Language", "de"), ("Accept-Language", "en")],
    );
    let text = answer.text();
    let root = site.path().display();
    for expected in [
        "SCRIPT_NAME=/sub/v.php\n".to_owned(),
        "PATH_INFO=/path info\n".to_owned(),
        "PHP_SELF=/sub/v.php/path info\n".to_owned(),
        format!("SCRIPT_FILENAME={root}/sub/v.php\n"),
        format!("DOCUMENT_ROOT={root}\n"),
        format!("REQUEST_URI={target}\n"),
        "SERVER_PROTOCOL=HTTP/1.1\n".to_owned(),
        "SERVER_NAME=localhost\n".to_owned(),
        format!("SERVER_PORT={}\n", serve.address().port()),
        "REMOTE_ADDR=127.0.0.1\n".to_owned(),
        "HTTPS=unset\n".to_owned(),
        "REQUEST_SCHEME=http\n".to_owned(),
        "HTTP_HOST=localhost\n".to_owned(),
        "HTTP_ACCEPT_LANGUAGE=de, en\n".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected:?} in\n{text}");
    }
}

#[test]
fn forms_and_files_are_uploaded() {
    let script = "<?php echo $_POST['name'], '|', $_FILES['f']['name'], '|', $_FILES['f']['size'], '|', \
                  sha1_file($_FILES['f']['tmp_name']);";
    let (_site, serve) = serve(&[("up.php", script)]);
    let content: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut body = b"--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAda\r\n\
                     --XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"b.bin\"\r\n\r\n"
        .to_vec();
    body.extend_from_slice(&content);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    let fields = [("Content-Type", "multipart/form-data; boundary=XX")];
    let answer = serve.post("/up.php", &fields, &body);
    assert_eq!(
        answer.text(),
        format!("Ada|b.bin|300000|{}", sha1_of(&content))
    );
    let fields = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = form(&[("name", "Grace & Co"), ("x", "ü")]);
    let answer = serve.post("/up.php", &fields, &body);
    assert!(answer.text().starts_with("Grace & Co|"));
}

/// By PHP itself, so that the test needs no library for it.
fn sha1_of(content: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut php = Command::new(peers::tool("php", "php-cli"))
        .args(["-r", "echo sha1(stream_get_contents(STDIN));"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    php.stdin.take().unwrap().write_all(content).unwrap();
    String::from_utf8(php.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn cookies_and_sessions_are_kept() {
    let (site, serve) = serve(&[
        (
            "s.php",
            "<?php session_save_path(__DIR__ . '/sessions'); session_start(); echo $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;",
        ),
        (
            "c.php",
            "<?php setcookie('a', '1'); setcookie('b', 'two words'); echo $_COOKIE['in'] ?? '';",
        ),
        ("sessions/keep", ""),
    ]);
    let first = serve.get("/s.php");
    let cookies = first.cookies();
    assert!(cookies.starts_with("PHPSESSID="), "{cookies}");
    for count in 2..5 {
        let answer = serve.get_with("/s.php", &[("Cookie", &cookies)]);
        assert_eq!(answer.text(), count.to_string());
    }
    assert!(site.join("sessions").read_dir().unwrap().count() > 1);
    let answer = serve.get_with("/c.php", &[("Cookie", "in=sent")]);
    assert_eq!(
        (answer.text(), answer.cookies()),
        ("sent".into(), "a=1; b=two%20words".into())
    );
}

#[test]
fn status_redirects_and_fields_are_passed_on() {
    let (_site, serve) = serve(&[
        (
            "status.php",
            "<?php http_response_code((int) $_GET['c']); echo 'body';",
        ),
        (
            "go.php",
            "<?php header('Location: /there', true, (int) ($_GET['c'] ?? 302));",
        ),
        (
            "line.php",
            "<?php header('HTTP/1.1 410 Gone For Good'); header('X-A: 1'); header('X-A: 2', false);",
        ),
        (
            "type.php",
            "<?php header('Content-Type: application/json'); echo '{}';",
        ),
        (
            "length.php",
            "<?php header('Content-Length: 5'); echo 'exact';",
        ),
    ]);
    for code in [200, 201, 204, 304, 400, 401, 403, 404, 418, 500, 503] {
        let answer = serve.get(&format!("/status.php?c={code}"));
        assert_eq!(answer.status, code);
        let bodiless = matches!(code, 204 | 304);
        assert_eq!(answer.text(), if bodiless { "" } else { "body" });
    }
    for code in [301, 302, 303, 307, 308] {
        let answer = serve.get(&format!("/go.php?c={code}"));
        assert_eq!(
            (answer.status, answer.field("location")),
            (code, Some("/there"))
        );
    }
    let gone = serve.get("/line.php");
    assert_eq!(gone.status, 410);
    let tags = gone.fields.iter().filter(|(name, _)| name == "x-a").count();
    assert_eq!(tags, 2);
    let json = serve.get("/type.php");
    assert!(
        json.field("content-type")
            .unwrap()
            .starts_with("application/json")
    );
    let exact = serve.get("/length.php");
    assert_eq!(
        (exact.field("content-length"), &*exact.text()),
        (Some("5"), "exact")
    );
}

#[test]
fn flushed_output_arrives_before_the_script_ends() {
    let script = "<?php ob_end_flush(); echo 'first'; flush(); \
                  while (!file_exists(__DIR__ . '/go')) { clearstatcache(); usleep(5000); } echo 'second';";
    let (site, serve) = serve(&[("f.php", script)]);
    let mut connection = serve.connect();
    connection.send(request("GET", "/f.php", &[], b""));
    let head = connection.head();
    let mut piece = Vec::new();
    assert!(connection.body_piece(&head, &mut piece));
    assert_eq!(piece, b"first");
    site.write("go", "");
    assert!(connection.body_piece(&head, &mut piece));
    assert_eq!(piece, b"second");
    assert!(!connection.body_piece(&head, &mut piece));
}

#[test]
fn client_that_leaves_aborts_the_script_unless_it_ignores_that() {
    let script = "<?php ignore_user_abort((bool) $_GET['ignore']); ob_end_flush();
        register_shutdown_function(fn() => file_put_contents(__DIR__ . '/' . $_GET['out'], \
            connection_aborted() . ':' . ($GLOBALS['done'] ?? 'cut')));
        for ($i = 0; $i < 200; $i++) { echo str_repeat('x', 2000); flush(); usleep(5000); }
        $done = 'done';";
    let (site, serve) = serve(&[("a.php", script)]);
    for (ignore, expected) in [(0, "1:cut"), (1, "1:done")] {
        let mut connection = serve.connect();
        let target = format!("/a.php?ignore={ignore}&out=out{ignore}");
        connection.send(request("GET", &target, &[], b""));
        connection.head();
        drop(connection);
        let out = format!("out{ignore}");
        wait_until("the shutdown function ran", || !site.read(&out).is_empty());
        assert_eq!(site.read(&out), expected, "ignore={ignore}");
    }
    // The worker is good for more.
    assert_eq!(serve.get("/missing.php").status, 404);
}

#[test]
fn shutdown_functions_and_exit_codes_do_no_harm() {
    let (_site, serve) = serve(&[
        (
            "shutdown.php",
            "<?php register_shutdown_function(function () { echo 'later'; }); echo 'now '; exit(3);",
        ),
        ("text.php", "<?php exit('bye');"),
        (
            "finish.php",
            "<?php echo 'early'; if (function_exists('fastcgi_finish_request')) fastcgi_finish_request();",
        ),
    ]);
    let answer = serve.get("/shutdown.php");
    assert_eq!((answer.status, &*answer.text()), (200, "now later"));
    assert_eq!(serve.get("/text.php").text(), "bye");
    assert_eq!(serve.get("/finish.php").text(), "early");
}

#[test]
fn fatal_errors_are_in_the_log_and_not_in_the_page() {
    let (_site, serve) = serve(&[
        ("fatal.php", "<?php undefined_function_of_the_test();"),
        ("syntax.php", "<?php this is not php;"),
        (
            "warn.php",
            "<?php echo $undefined_variable_of_the_test; echo 'fine';",
        ),
        (
            "exception.php",
            "<?php throw new RuntimeException('secret detail');",
        ),
    ]);
    for (path, detail) in [
        ("/fatal.php", "undefined_function_of_the_test"),
        ("/syntax.php", "syntax error"),
        ("/exception.php", "secret detail"),
    ] {
        let answer = serve.get(path);
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.text().contains(detail), "{path}: {}", answer.text());
        serve.wait_for_log(detail);
    }
    let answer = serve.get("/warn.php");
    assert_eq!((answer.status, &*answer.text()), (200, "fine"));
    serve.wait_for_log("undefined_variable_of_the_test");
}

#[test]
fn huge_fields_and_binary_bodies_pass_both_ways() {
    let (_site, serve) = serve(&[
        (
            "head.php",
            "<?php header('X-Huge: ' . str_repeat('h', 30000)); echo strlen($_SERVER['HTTP_X_BIG']);",
        ),
        (
            "echo.php",
            "<?php header('Content-Type: application/octet-stream'); echo file_get_contents('php://input');",
        ),
    ]);
    let big = "b".repeat(40_000);
    let answer = serve.get_with("/head.php", &[("X-Big", &big)]);
    assert_eq!(answer.text(), "40000");
    assert_eq!(answer.field("x-huge").map(str::len), Some(30_000));
    let body: Vec<u8> = (0..=255).cycle().take(2_000_000).collect();
    assert!(serve.post("/echo.php", &[], &body).body == body);
}

#[test]
fn credentials_reach_the_script() {
    let script = "<?php echo $_SERVER['PHP_AUTH_USER'] ?? 'none', ':', $_SERVER['PHP_AUTH_PW'] ?? '', ':', \
                  $_SERVER['REMOTE_USER'] ?? 'unset', ':', $_SERVER['HTTP_AUTHORIZATION'] ?? '';";
    let (_site, serve) = serve(&[("auth.php", script)]);
    let answer = serve.get_with(
        "/auth.php",
        &[
            ("Authorization", "Basic YWRhOnNlY3JldA=="),
            ("Remote-User", "root"),
        ],
    );
    assert!(
        answer.text().starts_with("ada:secret:unset:"),
        "{}",
        answer.text()
    );
    let answer = serve.get_with("/auth.php", &[("Authorization", "Bearer token")]);
    assert_eq!(answer.text(), "none::unset:Bearer token");
}

#[test]
fn front_controller_gets_every_route() {
    let site = Site::new(&[
        (
            "index.php",
            "<?php echo 'route ', $_SERVER['REQUEST_URI'], ' via ', $_SERVER['SCRIPT_NAME'];",
        ),
        ("asset.css", "a{}"),
    ]);
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([root, "--front-controller", "index.php"]);
    for path in [
        "/",
        "/blog/2024/post",
        "/a%2Fb?x=1",
        "/missing.php",
        "/blog/",
    ] {
        assert_eq!(
            serve.get(path).text(),
            format!("route {path} via /index.php")
        );
    }
    assert_eq!(serve.get("/asset.css").text(), "a{}");
    assert_eq!(serve.get("/.env").status, 404);
}

#[test]
fn sites_are_chosen_by_host() {
    let one = Site::new(&[("who.php", "<?php echo 'one ', $_SERVER['DOCUMENT_ROOT'];")]);
    let two = Site::new(&[("who.php", "<?php echo 'two ', $_SERVER['SERVER_NAME'];")]);
    let vhost = format!("two.example={}", two.path().display());
    let serve = Serve::start([one.path().to_str().unwrap(), "--vhost", &vhost]);
    let ask = |host| serve.get_with("/who.php", &[("Host", host)]).text();
    assert_eq!(ask("localhost"), format!("one {}", one.path().display()));
    assert_eq!(ask("two.example"), "two two.example");
    assert!(ask("TWO.example:8080").starts_with("two "));
    assert!(ask("other.example").starts_with("one "));
    let alone = Serve::start(["--vhost", &*vhost]);
    assert_eq!(alone.get("/who.php").status, 421);
}

#[test]
fn expected_continue_is_answered() {
    let (_site, serve) = serve(&[(
        "p.php",
        "<?php echo strlen(file_get_contents('php://input'));",
    )]);
    let mut connection = serve.connect();
    let head =
        "POST /p.php HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    connection.send(head);
    connection.send("abc");
    assert_eq!(connection.answer().text(), "3");
}

#[test]
fn requests_share_a_connection() {
    let (_site, serve) = serve(&[("k.php", "<?php echo $_GET['n'];")]);
    let mut connection = serve.connect();
    let started = Instant::now();
    for number in 0..20 {
        connection.send(request("GET", &format!("/k.php?n={number}"), &[], b""));
        assert_eq!(connection.answer().text(), number.to_string());
    }
    // Nothing waits for a delayed acknowledgement.
    assert!(started.elapsed() < Duration::from_secs(10));
}
