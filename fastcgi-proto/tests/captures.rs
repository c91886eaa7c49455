//! What real web servers and applications send, cut at every byte.
//!
//! `data/requests` holds a POST of eleven bytes as each web server passes it
//! on, `data/answers` the answer of each application to one; paths are
//! replaced, and what Apache passes on of its own environment is left out.

use std::fs;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use fastcgi_proto::cgi::{HeadParser, HeadPolicy, Push};
use fastcgi_proto::client::{self, BodyLen};
use fastcgi_proto::server::{self, LengthCheck};
use fastcgi_proto::{Params, Role};

/// Name and bytes of every capture of one kind.
fn captures(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(kind);
    let captures: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    assert!(!captures.is_empty());
    captures
}

/// The params, the body and its check, of the one request in `pieces`.
fn request(pieces: [&[u8]; 2]) -> (Params, Vec<u8>, Option<LengthCheck>) {
    let mut connection = server::Connection::new(server::Config::default());
    let mut input = BytesMut::new();
    let (mut params, mut body, mut end) = (None, Vec::new(), None);
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some(event) = connection.handle_input(&mut input).unwrap() {
            match event {
                server::Event::Request {
                    role, params: all, ..
                } => {
                    assert_eq!(role, Role::RESPONDER);
                    assert!(params.replace(all).is_none(), "a second request");
                }
                server::Event::Stdin { content, .. } => body.extend_from_slice(&content),
                server::Event::StdinEnd { check, .. } => end = Some(check),
                other => panic!("{other:?}"),
            }
        }
    }
    (params.expect("a request"), body, end)
}

#[test]
fn requests_of_web_servers_are_understood_however_they_are_cut() {
    for (name, wire) in captures("requests") {
        let (whole, ..) = request([&wire, b""]);
        for (param, value) in [
            ("REQUEST_METHOD", "POST"),
            ("QUERY_STRING", "x=1"),
            ("CONTENT_LENGTH", "11"),
            ("HTTP_COOKIE", "c=1"),
        ] {
            assert_eq!(
                whole.get(param),
                Some(value.as_bytes()),
                "{param} of {name}"
            );
        }
        for cut in 0..=wire.len() {
            let (front, back) = wire.split_at(cut);
            let (params, body, end) = request([front, back]);
            assert_eq!(params, whole, "{name} cut at byte {cut}");
            assert_eq!(body, b"hello world", "{name} cut at byte {cut}");
            assert_eq!(end, Some(LengthCheck::Exact), "{name} cut at byte {cut}");
        }
    }
}

/// Status, body and messages of the answer in `pieces`.
fn answer(pieces: [&[u8]; 2]) -> (u16, Vec<u8>, Vec<u8>) {
    let mut connection = client::Connection::new(client::Config::default());
    let params = Params::from_pairs([("REQUEST_METHOD", "GET")]).unwrap();
    connection
        .begin(Role::RESPONDER, &params, BodyLen::Empty)
        .unwrap();
    let mut parser = HeadParser::new(HeadPolicy::default());
    let mut input = BytesMut::new();
    let (mut status, mut body, mut messages, mut ended) = (0, Vec::new(), Vec::new(), false);
    let mut stdout = |content: Bytes| match parser.push(content).unwrap() {
        Push::More => {}
        Push::Final(head, rest) => {
            status = head.status();
            body.extend_from_slice(&rest);
        }
        Push::Body(rest) => body.extend_from_slice(&rest),
        Push::Informational(head, _) => panic!("{head:?}"),
    };
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some(event) = connection.handle_input(&mut input).unwrap() {
            match event {
                client::Event::Stdout { content, .. } => stdout(content),
                client::Event::Stderr { content, .. } => messages.extend_from_slice(&content),
                client::Event::End { app_status, .. } => {
                    assert_eq!(app_status, 0);
                    ended = true;
                }
                _ => {}
            }
        }
    }
    assert!(ended, "no END_REQUEST");
    (status, body, messages)
}

#[test]
fn answers_of_applications_are_understood_however_they_are_cut() {
    for (name, wire) in captures("answers") {
        let whole = answer([&wire, b""]);
        let php = name.starts_with("php");
        assert_eq!(whole.0, if php { 404 } else { 200 }, "{name}");
        let tail: &[u8] = if php {
            b"body hello world"
        } else {
            b"stdin 11 1116"
        };
        assert!(whole.1.ends_with(tail), "{name}");
        assert!(whole.2.windows(4).any(|text| text == b"note"), "{name}");
        for cut in 0..=wire.len() {
            let (front, back) = wire.split_at(cut);
            assert_eq!(answer([front, back]), whole, "{name} cut at byte {cut}");
        }
    }
}
