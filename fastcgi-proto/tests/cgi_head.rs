//! The head of an answer: every row of the table in `cgi::Head`.

use bytes::Bytes;
use fastcgi_proto::cgi::{
    Handover, Head, HeadError, HeadParser, HeadPolicy, Nph, Push, StatusRange,
};
use proptest::prelude::*;

/// Every head of `wire`, the last one final, and the body behind it.
fn parse_pieces(policy: &HeadPolicy, pieces: &[&[u8]]) -> Result<(Vec<Head>, Vec<u8>), HeadError> {
    let mut parser = HeadParser::new(policy.clone());
    let (mut heads, mut body) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut rest = Bytes::copy_from_slice(piece);
        loop {
            match parser.push(rest)? {
                Push::More => break,
                Push::Informational(head, next) => {
                    heads.push(head);
                    rest = next;
                }
                Push::Final(head, next) => {
                    heads.push(head);
                    rest = next;
                }
                Push::Body(data) => {
                    body.extend_from_slice(&data);
                    break;
                }
            }
        }
    }
    parser.handle_eof()?;
    Ok((heads, body))
}

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What a head says, in a form that two of them can be compared by.
fn facts(head: &Head) -> (u16, Vec<u8>, Fields, Option<u64>) {
    let fields = head.fields().map(|(n, v)| (n.to_vec(), v.to_vec()));
    (
        head.status(),
        head.reason().to_vec(),
        fields.collect(),
        head.content_length(),
    )
}

/// Parses `wire` whole, then cut at every byte and byte by byte: always the
/// same.
#[track_caller]
fn parse_with(policy: &HeadPolicy, wire: &[u8]) -> Result<(Vec<Head>, Vec<u8>), HeadError> {
    let whole = parse_pieces(policy, &[wire]);
    let told = |result: &Result<(Vec<Head>, Vec<u8>), HeadError>| {
        result
            .as_ref()
            .map(|(heads, body)| (heads.iter().map(facts).collect::<Vec<_>>(), body.clone()))
            .map_err(|error| *error)
    };
    for cut in 0..=wire.len() {
        let (front, back) = wire.split_at(cut);
        let parts = parse_pieces(policy, &[front, b"", back]);
        assert_eq!(told(&parts), told(&whole), "cut at byte {cut}");
    }
    let bytes: Vec<&[u8]> = wire.chunks(1).collect();
    assert_eq!(told(&parse_pieces(policy, &bytes)), told(&whole));
    whole
}

#[track_caller]
fn head(wire: &[u8]) -> (Head, Vec<u8>) {
    let (mut heads, body) = parse_with(&HeadPolicy::default(), wire).unwrap();
    assert_eq!(heads.len(), 1, "{heads:?}");
    (heads.remove(0), body)
}

#[track_caller]
fn error(wire: &[u8]) -> HeadError {
    parse_with(&HeadPolicy::default(), wire).unwrap_err()
}

#[track_caller]
fn fields(head: &Head) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    head.fields().map(|(n, v)| (text(n), text(v))).collect()
}

#[test]
fn line_ends_may_be_mixed() {
    for wire in [
        "A: 1\nB: 2\n\nbody",
        "A: 1\r\nB: 2\r\n\r\nbody",
        "A: 1\r\nB: 2\r\n\nbody",
        "A: 1\nB: 2\n\r\nbody",
    ] {
        let (head, body) = head(wire.as_bytes());
        assert_eq!(fields(&head), [("A", "1"), ("B", "2")], "{wire:?}");
        assert_eq!(body, b"body");
        assert_eq!(head.status(), 200);
    }
}

#[test]
fn first_empty_line_ends_the_head() {
    let (head, body) = head(b"A: 1\n\nX: 2\r\n\r\ntail");
    assert_eq!(fields(&head), [("A", "1")]);
    assert_eq!(body, b"X: 2\r\n\r\ntail");
}

#[test]
fn body_right_behind_an_empty_line_has_an_empty_head() {
    for wire in [&b"\nbody"[..], b"\r\nbody"] {
        let (head, body) = head(wire);
        assert_eq!((head.status(), head.fields().len()), (200, 0));
        assert_eq!(body, b"body");
    }
}

