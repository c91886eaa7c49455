//! What PHP does with each input, as data: the facts that the web server's
//! side is built on, checked against php-fpm and php-cgi.
//!
//! What we send must be read by every release. Of what we never send, a row
//! names all outcomes that are harmless to us: releases differ there, and
//! distributions carry such changes in security releases.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use peers::Php;
use support::{
    ABORT, DATA, END, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDIN, STDOUT, begin, padded, pairs,
    record,
};

/// Says what arrived: `<bytes of input>|<role>|<X>`.
const SCRIPT: &str = "<?php header('Content-Type: text/plain');
echo strlen(file_get_contents('php://input')), '|',
    $_SERVER['FCGI_ROLE'] ?? '', '|', $_SERVER['X'] ?? '';";

/// How an input ends.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The connection is closed or reset without a byte of answer.
    Closed,
    /// One `END_REQUEST` per answer; the ids and bodies in their order.
    Answers(Vec<(u16, String)>),
}

use Outcome::Closed;

/// One answer to request 1.
fn body(text: &str) -> Outcome {
    Outcome::Answers(vec![(1, text.to_owned())])
}

fn bodies(texts: &[&str]) -> Outcome {
    Outcome::Answers(texts.iter().map(|text| (1, (*text).to_owned())).collect())
}

/// A PHP on a private socket, with the script.
struct Subject {
    name: &'static str,
    socket: String,
    script: String,
    php: Php,
}

impl Subject {
    fn new(name: &'static str, php: Php) -> Self {
        let socket = php.address().strip_prefix("unix:");
        Self {
            name,
            socket: socket.expect("a Unix socket").to_owned(),
            script: php.script("in.php", SCRIPT).display().to_string(),
            php,
        }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        stream
    }

    /// The pairs that run the script, and more.
    fn pairs(&self, more: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut all: Vec<(&[u8], &[u8])> = vec![
            (b"SCRIPT_FILENAME", self.script.as_bytes()),
            (b"REQUEST_METHOD", b"POST"),
            (b"REDIRECT_STATUS", b"200"),
        ];
        all.extend(more);
        pairs(&all)
    }

    /// A request up to the end of its params.
    fn head(&self, flags: u8, more: &[(&[u8], &[u8])]) -> Vec<u8> {
        [
            begin(1, 1, flags),
            record(PARAMS, 1, &self.pairs(more)),
            record(PARAMS, 1, b""),
        ]
        .concat()
    }

    /// A request with a body and its right length.
    fn post(&self, flags: u8, content: &[u8]) -> Vec<u8> {
        let len = content.len().to_string();
        [
            self.head(flags, &[(b"CONTENT_LENGTH", len.as_bytes())]),
            record(STDIN, 1, content),
            record(STDIN, 1, b""),
        ]
        .concat()
    }

    /// What comes of `wire`, then of the end of our side.
    fn outcome(&self, wire: &[u8]) -> Outcome {
        let mut stream = self.connect();
        // It may close before it has read everything.
        let _ = stream.write_all(wire);
        let _ = stream.shutdown(Shutdown::Write);
        answers(&read_all(&mut stream))
    }

    /// What every release does.
    #[track_caller]
    fn check(&self, row: &str, wire: &[u8], expected: &Outcome) {
        self.check_any(row, wire, &[expected]);
    }

    /// What the releases do with an input that we never send.
    #[track_caller]
    fn check_any(&self, row: &str, wire: &[u8], expected: &[&Outcome]) {
        let outcome = self.outcome(wire);
        assert!(
            expected.contains(&&outcome),
            "{} {}: {row}: {outcome:?}, not one of {expected:?}",
            self.name,
            self.php.version()
        );
    }

    /// Malformed, and read all the same; a stricter release may close.
    #[track_caller]
    fn check_read(&self, row: &str, wire: &[u8], expected: &Outcome) {
        self.check_any(row, wire, &[expected, &Closed]);
    }

    /// Refused by closing; `read` is the answer of a release that takes it.
    #[track_caller]
    fn check_refused(&self, row: &str, wire: &[u8], read: &Outcome) {
        self.check_any(row, wire, &[&Closed, read]);
    }
}

/// Everything up to the end of the connection, however it ends.
fn read_all(stream: &mut UnixStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return all,
            Ok(len) => all.extend_from_slice(&piece[..len]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("{error}; so far {:?}", Bytes::from(all)),
        }
    }
}

