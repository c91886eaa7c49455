//! Session data in each format: read, changed, merged, written.

use bytes::Bytes;
use session_store::{Document, Key, Limits, MergeOutcome, Node, SerializeHandler};

/// The `php` format.
pub fn session_php(data: &[u8]) {
    check(SerializeHandler::Php, data);
}

/// The `php_serialize` format.
pub fn session_php_serialize(data: &[u8]) {
    check(SerializeHandler::PhpSerialize, data);
}

/// The `php_binary` format.
pub fn session_php_binary(data: &[u8]) {
    check(SerializeHandler::PhpBinary, data);
}

/// igbinary.
pub fn session_igbinary(data: &[u8]) {
    check(SerializeHandler::Igbinary, data);
}

/// msgpack.
pub fn session_msgpack(data: &[u8]) {
    check(SerializeHandler::Msgpack, data);
}

/// What cannot be read is given back; what can is written the same way twice,
/// unchanged as it was, and merges with itself.
fn check(handler: SerializeHandler, data: &[u8]) {
    let limits = limits();
    let bytes = Bytes::copy_from_slice(data);
    let document = match Document::decode(handler, bytes.clone(), &limits) {
        Ok(document) => document,
        Err(refused) => {
            assert_eq!(refused.bytes(), &bytes, "what cannot be read is kept");
            assert!(refused.error().offset() <= data.len());
            return;
        }
    };
    assert_eq!(document.encode(handler, &limits), Ok(bytes), "unchanged");
    for &other in SerializeHandler::ALL {
        assert_stable(&document, other, &limits);
    }
    if let Ok(outcome) = Document::merge(&document, &document, &document, &limits) {
        assert!(
            matches!(outcome, MergeOutcome::Merged(_)),
            "nothing has changed"
        );
    }
    assert_change_shows(document, handler, &limits);
}

/// What is written reads back and is written the same again.
fn assert_stable(document: &Document, handler: SerializeHandler, limits: &Limits) {
    let Ok(once) = document.encode_afresh(handler, limits) else {
        return;
    };
    match Document::decode(handler, once.clone(), limits) {
        Ok(again) => {
            // A format may lose what it cannot hold, but only once.
            let twice = again.encode_afresh(handler, limits);
            let reread = twice
                .map(|twice| Document::decode(handler, twice, limits).map(|session| session.len()));
            assert_eq!(reread, Ok(Ok(again.len())));
        }
        Err(refused) => panic!("{handler} wrote what it cannot read: {refused}"),
    }
}

/// A new variable comes back, and so does every other.
fn assert_change_shows(mut document: Document, handler: SerializeHandler, limits: &Limits) {
    let name = "\u{7}new";
    let existed = document.contains(name);
    let value = document.graph_mut().add(Node::Int(42));
    document.set(Key::from(name), value);
    let Ok(written) = document.encode(handler, limits) else {
        return;
    };
    let again = Document::decode(handler, written, limits).expect("a change is readable");
    assert_eq!(again.len(), document.len());
    if !existed {
        assert_eq!(again.value(name).and_then(|value| value.as_int()), Some(42));
    }
}

/// Small ones, so that what they stop is found soon.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_depth = 64;
    limits.max_nodes = 5_000;
    limits.max_session_bytes = 64 * 1024;
    limits
}