#[test]
fn status_with_and_without_reason() {
    for (wire, status, reason) in [
        (&b"Status: 404\n\n"[..], 404, &b""[..]),
        (b"Status: 404 \n\n", 404, b""),
        (b"STATUS:404 Not Found \r\n\r\n", 404, b"Not Found"),
        (b"Status: 599 x\n\n", 599, b"x"),
        (b"Status: 404 a\nStatus: 404 a\n\n", 404, b"a"),
    ] {
        let (head, _) = head(wire);
        assert_eq!((head.status(), head.reason()), (status, reason));
        assert_eq!(head.fields().len(), 0);
    }
}

#[test]
fn bad_status_is_refused() {
    for value in ["404Not", "abc", "0", "99", "1000", "", "40", "+40", "4 04"] {
        let wire = format!("A: b\nStatus: {value}\n\n");
        assert_eq!(error(wire.as_bytes()), HeadError::BadStatus { line: 2 });
    }
    for got in [600, 999, 99] {
        let wire = format!("Status: {got:03}\n\n");
        assert_eq!(error(wire.as_bytes()), HeadError::StatusOutOfRange { got });
    }
    let mut policy = HeadPolicy::default();
    policy.status = StatusRange::ThreeDigits;
    let (heads, _) = parse_with(&policy, b"Status: 999 x\n\n").unwrap();
    assert_eq!(heads[0].status(), 999);
}

#[test]
fn informational_heads_come_before_the_final_one() {
    let wire = b"Status: 103 Early Hints\r\nLink: </a>\r\n\r\nStatus: 100\n\nStatus: 201\n\nbody";
    let (heads, body) = parse_with(&HeadPolicy::default(), wire).unwrap();
    let statuses: Vec<u16> = heads.iter().map(Head::status).collect();
    assert_eq!(statuses, [103, 100, 201]);
    assert_eq!(fields(&heads[0]), [("Link", "</a>")]);
    assert_eq!(body, b"body");
    assert_eq!(error(b"Status: 101\n\n"), HeadError::SwitchingProtocols);
    assert_eq!(
        error(b"Status: 103\n\n"),
        HeadError::Truncated { got: 13 },
        "an informational head alone is no answer"
    );
}

#[test]
fn location_decides_the_status_when_there_is_none() {
    for (wire, status, local) in [
        (&b"Location: /a?b\n\n"[..], 302, Some(&b"/a?b"[..])),
        (b"Location: /a\nLocation: /a\n\n", 302, Some(b"/a")),
        (b"Location: /a\nX-Powered-By: x\n\n", 302, None),
        (b"Location: //host/a\n\n", 302, None),
        (b"Location: https://host/\n\n", 302, None),
        (b"Location: /a\nStatus: 201\n\n", 201, None),
        (b"Location:\n\n", 200, None),
    ] {
        let (head, _) = head(wire);
        assert_eq!(head.status(), status, "{}", wire.escape_ascii());
        assert_eq!(head.local_redirect(), local, "{}", wire.escape_ascii());
    }
}

#[test]
fn different_values_of_a_deciding_field_conflict() {
    for (wire, field) in [
        ("Status: 200\nStatus: 404\n\n", "Status"),
        ("Content-Length: 5\ncontent-length: 6\n\n", "Content-Length"),
        ("Location: /a\nLocation: /b\n\n", "Location"),
    ] {
        assert_eq!(error(wire.as_bytes()), HeadError::Conflict { field });
    }
    let (equal, _) = head(b"Content-Length: 5\nContent-Length: 05\n\n");
    assert_eq!(fields(&equal), [("Content-Length", "5")]);
    let (types, _) = head(b"Content-Type: a/b\nX: 1\ncontent-type: c/d\n\n");
    assert_eq!(fields(&types), [("Content-Type", "c/d"), ("X", "1")]);
}

#[test]
fn content_length_is_a_plain_number() {
    for value in ["5x", "-5", "+5", "5 5", "5, 5", "", "18446744073709551616"] {
        let wire = format!("Content-Length: {value}\n\n");
        assert_eq!(
            error(wire.as_bytes()),
            HeadError::BadContentLength { line: 1 }
        );
    }
    let (head, _) = head(b"Status: 204\nContent-Length: 3\nA: b\n\n");
    assert_eq!(
        (head.content_length(), fields(&head)),
        (None, vec![("A", "b")])
    );
}