/// The answers in `wire`, read without the crate: it refuses id 0.
fn answers(wire: &[u8]) -> Outcome {
    if wire.is_empty() {
        return Closed;
    }
    let mut current = Vec::new();
    let mut all = Vec::new();
    for record in support::read_records(wire) {
        match record.record_type {
            STDOUT => current.extend(record.content),
            END => {
                let text = String::from_utf8_lossy(&current).into_owned();
                let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                all.push((record.id, body.to_owned()));
                current.clear();
            }
            _ => {}
        }
    }
    Outcome::Answers(all)
}

/// Runs `rows` against both.
fn against_both(rows: impl Fn(&Subject)) {
    rows(&Subject::new("php-fpm", Php::fpm("pm.max_children = 4")));
    rows(&Subject::new("php-cgi", Php::cgi(4)));
}

#[test]
fn versions_ids_and_begin_bodies() {
    against_both(|php| {
        let good = php.post(0, b"12345");
        let with = |at: usize, byte: u8| {
            let mut wire = good.clone();
            wire[at] = byte;
            wire
        };
        php.check("a request", &good, &body("5|RESPONDER|"));
        let answer = body("5|RESPONDER|");
        php.check_refused("version 0", &with(0, 0), &answer);
        php.check_read("version 2", &with(0, 2), &answer);
        php.check_read("unknown flags", &with(10, 0xfe), &answer);
        php.check_read("role AUTHORIZER", &with(9, 2), &body("5|AUTHORIZER|"));
        php.check_read("role FILTER", &with(9, 3), &body("5|FILTER|"));
        // The other outcome is the specification's UNKNOWN_ROLE.
        php.check_refused("unknown role", &with(9, 9), &body(""));
        let short = [record(1, 1, &[0, 1, 0, 0, 0, 0, 0]), good[16..].to_vec()].concat();
        php.check_refused("BEGIN of 7 bytes", &short, &answer);
        for id in [0_u16, 65_535] {
            let [id1, id0] = id.to_be_bytes();
            let mut wire = php.post(0, b"12345");
            (wire[2], wire[3]) = (id1, id0);
            let answer = Outcome::Answers(vec![(id, "5|RESPONDER|".to_owned())]);
            php.check_read("id of BEGIN alone", &wire, &answer);
        }
    });
}

#[test]
fn padding_is_skipped_except_behind_terminators() {
    against_both(|php| {
        let params = php.pairs(&[(b"CONTENT_LENGTH", b"5")]);
        let wire = |params_padding, params_end, stdin_padding, stdin_end| {
            [
                begin(1, 1, 0),
                padded(PARAMS, 1, &params, params_padding),
                padded(PARAMS, 1, b"", params_end),
                padded(STDIN, 1, b"12345", stdin_padding),
                padded(STDIN, 1, b"", stdin_end),
            ]
            .concat()
        };
        php.check("padding 255", &wire(255, 0, 255, 0), &body("5|RESPONDER|"));
        // Its padding is read as input, unless a release learns to skip it.
        php.check_any(
            "padded end of PARAMS",
            &wire(0, 8, 0, 0),
            &[&body("0|RESPONDER|"), &body("5|RESPONDER|"), &Closed],
        );
        let next = php.post(0, b"1");
        let kept = |end| {
            let mut first = php.post(1, b"12345");
            first.truncate(first.len() - 8);
            [first, padded(STDIN, 1, b"", end), next.clone()].concat()
        };
        let (first, both) = (
            body("5|RESPONDER|"),
            bodies(&["5|RESPONDER|", "1|RESPONDER|"]),
        );
        php.check_any("plain end of STDIN", &kept(0), &[&both, &first]);
        php.check_any("padded end of STDIN", &kept(8), &[&first, &both]);
    });
}

#[test]
fn params_records_above_65535_with_padding_are_refused() {
    against_both(|php| {
        let record_of = |content_len: usize, padding| {
            // One pair fills the rest: 1 + 4 bytes of lengths, `X`.
            let mut content = php.pairs(&[]);
            let value = vec![b'x'; content_len - content.len() - 6];
            content.extend(pairs(&[(b"X", &value)]));
            assert_eq!(content.len(), content_len);
            let wire = [
                begin(1, 1, 0),
                padded(PARAMS, 1, &content, padding),
                record(PARAMS, 1, b""),
                record(STDIN, 1, b""),
            ];
            (
                wire.concat(),
                format!("0|RESPONDER|{}", "x".repeat(value.len())),
            )
        };
        let (wire, text) = record_of(65_528, 0);
        php.check("65528", &wire, &body(&text));
        let (wire, text) = record_of(65_535, 0);
        php.check("65535", &wire, &body(&text));
        let (wire, text) = record_of(65_535, 1);
        php.check_refused("65535 + 1", &wire, &body(&text));
        // STDIN is exempt.
        let head = php.head(0, &[(b"CONTENT_LENGTH", b"65535")]);
        let stdin = padded(STDIN, 1, &vec![b'x'; 65_535], 1);
        let wire = [head, stdin, record(STDIN, 1, b"")].concat();
        php.check("STDIN of 65535 + 1", &wire, &body("65535|RESPONDER|"));
    });
}

