//! The web server's driver against real PHP.
#![cfg(feature = "tokio")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use fastcgi_proto::client::{BodyLen, CloseReason, Config, Event, Reuse};
use fastcgi_proto::driver::{Body, ClientConnection, ErrorKind, Full, Stream};
use fastcgi_proto::{Params, Role, ValueNames};
use peers::Php;

struct Answer {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    app_status: u32,
}

impl Answer {
    fn body(&self) -> &[u8] {
        let end = self
            .stdout
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a header block");
        &self.stdout[end + 4..]
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }
}

async fn connect(address: &str) -> ClientConnection {
    let stream = Stream::connect(&address.parse().unwrap()).await.unwrap();
    ClientConnection::new(stream, Config::default())
}

fn params(script: &str, len: u64, more: &[(&str, &str)]) -> Params {
    let len = len.to_string();
    let mut all = vec![
        ("SCRIPT_FILENAME", script),
        ("REQUEST_METHOD", "PUT"),
        ("REDIRECT_STATUS", "200"),
        ("CONTENT_LENGTH", &len),
    ];
    all.extend(more);
    Params::from_pairs(all).unwrap()
}

async fn ask<B: Body + Unpin>(
    connection: &mut ClientConnection,
    params: &Params,
    len: u64,
    body: B,
) -> Answer {
    let mut exchange = connection
        .exchange(Role::RESPONDER, params, BodyLen::Exact(len), body)
        .unwrap();
    let mut answer = Answer {
        stdout: Vec::new(),
        stderr: Vec::new(),
        app_status: u32::MAX,
    };
    while let Some(event) = exchange.next().await.unwrap() {
        match event {
            Event::Stdout { content, .. } => answer.stdout.extend_from_slice(&content),
            Event::Stderr { content, .. } => answer.stderr.extend_from_slice(&content),
            Event::End {
                app_status: status, ..
            } => answer.app_status = status,
            other => panic!("PHP never says {other:?}"),
        }
    }
    answer
}

async fn get(connection: &mut ClientConnection, script: &str) -> Answer {
    ask(connection, &params(script, 0, &[]), 0, ()).await
}

#[tokio::test]
async fn kept_connection_serves_bodies_of_every_size() {
    let php = Php::fpm("");
    let script = php.script(
        "len.php",
        "<?php $n = 0; $i = fopen('php://input', 'r');
        while (!feof($i)) { $n += strlen(fread($i, 65536)); } echo $n;",
    );
    let script = script.display().to_string();
    let mut connection = connect(php.address()).await;
    for len in [0_u64, 1, 7, 8, 65_527, 65_528, 65_529, 1 << 20, 100 << 20] {
        let body = Repeated { left: len };
        let answer = ask(&mut connection, &params(&script, len, &[]), len, body).await;
        assert_eq!(answer.text(), len.to_string());
        assert_eq!(answer.app_status, 0);
        assert_eq!(connection.reuse(), Reuse::Ready, "{len} bytes");
    }
}

/// A body of `left` bytes that is never all in memory.
struct Repeated {
    left: u64,
}

impl Body for Repeated {
    fn poll_content(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, fastcgi_proto::driver::BoxError>>> {
        static PIECE: [u8; 100_000] = [b'x'; 100_000];
        let len = usize::try_from(self.left).map_or(PIECE.len(), |left| left.min(PIECE.len()));
        self.left -= len as u64;
        std::task::Poll::Ready((len > 0).then(|| Ok(Bytes::from_static(&PIECE[..len]))))
    }
}

#[tokio::test]
async fn script_that_prints_before_it_reads_does_not_block_the_upload() {
    let php = Php::fpm("");
    let script = php.script(
        "first.php",
        "<?php
        for ($i = 0; $i < 64; $i++) { echo str_repeat('x', 65536); flush(); }
        echo strlen(file_get_contents('php://input'));",
    );
    let mut connection = connect(php.address()).await;
    let len = 8 << 20;
    let params = params(&script.display().to_string(), len, &[]);
    let answer = ask(&mut connection, &params, len, Repeated { left: len }).await;
    assert_eq!(answer.body().len(), (4 << 20) + 7);
    assert!(answer.body().ends_with(b"x8388608"));
}

#[tokio::test]
async fn params_above_64_kib_arrive() {
    let php = Php::fpm("");
    let script = php.script(
        "params.php",
        "<?php
        foreach (['A', 'B', 'C'] as $n) echo strlen($_SERVER[$n]), ' ';",
    );
    let value = "v".repeat(40_000);
    let more = [("A", value.as_str()), ("B", &value), ("C", &value)];
    let mut connection = connect(php.address()).await;
    let params = params(&script.display().to_string(), 0, &more);
    let answer = ask(&mut connection, &params, 0, ()).await;
    assert_eq!(answer.text(), "40000 40000 40000 ");
    assert_eq!(connection.reuse(), Reuse::Ready);
}

#[tokio::test]
async fn answers_on_kept_tcp_connections_do_not_wait_for_delayed_acknowledgements() {
    let php = Php::fpm_tcp("");
    let script = php.script("20k.php", "<?php echo str_repeat('x', 20000);");
    let script = script.display().to_string();
    let mut connection = connect(php.address()).await;
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        let answer = get(&mut connection, &script).await;
        fastest = fastest.min(start.elapsed());
        assert_eq!(answer.body().len(), 20_000);
    }
    // A delayed acknowledgement takes 40 ms, each time.
    assert!(fastest < Duration::from_millis(30), "{fastest:?}");
}