#[test]
fn repeated_fields_are_all_kept() {
    let (head, _) = head(b"Set-Cookie: a\nX: 1\nSet-Cookie: b\n\n");
    assert_eq!(
        fields(&head),
        [("Set-Cookie", "a"), ("X", "1"), ("Set-Cookie", "b")]
    );
}

#[test]
fn malformed_lines_are_refused() {
    for (wire, expected) in [
        (&b"A: b\n c\n\n"[..], HeadError::Folded { line: 2 }),
        (b"\tA: b\n\n", HeadError::Folded { line: 1 }),
        (b"<html>\n\n", HeadError::NoColon { line: 1 }),
        (b"A : b\n\n", HeadError::BadName { line: 1 }),
        (b": b\n\n", HeadError::BadName { line: 1 }),
        (b"A\xe9: b\n\n", HeadError::BadName { line: 1 }),
        (b"A: b\nC: \0\n\n", HeadError::BadValue { line: 2, byte: 0 }),
        (
            b"A: b\rC: d\n\n",
            HeadError::BadValue {
                line: 1,
                byte: b'\r',
            },
        ),
        (
            b"A: b\r\r\n\n",
            HeadError::BadValue {
                line: 1,
                byte: b'\r',
            },
        ),
        (
            b"A: \x7f\n\n",
            HeadError::BadValue {
                line: 1,
                byte: 0x7f,
            },
        ),
    ] {
        assert_eq!(error(wire), expected, "{}", wire.escape_ascii());
    }
}

#[test]
fn odd_values_are_kept() {
    let (head, _) = head(b"A:\nB: \t x\ty \t\nC: \xff\xe9\n\n");
    let values: Vec<&[u8]> = head.fields().map(|(_, value)| value).collect();
    assert_eq!(values, [&b""[..], b"x\ty", b"\xff\xe9"]);
}

#[test]
fn fields_about_a_connection_are_removed() {
    let (head, body) = head(
        b"Connection: close\nKEEP-ALIVE: x\nProxy-Connection: x\nTE: x\nTrailer: x\n\
          Transfer-Encoding: chunked\nUpgrade: x\nA: b\n\n5\r\nhello",
    );
    assert_eq!(fields(&head), [("A", "b")]);
    assert_eq!(body, b"5\r\nhello");
}

#[test]
fn status_line_needs_the_policy() {
    let wire = b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody";
    assert_eq!(error(wire), HeadError::StatusLine);
    let mut policy = HeadPolicy::default();
    policy.nph = Nph::Accept;
    let (heads, body) = parse_with(&policy, wire).unwrap();
    assert_eq!(
        (heads[0].status(), heads[0].reason()),
        (404, &b"Not Found"[..])
    );
    assert_eq!(
        (fields(&heads[0]), &body[..]),
        (vec![("A", "b")], &b"body"[..])
    );
    for bad in [
        "HTTP/1.1 x",
        "HTTP/11 200",
        "HTTP/1.1",
        "HTTP/1.1 404\nStatus: 200",
    ] {
        let wire = format!("{bad}\n\n");
        let refused = parse_with(&policy, wire.as_bytes()).unwrap_err();
        assert_eq!(refused, HeadError::BadStatusLine, "{bad}");
    }
}

#[test]
fn handover_needs_the_policy() {
    let wire = b"X-Sendfile: /srv/a\nA: b\n\n";
    let (plain, _) = head(wire);
    assert_eq!((plain.handover(), plain.fields().len()), (None, 2));
    let mut policy = HeadPolicy::default();
    (policy.x_sendfile, policy.x_accel_redirect) = (true, true);
    let (heads, _) = parse_with(&policy, wire).unwrap();
    assert_eq!(heads[0].handover(), Some(Handover::SendFile(b"/srv/a")));
    assert_eq!(heads[0].fields().len(), 1);
    let (heads, _) = parse_with(&policy, b"x-accel-redirect: /i/a\n\n").unwrap();
    assert_eq!(heads[0].handover(), Some(Handover::AccelRedirect(b"/i/a")));
    let both = parse_with(&policy, b"X-Sendfile: a\nX-Accel-Redirect: b\n\n");
    assert!(matches!(both, Err(HeadError::Conflict { .. })));
}