#[test]
fn pairs_must_be_whole_in_their_record() {
    against_both(|php| {
        let content = php.pairs(&[(b"X", b"value")]);
        let wire = |parts: &[&[u8]]| {
            let mut wire = begin(1, 1, 0);
            for part in parts {
                wire.extend(record(PARAMS, 1, part));
            }
            wire.extend([record(PARAMS, 1, b""), record(STDIN, 1, b"")].concat());
            wire
        };
        let boundary = content.len() - 8;
        let (first, second) = content.split_at(boundary);
        php.check(
            "cut between pairs",
            &wire(&[first, second]),
            &body("0|RESPONDER|value"),
        );
        let (first, second) = content.split_at(content.len() - 3);
        php.check_refused(
            "cut inside a pair",
            &wire(&[first, second]),
            &body("0|RESPONDER|value"),
        );
        php.check_refused(
            "pair that is cut off",
            &wire(&[first]),
            &body("0|RESPONDER|"),
        );
        let long_form = [&content[..], b"\x80\0\0\x01\x80\0\0\x03Xabc"].concat();
        php.check_read(
            "long form, last wins",
            &wire(&[&long_form]),
            &body("0|RESPONDER|abc"),
        );
        let nul = php.pairs(&[(b"X", b"ab\0cd")]);
        php.check_any(
            "NUL in a value",
            &wire(&[&nul]),
            &[
                &body("0|RESPONDER|ab"),
                &body("0|RESPONDER|ab\0cd"),
                &Closed,
            ],
        );
    });
}

#[test]
fn length_and_end_of_the_body() {
    against_both(|php| {
        let five = php.head(0, &[(b"CONTENT_LENGTH", b"5")]);
        let stdin = |parts: &[&[u8]]| {
            let mut wire = five.clone();
            for part in parts {
                wire.extend(record(STDIN, 1, part));
            }
            wire
        };
        php.check_read(
            "no end of STDIN",
            &stdin(&[b"12345"]),
            &body("5|RESPONDER|"),
        );
        php.check_read(
            "short, then closed",
            &stdin(&[b"123", b""]),
            &body("3|RESPONDER|"),
        );
        php.check_read(
            "long, not kept",
            &stdin(&[b"1234567", b""]),
            &body("5|RESPONDER|"),
        );
        let abort = [stdin(&[b"123"]), record(ABORT, 1, b"")].concat();
        php.check_read("ABORT in the body", &abort, &body("0|RESPONDER|"));
        let undeclared = [
            php.head(0, &[]),
            record(STDIN, 1, b"12345"),
            record(STDIN, 1, b""),
        ];
        php.check_any(
            "no CONTENT_LENGTH",
            &undeclared.concat(),
            &[&body("0|RESPONDER|"), &body("5|RESPONDER|"), &Closed],
        );
        let other_id = [
            five.clone(),
            record(STDIN, 7, b"12345"),
            record(STDIN, 9, b""),
        ];
        php.check_read("other ids", &other_id.concat(), &body("5|RESPONDER|"));
        let no_params_end = [
            begin(1, 1, 0),
            record(PARAMS, 1, &php.pairs(&[(b"CONTENT_LENGTH", b"5")])),
            record(STDIN, 1, b"12345"),
            record(STDIN, 1, b""),
        ];
        php.check_read(
            "no end of PARAMS",
            &no_params_end.concat(),
            &body("0|RESPONDER|"),
        );
    });
}

#[test]
fn short_body_with_its_end_may_block_a_worker_until_the_client_leaves() {
    against_both(|php| {
        let mut stream = php.connect();
        let wire = [
            php.head(0, &[(b"CONTENT_LENGTH", b"1000")]),
            record(STDIN, 1, b"partial"),
            record(STDIN, 1, b""),
        ]
        .concat();
        stream.write_all(&wire).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        // Silence, or the answer of a release that does not wait.
        let mut first = [0];
        let answer = match stream.read(&mut first) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Vec::new(),
            Ok(1) => first.to_vec(),
            other => panic!("{}: {other:?}", php.name),
        };
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let outcome = answers(&[answer, read_all(&mut stream)].concat());
        // What had come is what the script gets, whatever was declared.
        let expected = [&body("7|RESPONDER|"), &Closed];
        assert!(expected.contains(&&outcome), "{}: {outcome:?}", php.name);
    });
}

