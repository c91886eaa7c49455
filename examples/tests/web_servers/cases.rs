//! The cases, each against one server.

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use peers::{Gateway, Relay, wait_until};
use serde_json::Value;

use crate::http::{self, Body, Response};
use crate::support::EchoApp;
use crate::table::{ClientGone, Connections, Server};

/// A web server in front of the application, with a relay between them.
struct Chain {
    gateway: Gateway,
    relay: Relay,
    _app: EchoApp,
}

impl Chain {
    fn start(server: &Server, app: EchoApp) -> Self {
        let relay = Relay::start(app.port);
        let gateway = (server.start)(relay.port);
        Self {
            gateway,
            relay,
            _app: app,
        }
    }

    #[track_caller]
    fn request(&self, method: &str, fields: &[(String, String)], body: Body) -> Response {
        http::request(self.gateway.port, method, "/a?x=1", fields, body)
    }
}

/// The document of a 200 answer.
#[track_caller]
fn document(response: &Response) -> Value {
    let text = String::from_utf8_lossy(&response.body);
    assert_eq!(response.status, 200, "{text}");
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The values of a param, in the order received.
fn param<'d>(document: &'d Value, name: &str) -> Vec<&'d str> {
    let params = document["params"].as_array().expect("a list of params");
    params
        .iter()
        .filter(|pair| pair[0] == name)
        .filter_map(|pair| pair[1].as_str())
        .collect()
}

/// Whether the server refused the request by itself, in whichever words.
fn is_refusal(response: &Response) -> bool {
    (400..600).contains(&response.status)
}

#[track_caller]
fn assert_stdin(document: &Value, len: usize) {
    assert_eq!(document["stdin_len"], len);
    assert_eq!(document["stdin_sha256"], http::sha256(len));
}

pub(crate) fn get_is_answered(server: &Server) {
    let chain = Chain::start(server, EchoApp::start(&[]));
    let fields = [("X-Tag".to_owned(), "caf\u{e9}".to_owned())];
    let document = document(&chain.request("GET", &fields, Body::None));
    assert_eq!(document["role"], "responder");
    assert_eq!(param(&document, "REQUEST_METHOD"), ["GET"]);
    assert_eq!(param(&document, "QUERY_STRING"), ["x=1"]);
    assert_eq!(param(&document, "HTTP_X_TAG"), ["caf\u{e9}"]);
    let length = param(&document, "CONTENT_LENGTH").first().copied();
    assert!(matches!(length, None | Some("" | "0")), "{length:?}");
    assert_stdin(&document, 0);
}

pub(crate) fn post_arrives(server: &Server, len: usize) {
    let chain = Chain::start(server, EchoApp::start(&[]));
    let document = document(&chain.request("POST", &[], Body::Length(len)));
    assert_eq!(param(&document, "CONTENT_LENGTH"), [len.to_string()]);
    assert_stdin(&document, len);
}

pub(crate) fn chunked_post_arrives(server: &Server) {
    let len = 1 << 20;
    let chain = Chain::start(server, EchoApp::start(&[]));
    let response = chain.request("POST", &[], Body::Chunked(len));
    if is_refusal(&response) {
        return;
    }
    let document = document(&response);
    assert_stdin(&document, len);
    // Its length, none, or one that is no number, such as -1.
    let declared = param(&document, "CONTENT_LENGTH").first().copied();
    let number = declared.and_then(|text| text.parse::<usize>().ok());
    assert!(number.is_none_or(|number| number == len), "{declared:?}");
}

pub(crate) fn large_head_arrives(server: &Server) {
    let chain = Chain::start(server, EchoApp::start(&[]));
    let fields: Vec<(String, String)> = (0..7)
        .map(|number| {
            (
                format!("X-Large-{number}"),
                number.to_string().repeat(10 * 1024),
            )
        })
        .collect();
    let response = chain.request("GET", &fields, Body::None);
    if is_refusal(&response) {
        return;
    }
    let document = document(&response);
    for (number, (_, value)) in fields.iter().enumerate() {
        assert_eq!(param(&document, &format!("HTTP_X_LARGE_{number}")), [value]);
    }
}

pub(crate) fn connections_are_used_again(server: &Server) {
    let chain = Chain::start(server, EchoApp::start(&[]));
    let start = chain.relay.seen().len();
    for _ in 0..3 {
        document(&chain.request("POST", &[], Body::Length(10)));
    }
    let connections = chain.relay.seen().len() - start;
    match server.connections {
        Connections::Kept => assert_eq!(connections, 1),
        Connections::Closed => assert!((1..=3).contains(&connections), "{connections}"),
    }
}

