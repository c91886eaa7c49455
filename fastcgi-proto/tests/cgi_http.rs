//! From and to the types of the `http` crate.
#![cfg(feature = "http")]

use bytes::Bytes;
use fastcgi_proto::cgi::{
    ConnInfo, EnvPolicy, EnvWriter, Files, HeadParser, HeadPolicy, LocalRedirect, Push, Script,
};
use http::{Request, Version, response};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn env(request: Request<()>) -> Vec<(String, String)> {
    let (parts, ()) = request.into_parts();
    let policy = EnvPolicy::default();
    let mut pairs = Pairs::new();
    let mut env = EnvWriter::new(&mut pairs, &policy);
    env.http_request(
        &parts,
        &ConnInfo::new(b"demo/1"),
        &Script::new(b"/a.php"),
        &Files::new(b"/srv", b"/srv/a.php"),
        Some(4),
    )
    .unwrap();
    env.finish().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    pairs.into_iter().map(|(n, v)| (text(n), text(v))).collect()
}

#[track_caller]
fn assert_has(pairs: &[(String, String)], name: &str, value: &str) {
    let found: Vec<&str> = pairs
        .iter()
        .filter(|(n, _)| n == name)
        .map(|(_, value)| &value[..])
        .collect();
    assert_eq!(found, [value], "{name}");
}

#[test]
fn request_over_http1_is_described() {
    let pairs = env(Request::post("/a.php?x=1")
        .header("host", "example.org:81")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("content-length", "999")
        .header("proxy", "evil")
        .header("x_real", "forged")
        .body(())
        .unwrap());
    assert_has(&pairs, "REQUEST_METHOD", "POST");
    assert_has(&pairs, "REQUEST_URI", "/a.php?x=1");
    assert_has(&pairs, "HTTP_HOST", "example.org:81");
    assert_has(&pairs, "SERVER_NAME", "example.org");
    assert_has(&pairs, "HTTP_COOKIE", "a=1; b=2");
    assert_has(&pairs, "CONTENT_LENGTH", "4");
    for name in ["HTTP_PROXY", "HTTP_X_REAL", "HTTP_CONTENT_LENGTH"] {
        assert!(!pairs.iter().any(|(n, _)| n == name), "{name}");
    }
}

#[test]
fn authority_takes_the_place_of_host() {
    let request = Request::get("https://user@example.org:444/a.php?x")
        .version(Version::HTTP_2)
        .header("host", "other");
    let pairs = env(request.body(()).unwrap());
    assert_has(&pairs, "SERVER_PROTOCOL", "HTTP/2.0");
    assert_has(&pairs, "HTTP_HOST", "example.org:444");
    assert_has(&pairs, "SERVER_NAME", "example.org");
    assert_has(&pairs, "REQUEST_URI", "/a.php?x");
}

#[test]
fn head_becomes_response_parts() {
    let mut parser = HeadParser::new(HeadPolicy::default());
    let wire = b"Status: 404 None\r\nSet-Cookie: a\r\nX-E: \xe9\r\nSet-Cookie: b\r\n\r\n";
    let Push::Final(head, _) = parser.push(Bytes::from_static(wire)).unwrap() else {
        panic!("the head is complete");
    };
    let parts = response::Parts::try_from(&head).unwrap();
    assert_eq!(parts.status, 404);
    let cookies: Vec<&str> = parts
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert_eq!(cookies, ["a", "b"]);
    assert_eq!(parts.headers["x-e"].as_bytes(), b"\xe9");
    assert!(!parts.headers.contains_key("status"));
}

#[test]
fn local_redirect_is_marked_and_a_real_one_is_not() {
    for (wire, local) in [
        (&b"Location: /there?x\r\n\r\n"[..], true),
        (b"Location: //host/there\r\n\r\n", false),
        (b"Status: 302\r\nLocation: /there\r\n\r\n", false),
        (b"Location: /there\r\nX-A: 1\r\n\r\n", false),
    ] {
        let mut parser = HeadParser::new(HeadPolicy::default());
        let Push::Final(head, _) = parser.push(Bytes::from_static(wire)).unwrap() else {
            panic!("the head is complete");
        };
        let parts = response::Parts::try_from(&head).unwrap();
        let marked = parts.extensions.get::<LocalRedirect>().is_some();
        assert_eq!(marked, local, "{}", wire.escape_ascii());
        assert_eq!(parts.status, 302);
    }
}