#[test]
fn surplus_of_a_body_may_be_run_as_the_next_request() {
    against_both(|php| {
        // The body of the first request holds a whole second one.
        let smuggled = [php.head(0, &[(b"X", b"smuggled")]), record(STDIN, 1, b"")].concat();
        let content = [&b"12345"[..], &smuggled].concat();
        let wire = [
            php.head(1, &[(b"CONTENT_LENGTH", b"5")]),
            record(STDIN, 1, &content),
            record(STDIN, 1, b""),
        ]
        .concat();
        // php-cgi runs it; php-fpm of 8.2 closes instead from 8.2.36 on.
        let (first, both) = (
            body("5|RESPONDER|"),
            bodies(&["5|RESPONDER|", "0|RESPONDER|smuggled"]),
        );
        php.check_any("surplus on a kept connection", &wire, &[&first, &both]);
    });
}

#[test]
fn management_and_stray_records() {
    against_both(|php| {
        let question = pairs(&[
            (b"FCGI_MAX_CONNS", b""),
            (b"FCGI_MAX_REQS", b""),
            (b"FCGI_MPXS_CONNS", b""),
        ]);
        let mut stream = php.connect();
        stream.write_all(&record(GET_VALUES, 0, &question)).unwrap();
        let mut answer = vec![0; 8];
        stream.read_exact(&mut answer).unwrap();
        let rest = usize::from(answer[5]) + usize::from(answer[6]);
        answer.resize(8 + rest, 0);
        stream.read_exact(&mut answer[8..]).unwrap();
        let result = &support::read_records(&answer)[0];
        assert_eq!(
            (result.record_type, result.id),
            (GET_VALUES_RESULT, 0),
            "{}",
            php.name
        );
        // php-fpm leaves out the limits, php-cgi tells its processes.
        let multiplexes = pairs(&[(b"FCGI_MPXS_CONNS", b"0")]);
        assert!(result.content.starts_with(&multiplexes), "{}", php.name);
        stream.write_all(&php.post(0, b"after")).unwrap();
        assert_eq!(
            answers(&read_all(&mut stream)),
            body("5|RESPONDER|"),
            "{}",
            php.name
        );

        for (row, first) in [
            ("ABORT first", record(ABORT, 1, b"")),
            ("unknown type first", record(42, 1, b"")),
            ("DATA first", record(DATA, 1, b"")),
        ] {
            let wire = [first, php.post(0, b"x")].concat();
            php.check_refused(row, &wire, &body("1|RESPONDER|"));
        }
        let empty = [
            begin(1, 1, 0),
            record(PARAMS, 1, b""),
            record(STDIN, 1, b""),
        ]
        .concat();
        // php-cgi says that there is no file, php-fpm says nothing.
        let answer = php.outcome(&empty);
        let ends = matches!(&answer, Outcome::Answers(all) if all.len() == 1);
        assert!(ends || answer == Closed, "{}: {answer:?}", php.name);
    });
}

#[test]
fn requests_on_a_kept_connection() {
    against_both(|php| {
        let two = [php.post(1, b"12345"), php.post(0, b"123")].concat();
        let (first, both) = (
            body("5|RESPONDER|"),
            bodies(&["5|RESPONDER|", "3|RESPONDER|"]),
        );
        php.check_any("pipelined", &two, &[&both, &first]);
        let ends = record(STDIN, 1, b"").repeat(2);
        let three_ends = [php.post(1, b"12345"), ends, php.post(0, b"123")].concat();
        php.check_any("surplus ends of STDIN", &three_ends, &[&both, &first]);
        // Two at once: the second is lost.
        let interleaved = [
            begin(1, 1, 1),
            record(PARAMS, 1, &php.pairs(&[(b"X", b"first")])),
            begin(2, 1, 1),
            record(PARAMS, 2, &php.pairs(&[(b"X", b"second")])),
            record(PARAMS, 1, b""),
            record(PARAMS, 2, b""),
            record(STDIN, 1, b""),
            record(STDIN, 2, b""),
        ]
        .concat();
        match php.outcome(&interleaved) {
            Outcome::Answers(all) => {
                assert!(all.iter().all(|(id, _)| *id == 1), "{}: {all:?}", php.name);
            }
            other => assert_eq!(other, Closed, "{}", php.name),
        }
    });
}