#[tokio::test]
async fn messages_and_missing_scripts() {
    let php = Php::fpm("php_admin_value[log_errors] = on\nphp_admin_value[error_log] =");
    let script = php.script("log.php", "<?php error_log('one'); echo 'out'; exit(7);");
    let mut connection = connect(php.address()).await;
    let answer = get(&mut connection, &script.display().to_string()).await;
    assert_eq!(answer.text(), "out");
    // php-fpm, as it is today, keeps the exit code to itself.
    assert!([0, 7].contains(&answer.app_status), "{}", answer.app_status);
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(said.contains("PHP message: one"), "{said}");
    let missing = php.docroot().join("missing.php").display().to_string();
    let answer = get(&mut connection, &missing).await;
    assert!(answer.stdout.starts_with(b"Status: 404"));
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(said.contains("Primary script unknown"), "{said}");
    assert_eq!(connection.reuse(), Reuse::Ready);
}

#[tokio::test]
async fn worker_that_reaches_max_requests_closes_after_its_last_answer() {
    let php = Php::fpm("pm.max_requests = 2\npm.max_children = 1");
    let script = php.script("hi.php", "hi").display().to_string();
    let mut connection = connect(php.address()).await;
    for _ in 0..2 {
        assert_eq!(get(&mut connection, &script).await.text(), "hi");
    }
    std::future::poll_fn(|cx| connection.poll_closed(cx)).await;
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::PeerClosed));
}

#[tokio::test]
async fn killed_worker_is_a_closed_connection_not_a_short_answer() {
    let php = Php::fpm("");
    let script = php.script(
        "die.php",
        "<?php echo 'half'; flush();
        while (ob_get_level()) ob_end_flush(); posix_kill(getmypid(), 9);",
    );
    let mut connection = connect(php.address()).await;
    let params = params(&script.display().to_string(), 0, &[]);
    let mut exchange = connection
        .exchange(Role::RESPONDER, &params, BodyLen::Empty, ())
        .unwrap();
    let error = loop {
        match exchange.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("an end"),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error.kind(), ErrorKind::Closed | ErrorKind::Io),
        "{error:?}"
    );
}

#[tokio::test]
async fn values_of_both() {
    let fpm = Php::fpm("");
    let values = connect(fpm.address())
        .await
        .query_values(ValueNames::ALL)
        .await
        .unwrap();
    // Of its limits php-fpm, as it is today, says nothing.
    assert_eq!(values.mpxs_conns, Some(false));
    let cgi = Php::cgi_tcp(3);
    let values = connect(cgi.address())
        .await
        .query_values(ValueNames::ALL)
        .await
        .unwrap();
    assert_eq!(
        (values.mpxs_conns, values.max_conns),
        (Some(false), Some(3))
    );
}

#[tokio::test]
async fn php_cgi_serves_from_one_process() {
    let php = Php::cgi(0);
    let script = php.script("echo.php", "<?php echo file_get_contents('php://input');");
    let mut connection = connect(php.address()).await;
    for text in ["one", "two"] {
        let params = params(&script.display().to_string(), 3, &[]);
        let answer = ask(&mut connection, &params, 3, Full::new(text)).await;
        assert_eq!(answer.text(), text);
    }
}