#[test]
fn authorizer_adds_variables() {
    let (head, _) =
        head(b"Status: 200\nvariable-AUTH_METHOD: db\nX: 1\nVariable-: x\nVariabl: y\n\n");
    let variables: Vec<(&[u8], &[u8])> = head.variables().collect();
    assert_eq!(variables, [(&b"AUTH_METHOD"[..], &b"db"[..])]);
}

#[test]
fn bounds_are_kept() {
    let mut policy = HeadPolicy::default();
    policy.head_bytes = 20;
    policy.head_fields = 2;
    assert!(parse_with(&policy, b"A: 0123456789abcde\n\nmuch more body than this").is_ok());
    let refused = parse_with(&policy, b"A: 0123456789abcdef\n\n").unwrap_err();
    assert_eq!(refused, HeadError::TooLarge { limit: 20 });
    let refused = parse_with(&policy, &[b'a'; 21]).unwrap_err();
    assert_eq!(refused, HeadError::TooLarge { limit: 20 });
    let refused = parse_with(&policy, b"A: 1\nTE: 2\nC: 3\n\n").unwrap_err();
    assert_eq!(refused, HeadError::TooManyFields { limit: 2 });
    let refused = parse_with(&policy, b"Status: 103\n\nStatus: 103\n\n").unwrap_err();
    assert_eq!(
        refused,
        HeadError::TooLarge { limit: 20 },
        "all heads count together"
    );
}

#[test]
fn end_before_the_head_is_an_error() {
    assert_eq!(error(b""), HeadError::Missing);
    assert_eq!(error(b"A: b\n"), HeadError::Truncated { got: 5 });
}

#[test]
fn failed_parser_stays_failed() {
    let mut parser = HeadParser::new(HeadPolicy::default());
    let first = parser.push(Bytes::from_static(b"oops\n\n")).unwrap_err();
    let second = parser.push(Bytes::from_static(b"A: b\n\n")).unwrap_err();
    assert_eq!((first, parser.handle_eof()), (second, Err(first)));
}

#[test]
fn head_in_one_piece_is_not_copied() {
    let wire = Bytes::from_static(b"A: b\n\nbody");
    let mut parser = HeadParser::new(HeadPolicy::default());
    let Push::Final(head, body) = parser.push(wire.clone()).unwrap() else {
        panic!("the head is complete");
    };
    let (_, value) = head.shared_fields().next().unwrap();
    assert_eq!(value.as_ptr(), wire[3..].as_ptr());
    assert_eq!(body.as_ptr(), wire[6..].as_ptr());
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same(
        wire in "([A-Za-z:/ \t\r\n0-9]|Status: [0-9]{3}|Content-Length: |\n\n|\r\n){0,24}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let wire = wire.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([wire.len()]) {
            pieces.push(&wire[start..cut]);
            start = cut;
        }
        let policy = HeadPolicy::default();
        let told = |result: Result<(Vec<Head>, Vec<u8>), HeadError>| {
            result.map(|(heads, body)| (heads.iter().map(facts).collect::<Vec<_>>(), body))
        };
        prop_assert_eq!(
            told(parse_pieces(&policy, &pieces)),
            told(parse_pieces(&policy, &[wire]))
        );
    }

    #[test]
    fn well_formed_fields_come_back(
        list in prop::collection::vec(("X-[A-Za-z0-9-]{1,20}", "([!-~][ -~]{0,30}[!-~])?"), 0..40),
        crlf in any::<bool>(),
        body in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut wire = Vec::new();
        for (name, value) in &list {
            wire.extend_from_slice(format!("{name}: {value}{end}").as_bytes());
        }
        wire.extend_from_slice(end.as_bytes());
        wire.extend_from_slice(&body);
        let (heads, rest) = parse_pieces(&HeadPolicy::default(), &[&wire]).unwrap();
        let list: Vec<(&str, &str)> = list.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        prop_assert_eq!(fields(&heads[0]), list);
        prop_assert_eq!(rest, body);
    }
}