/// The types of the records in `sent`, in order.
fn record_types(sent: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    let mut at = 0;
    while let Some(header) = sent.get(at..at + 8) {
        types.push(header[1]);
        at += 8 + usize::from(u16::from_be_bytes([header[4], header[5]])) + usize::from(header[6]);
    }
    types
}

pub(crate) fn client_leaves(server: &Server) {
    // Where the server may wait for the answer, the test must wait with it.
    let delay = match server.client_gone {
        ClientGone::TellsWhenWritten | ClientGone::Waits => Duration::from_millis(500),
        ClientGone::Closes => Duration::from_secs(60),
    };
    let chain = Chain::start(server, EchoApp::with_delay(delay));
    let mut client = http::connect(chain.gateway.port);
    let head = http::head("GET", "/a", &[], Body::None);
    client.write_all(head.as_bytes()).unwrap();
    wait_until("the application has the request", || {
        chain.relay.seen().iter().any(|seen| seen.sent.len() > 16)
    });
    client.shutdown(Shutdown::Both).unwrap();
    drop(client);
    let first = || chain.relay.seen()[0].clone();
    match server.client_gone {
        ClientGone::Closes => wait_until("the server closes", || first().closed),
        // It may give the request up as well; others are served all the same.
        ClientGone::TellsWhenWritten | ClientGone::Waits => {
            document(&chain.request("GET", &[], Body::None));
        }
    }
}

pub(crate) fn upload_breaks(server: &Server) {
    let chain = Chain::start(server, EchoApp::start(&[]));
    let mut client = http::connect(chain.gateway.port);
    let head = http::head("POST", "/a", &[], Body::Length(1 << 20));
    client.write_all(head.as_bytes()).unwrap();
    http::write_body(&mut client, Body::Length(1 << 19)).unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    drop(client);
    let document = document(&chain.request("POST", &[], Body::Length(100)));
    assert_stdin(&document, 100);
}

pub(crate) fn two_at_once(server: &Server) {
    let delay = Duration::from_secs(1);
    let chain = Chain::start(server, EchoApp::with_delay(delay));
    let start = chain.relay.seen().len();
    thread::scope(|scope| {
        for len in [1000, 2000] {
            let chain = &chain;
            scope.spawn(move || {
                let document = document(&chain.request("POST", &[], Body::Length(len)));
                assert_stdin(&document, len);
            });
        }
    });
    assert_eq!(chain.relay.seen().len() - start, 2);
}

/// HAProxy alone among the servers asks `GET_VALUES` and multiplexes.
pub(crate) fn requests_share_a_connection() {
    let app = EchoApp::with_delay(Duration::from_secs(1));
    let relay = Relay::start(app.port);
    let chain = Chain {
        gateway: Gateway::haproxy_multiplexing(relay.port),
        relay,
        _app: app,
    };
    // The first request opens the connection that the others share.
    document(&chain.request("GET", &[], Body::None));
    thread::scope(|scope| {
        for len in [1000, 2000, 3000] {
            let chain = &chain;
            scope.spawn(move || {
                let document = document(&chain.request("POST", &[], Body::Length(len)));
                assert_stdin(&document, len);
            });
        }
    });
    let seen = chain.relay.seen();
    assert_eq!(seen.len(), 1, "connections");
    let types = record_types(&seen[0].sent);
    assert!(types.contains(&9), "GET_VALUES was asked: {types:?}");
}

/// Of these servers lighttpd knows the Authorizer role.
pub(crate) fn authorizer_is_asked() {
    let app = EchoApp::start(&[]);
    let relay = Relay::start(app.port);
    let gateway = Gateway::lighttpd_authorizer(relay.port);
    std::fs::write(gateway.peer.path().join("a"), "the file").unwrap();
    let response = http::request(gateway.port, "GET", "/a", &[], Body::None);
    assert_eq!(
        (response.status, &response.body[..]),
        (200, &b"the file"[..])
    );
    let seen = relay.seen();
    // BEGIN_REQUEST with role 2.
    assert_eq!(seen[0].sent[..10], [1, 1, 0, 1, 0, 8, 0, 0, 0, 2]);
}

pub(crate) fn large_answer(server: &Server) {
    let padding = 5_000_000;
    let app = EchoApp::start(&["--body-bytes", &padding.to_string()]);
    let chain = Chain::start(server, app);
    let response = chain.request("GET", &[], Body::None);
    document(&response);
    let spaces = response.body.iter().rev().take_while(|&&byte| byte == b' ');
    assert_eq!(spaces.count(), padding);
}
