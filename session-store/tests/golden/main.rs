//! What real PHP writes is read and written back to the same bytes.

mod php;

use std::collections::HashMap;

use php::{php_reads, php_writes};
use session_store::{Document, Limits, SerializeHandler};

#[track_caller]
fn assert_php_sessions_survive(handler: SerializeHandler, count: u32, settings: &[&str]) {
    let limits = Limits::default();
    // msgpack, up to 2.2, writes enum cases that it cannot read.
    let avoid = if handler == SerializeHandler::Msgpack {
        "enums"
    } else {
        ""
    };
    for (number, session) in php_writes(handler, 20_260_101, count, avoid, settings)
        .into_iter()
        .enumerate()
    {
        let shown = session.escape_ascii();
        let document = Document::decode(handler, session.clone(), &limits)
            .unwrap_or_else(|error| panic!("session {number}: {error}\n{shown}"));
        let again = document.encode_afresh(handler, &limits).unwrap();
        assert!(
            again == session,
            "session {number}\n  php: {shown}\n ours: {}",
            again.escape_ascii()
        );
        assert_eq!(document.encode(handler, &limits).unwrap(), session);
    }
}

#[test]
fn php_sessions_survive() {
    assert_php_sessions_survive(SerializeHandler::Php, 10_000, &[]);
}

#[test]
fn php_serialize_sessions_survive() {
    assert_php_sessions_survive(SerializeHandler::PhpSerialize, 10_000, &[]);
}

#[test]
fn php_binary_sessions_survive() {
    assert_php_sessions_survive(SerializeHandler::PhpBinary, 10_000, &[]);
}

#[test]
fn igbinary_sessions_survive() {
    assert_php_sessions_survive(SerializeHandler::Igbinary, 10_000, &[]);
}

#[test]
fn igbinary_sessions_without_compact_strings_survive() {
    let settings = ["igbinary.compact_strings=0"];
    assert_php_sessions_survive(SerializeHandler::Igbinary, 1000, &settings);
}

#[test]
fn msgpack_sessions_survive() {
    assert_php_sessions_survive(SerializeHandler::Msgpack, 10_000, &[]);
}

/// PHP finds the same values in our `to` form of a session as in the `from`
/// form it wrote itself. Says how many sessions there were.
#[track_caller]
fn assert_php_reads_converted(from: SerializeHandler, to: SerializeHandler, count: u32) -> usize {
    let limits = Limits::default();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for session in php_writes(from, 7, count, avoid(from, to), &[]) {
        let document = Document::decode(from, session.clone(), &limits).unwrap();
        if let Ok(converted) = document.encode_afresh(to, &limits) {
            theirs.push(session);
            ours.push(converted);
        }
    }
    assert!(
        ours.len() > count as usize / 2,
        "only {} of {count} could be converted",
        ours.len()
    );
    let wanted = php_reads(from, &theirs);
    for ((found, wanted), ours) in php_reads(to, &ours).into_iter().zip(wanted).zip(&ours) {
        let shown = |bytes: Option<Vec<u8>>| bytes.map(|bytes| bytes.escape_ascii().to_string());
        let (found, wanted) = (shown(found), shown(wanted));
        assert!(
            found == wanted,
            "{from} to {to}
  ours: {}
 found: {found:?}
wanted: {wanted:?}",
            ours.escape_ascii()
        );
    }
    ours.len()
}

/// What PHP cannot carry from one format to the other.
fn avoid(from: SerializeHandler, to: SerializeHandler) -> &'static str {
    use SerializeHandler::{Igbinary, Msgpack};
    match (from, to) {
        // It loses references and odd names of properties, adds a byte to
        // payloads, and tells what `__serialize()` made from properties.
        (_, Msgpack) | (Msgpack, _) => "enums,references,serializable,magic,names",
        // Payloads count their values from 1, so nothing is shared with them.
        (_, Igbinary) | (Igbinary, _) => "serializable",
        _ => "",
    }
}

#[test]
fn php_reads_what_was_converted() {
    use SerializeHandler::{Igbinary, Msgpack, Php, PhpBinary, PhpSerialize};
    let mut read = HashMap::new();
    for (from, to, count) in [
        (Php, PhpSerialize, 3000),
        (PhpBinary, PhpSerialize, 3000),
        (Igbinary, PhpSerialize, 4000),
        (PhpSerialize, Php, 7000),
        (Msgpack, Php, 3000),
        (Php, PhpBinary, 5000),
        (Igbinary, PhpBinary, 5000),
        (Php, Igbinary, 4000),
        (Igbinary, Igbinary, 3000),
        (Msgpack, Igbinary, 3000),
        (Php, Msgpack, 5000),
        (Igbinary, Msgpack, 5000),
    ] {
        *read.entry(to).or_insert(0) += assert_php_reads_converted(from, to, count);
    }
    let enough = |count: &usize| *count >= 10_000;
    assert!(read.len() == 5 && read.values().all(enough), "{read:?}");
}
