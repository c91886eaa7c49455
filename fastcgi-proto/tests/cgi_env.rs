//! The variables of a request.

use std::net::SocketAddr;

use fastcgi_proto::ParamsEncoder;
use fastcgi_proto::cgi::{
    Authorization, ConnInfo, EnvError, EnvPolicy, EnvWriter, Files, NulByte, RequestLine, Script,
    UnsafeNames,
};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

#[track_caller]
fn get<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    let mut found = pairs.iter().filter(|(n, _)| n == name.as_bytes());
    let value = found
        .next()
        .map(|(_, value)| std::str::from_utf8(value).unwrap());
    assert!(found.next().is_none(), "{name} is written twice");
    value
}

fn fields_with(policy: &EnvPolicy, fields: &[(&str, &str)]) -> Result<Pairs, EnvError<NulByte>> {
    let fields: Vec<(&[u8], &[u8])> = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let mut pairs = Pairs::new();
    EnvWriter::new(&mut pairs, policy).fields(&fields)?;
    Ok(pairs)
}

fn fields(list: &[(&str, &str)]) -> Pairs {
    fields_with(&EnvPolicy::default(), list).unwrap()
}

fn request(conn: &ConnInfo<'_>, host: Option<&str>, length: Option<u64>) -> Pairs {
    let policy = EnvPolicy::default();
    let mut pairs = Pairs::new();
    let mut env = EnvWriter::new(&mut pairs, &policy);
    let line = RequestLine::new(b"GET", b"/a%20b?x=1?y");
    env.request(&line, conn, host.map(str::as_bytes), length)
        .unwrap();
    pairs
}

#[test]
fn required_variables_are_written() {
    let pairs = request(&ConnInfo::new(b"demo/1"), None, None);
    for (name, value) in [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", "demo/1"),
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", "/a%20b?x=1?y"),
        ("QUERY_STRING", "x=1?y"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "80"),
        ("REMOTE_ADDR", "unix:"),
        ("REQUEST_SCHEME", "http"),
        ("REDIRECT_STATUS", "200"),
    ] {
        assert_eq!(get(&pairs, name), Some(value), "{name}");
    }
    for absent in [
        "CONTENT_LENGTH",
        "HTTPS",
        "REMOTE_PORT",
        "SERVER_ADDR",
        "REMOTE_USER",
    ] {
        assert_eq!(get(&pairs, absent), None, "{absent}");
    }
}

#[test]
fn connection_is_described() {
    let mut conn = ConnInfo::new(b"demo/1");
    conn.https = true;
    conn.local = Some(SocketAddr::from(([127, 0, 0, 1], 8443)));
    conn.remote = Some("[::ffff:10.0.0.7]:5000".parse().unwrap());
    conn.remote_user = Some((b"ada", b"Basic"));
    let pairs = request(&conn, Some("example.org:8443"), Some(12));
    for (name, value) in [
        ("HTTPS", "on"),
        ("REQUEST_SCHEME", "https"),
        ("SERVER_NAME", "example.org"),
        ("SERVER_ADDR", "127.0.0.1"),
        ("SERVER_PORT", "8443"),
        ("REMOTE_ADDR", "10.0.0.7"),
        ("REMOTE_PORT", "5000"),
        ("REMOTE_USER", "ada"),
        ("AUTH_TYPE", "Basic"),
        ("CONTENT_LENGTH", "12"),
    ] {
        assert_eq!(get(&pairs, name), Some(value), "{name}");
    }
    conn.server_name = Some(b"configured");
    assert_eq!(
        get(&request(&conn, Some("x"), None), "SERVER_NAME"),
        Some("configured")
    );
    conn.server_name = None;
    assert_eq!(
        get(&request(&conn, None, None), "SERVER_NAME"),
        Some("127.0.0.1")
    );
    for (host, name) in [("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a", "a")] {
        assert_eq!(
            get(&request(&conn, Some(host), None), "SERVER_NAME"),
            Some(name)
        );
    }
}

#[test]
fn path_info_is_translated() {
    let policy = EnvPolicy::default();
    let files = Files::new(b"/srv", b"/srv/a.php");
    let mut pairs = Pairs::new();
    let script = Script::new(b"/a.php").with_path_info(b"/x/y");
    EnvWriter::new(&mut pairs, &policy)
        .script(&script, &files)
        .unwrap();
    for (name, value) in [
        ("SCRIPT_NAME", "/a.php"),
        ("SCRIPT_FILENAME", "/srv/a.php"),
        ("DOCUMENT_ROOT", "/srv"),
        ("DOCUMENT_URI", "/a.php/x/y"),
        ("PATH_INFO", "/x/y"),
        ("PATH_TRANSLATED", "/srv/x/y"),
    ] {
        assert_eq!(get(&pairs, name), Some(value), "{name}");
    }
    let mut pairs = Pairs::new();
    EnvWriter::new(&mut pairs, &policy)
        .script(&Script::new(b"/a.php"), &files)
        .unwrap();
    assert_eq!(get(&pairs, "DOCUMENT_URI"), Some("/a.php"));
    assert_eq!(get(&pairs, "PATH_INFO"), None);
    assert_eq!(get(&pairs, "PATH_TRANSLATED"), None);
}

