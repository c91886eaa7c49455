//! The head of an answer in any pieces.

use bytes::Bytes;
use fastcgi_proto::cgi::{Head, HeadError, HeadParser, HeadPolicy, Nph, Push, StatusRange};

use crate::pieces::pieces;

/// Any cut gives the same heads and body as the whole; what is accepted can
/// be sent over HTTP as it is.
pub fn response_head(data: &[u8]) {
    let Some((&choices, data)) = data.split_first() else {
        return;
    };
    let policy = policy(choices);
    let (wire, cut) = pieces(data);
    let whole = parse(&policy, &[wire]);
    assert_eq!(parse(&policy, &cut), whole, "cut");
}

fn policy(choices: u8) -> HeadPolicy {
    let mut policy = HeadPolicy::default();
    policy.head_bytes = if choices & 1 == 0 { 64 * 1024 } else { 40 };
    policy.head_fields = if choices & 2 == 0 { 256 } else { 2 };
    policy.nph = if choices & 4 == 0 {
        Nph::Reject
    } else {
        Nph::Accept
    };
    policy.x_sendfile = choices & 8 != 0;
    policy.x_accel_redirect = choices & 16 != 0;
    if choices & 32 != 0 {
        policy.status = StatusRange::ThreeDigits;
    }
    policy
}

#[derive(Debug, Eq, PartialEq)]
struct Parsed {
    heads: Vec<String>,
    body: Vec<u8>,
    end: Result<(), HeadError>,
}

fn parse(policy: &HeadPolicy, pieces: &[&[u8]]) -> Parsed {
    let mut parser = HeadParser::new(policy.clone());
    let mut parsed = Parsed {
        heads: Vec::new(),
        body: Vec::new(),
        end: Ok(()),
    };
    for piece in pieces {
        if let Err(error) = push(
            &mut parser,
            Bytes::copy_from_slice(piece),
            policy,
            &mut parsed,
        ) {
            assert_eq!(parser.handle_eof(), Err(error), "an error stays");
            break;
        }
    }
    parsed.end = parser.handle_eof();
    parsed
}

fn push(
    parser: &mut HeadParser,
    mut rest: Bytes,
    policy: &HeadPolicy,
    parsed: &mut Parsed,
) -> Result<(), HeadError> {
    loop {
        let (head, next) = match parser.push(rest)? {
            Push::More => return Ok(()),
            Push::Body(data) => {
                parsed.body.extend_from_slice(&data);
                return Ok(());
            }
            Push::Informational(head, next) => {
                assert!(head.is_informational());
                (head, next)
            }
            Push::Final(head, next) => {
                assert!(!head.is_informational());
                (head, next)
            }
        };
        check(&head, policy);
        parsed.heads.push(format!("{head:?}"));
        rest = next;
    }
}

fn check(head: &Head, policy: &HeadPolicy) {
    assert!((100..1000).contains(&head.status()) && head.status() != 101);
    assert!(head.fields().len() <= policy.head_fields);
    for (name, value) in head.fields() {
        assert!(!name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic()));
        let control = |&byte: &u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
        assert!(!value.iter().any(control));
        let own = [&b"status"[..], b"transfer-encoding", b"connection"];
        assert!(!own.iter().any(|own| name.eq_ignore_ascii_case(own)));
    }
    if let Some(path) = head.local_redirect() {
        assert!(path.starts_with(b"/") && !path.starts_with(b"//"));
        assert_eq!((head.status(), head.fields().len()), (302, 1));
    }
    if let Some(length) = head.content_length() {
        assert!(
            head.get(b"content-length").is_some(),
            "{length} is declared"
        );
    }
}