#[test]
fn repeated_fields_are_joined() {
    let pairs = fields(&[
        ("X-Tag", "a"),
        ("Cookie", "p=1"),
        ("x-tag", "b"),
        ("Accept", "*/*"),
        ("cookie", "q=2"),
        ("X-TAG", ""),
    ]);
    assert_eq!(get(&pairs, "HTTP_X_TAG"), Some("a, b, "));
    assert_eq!(get(&pairs, "HTTP_COOKIE"), Some("p=1; q=2"));
    assert_eq!(get(&pairs, "HTTP_ACCEPT"), Some("*/*"));
    let names: Vec<&[u8]> = pairs.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(names, [&b"HTTP_X_TAG"[..], b"HTTP_COOKIE", b"HTTP_ACCEPT"]);
}

#[test]
fn dangerous_and_connection_fields_never_become_variables() {
    let pairs = fields(&[
        ("Proxy", "evil:80"),
        ("PROXY", "evil:80"),
        ("Connection", "x"),
        ("Keep-Alive", "x"),
        ("Proxy-Connection", "x"),
        ("Proxy-Authorization", "x"),
        ("TE", "x"),
        ("Trailer", "x"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "x"),
        ("Content-Length", "999"),
        ("X_Real", "forged"),
        ("X.Real", "forged"),
        ("Content_Length", "999"),
        ("", "x"),
    ]);
    assert_eq!(pairs, []);
}

#[test]
fn content_type_has_a_name_of_its_own() {
    let pairs = fields(&[("content-type", "a/b"), ("Content-Type", "c/d")]);
    assert_eq!(pairs, [(b"CONTENT_TYPE".to_vec(), b"a/b".to_vec())]);
}

#[test]
fn unsafe_names_can_be_refused() {
    let mut policy = EnvPolicy::default();
    policy.unsafe_names = UnsafeNames::Reject;
    assert_eq!(
        fields_with(&policy, &[("X_A", "1")]),
        Err(EnvError::UnsafeName)
    );
    assert!(fields_with(&policy, &[("X-A", "1")]).is_ok());
}

#[test]
fn authorization_can_be_dropped() {
    let list = [("Authorization", "Basic eA==")];
    assert_eq!(
        get(&fields(&list), "HTTP_AUTHORIZATION"),
        Some("Basic eA==")
    );
    let mut policy = EnvPolicy::default();
    policy.authorization = Authorization::Drop;
    assert_eq!(fields_with(&policy, &list), Ok(vec![]));
}

#[test]
fn nul_is_refused() {
    let refused = fields_with(&EnvPolicy::default(), &[("A", "x\0y")]).unwrap_err();
    assert_eq!(refused, EnvError::Sink(NulByte));
    let (policy, mut out) = (EnvPolicy::default(), Vec::new());
    let mut params = ParamsEncoder::pairs(&mut out);
    let mut env = EnvWriter::new(&mut params, &policy);
    let written = env.fields(&[(b"A", b"x\0y")]);
    assert!(written.is_err() || params.finish().is_err());
}

#[test]
fn bytes_above_ascii_pass() {
    let policy = EnvPolicy::default();
    let mut pairs = Pairs::new();
    let mut env = EnvWriter::new(&mut pairs, &policy);
    env.fields(&[(b"A", b"\xff\xe9")]).unwrap();
    assert_eq!(pairs, [(b"HTTP_A".to_vec(), b"\xff\xe9".to_vec())]);
}

#[test]
fn number_of_fields_is_bounded() {
    let mut policy = EnvPolicy::default();
    policy.max_fields = 2;
    assert!(fields_with(&policy, &[("A", ""), ("B", "")]).is_ok());
    assert_eq!(
        fields_with(&policy, &[("A", ""), ("A", ""), ("Proxy", "")]),
        Err(EnvError::TooManyFields { limit: 2 })
    );
}

#[test]
fn variables_of_the_host_win() {
    let policy = EnvPolicy::default();
    let mut pairs = Pairs::new();
    let vars: [(&[u8], &[u8]); 4] = [
        (b"SERVER_NAME", b"mine"),
        (b"HTTP_X_FORWARDED_FOR", b"10.0.0.1"),
        (b"DOCUMENT_URI", b"/u"),
        (b"CONTENT_TYPE", b"a/b"),
    ];
    let mut env = EnvWriter::new(&mut pairs, &policy).with_vars(&vars);
    let line = RequestLine::new(b"GET", b"/");
    env.request(&line, &ConnInfo::new(b"d"), Some(b"client"), None)
        .unwrap();
    let script = Script::new(b"/a.php").with_path_info(b"/x");
    env.script(&script, &Files::new(b"/srv", b"/srv/a.php"))
        .unwrap();
    env.fields(&[(b"X-Forwarded-For", b"forged"), (b"Content-Type", b"c/d")])
        .unwrap();
    env.finish().unwrap();
    assert_eq!(get(&pairs, "SERVER_NAME"), Some("mine"));
    assert_eq!(get(&pairs, "HTTP_X_FORWARDED_FOR"), Some("10.0.0.1"));
    assert_eq!(get(&pairs, "DOCUMENT_URI"), Some("/u"));
    assert_eq!(get(&pairs, "CONTENT_TYPE"), Some("a/b"));
}

#[test]
fn encoder_of_params_is_a_sink() {
    let (policy, mut out) = (EnvPolicy::default(), Vec::new());
    let mut params = ParamsEncoder::pairs(&mut out);
    let mut env = EnvWriter::new(&mut params, &policy);
    env.fields(&[(b"Accept", b"a"), (b"accept", b"b")]).unwrap();
    env.finish().unwrap();
    params.finish().unwrap();
    assert_eq!(out, b"\x0b\x04HTTP_ACCEPTa, b");
}
