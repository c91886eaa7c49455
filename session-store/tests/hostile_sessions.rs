//! Damaged and hostile session data: refused with a position, never lost,
//! at bounded cost.

use proptest::prelude::*;
use session_store::SerializeHandler::{self, Igbinary, Msgpack, Php, PhpBinary, PhpSerialize};
use session_store::{DecodeErrorKind, Document, EncodeError, Graph, Key, Limits, Node, Object};

const PHP: &str = "user|i:7;f|d:0.1;s|s:3:\"a|b\";n|N;t|b:1;\
    a|a:2:{i:0;i:1;s:1:\"k\";a:1:{i:-5;s:0:\"\";}}b|R:6;\
    o|O:4:\"User\":3:{s:2:\"id\";i:7;s:7:\"\0*\0name\";s:3:\"Ada\";s:10:\"\0User\0self\";r:10;}p|r:10;\
    e|E:11:\"Suit:Hearts\";c|C:3:\"Old\":18:{a:1:{i:0;s:1:\"x\";}}raw|C:4:\"Text\":5:{hello}";

fn sample(handler: SerializeHandler) -> Vec<u8> {
    let limits = Limits::default();
    let mut document = Document::decode(Php, PHP, &limits).unwrap();
    if handler == Msgpack {
        document.remove("e");
    }
    document.encode_afresh(handler, &limits).unwrap().to_vec()
}

#[test]
fn every_cut_is_refused_or_a_whole_session() {
    let limits = Limits::default();
    for &handler in SerializeHandler::ALL {
        let whole = sample(handler);
        assert_eq!(
            Document::decode(handler, whole.clone(), &limits)
                .unwrap()
                .encode_afresh(handler, &limits)
                .unwrap(),
            whole
        );
        for cut in 0..whole.len() {
            match Document::decode(handler, whole[..cut].to_vec(), &limits) {
                // No data is an empty session; other cuts fall between variables.
                Ok(part) if cut == 0 => assert!(part.is_empty()),
                Ok(part) => {
                    assert_eq!(part.encode_afresh(handler, &limits).unwrap(), &whole[..cut])
                }
                Err(refused) => {
                    assert_eq!(
                        refused.bytes(),
                        &whole[..cut],
                        "{handler} keeps what it cannot read"
                    );
                    assert!(refused.error().offset() <= cut);
                }
            }
        }
    }
}

#[test]
fn damage_is_reported_where_it_is() {
    let cases: &[(&str, usize, DecodeErrorKind)] = &[
        ("a|i:1;b", 7, DecodeErrorKind::UnexpectedEnd),
        ("a|i:1;\n", 7, DecodeErrorKind::UnexpectedEnd),
        ("a|s:5:\"abc\";", 12, DecodeErrorKind::UnexpectedEnd),
        (
            "a|s:2:\"abc\";",
            9,
            DecodeErrorKind::UnexpectedByte { got: b'c' },
        ),
        ("a|b:2;", 4, DecodeErrorKind::UnexpectedByte { got: b'2' }),
        ("a|i:x;", 4, DecodeErrorKind::Number),
        ("a|x:1;", 2, DecodeErrorKind::UnexpectedByte { got: b'x' }),
        ("a|R:1;", 4, DecodeErrorKind::BackReference { to: 1 }),
        ("a|i:1;b|r:1;", 8, DecodeErrorKind::BackReference { to: 1 }),
        ("a|O:3:\"a\"b\":0:{}", 4, DecodeErrorKind::ClassName),
        ("a|a:1000000:{i:0;N;}", 20, DecodeErrorKind::UnexpectedEnd),
    ];
    for (bytes, offset, kind) in cases {
        let refused = Document::decode(Php, *bytes, &Limits::default()).unwrap_err();
        assert_eq!(
            (refused.error().offset(), refused.error().kind()),
            (*offset, kind),
            "{bytes}"
        );
    }
}

#[test]
fn the_wrong_handler_says_so() {
    let limits = Limits::default();
    for (handler, bytes) in [
        (Php, "a:1:{s:1:\"a\";i:1;}"),
        (PhpSerialize, "a|i:1;"),
        (Igbinary, "a|i:1;"),
        (Msgpack, "a|i:1;"),
    ] {
        assert!(
            Document::decode(handler, bytes, &limits).is_err(),
            "{handler}"
        );
    }
    let scalar = Document::decode(PhpSerialize, "i:5;", &limits).unwrap_err();
    assert_eq!(scalar.error().kind(), &DecodeErrorKind::NotVariables);
}

#[test]
fn what_php_takes_is_taken() {
    let limits = Limits::default();
    let read = |handler, bytes: &'static str| Document::decode(handler, bytes, &limits).unwrap();
    // Repeated and empty names, old escapes, signs, trailing bytes.
    assert_eq!(
        read(Php, "a|i:1;b|i:2;a|i:3;")
            .encode_afresh(Php, &limits)
            .unwrap(),
        "a|i:3;b|i:2;"
    );
    assert_eq!(read(Php, "|i:1;").get::<i64>("").unwrap(), Some(1));
    assert_eq!(
        read(Php, "a|S:3:\"\\61b\\00\";")
            .get::<String>("a")
            .unwrap()
            .unwrap(),
        "ab\0"
    );
    assert_eq!(
        read(Php, "a|i:+5;b|i:007;c|i:99999999999999999999;")
            .get::<i64>("c")
            .unwrap(),
        Some(i64::MAX)
    );
    assert_eq!(
        read(PhpSerialize, "a:1:{i:5;i:1;}rest")
            .get::<i64>("5")
            .unwrap(),
        Some(1)
    );
    assert!(read(Php, "").is_empty() && read(Igbinary, "").is_empty());
}

#[test]
fn depth_is_phps() {
    let limits = Limits::default();
    let nested = |depth: usize| format!("a|{}N;{}", "a:1:{i:0;".repeat(depth), "}".repeat(depth));
    assert!(Document::decode(Php, nested(4096), &limits).is_ok());
    let refused = Document::decode(Php, nested(4097), &limits).unwrap_err();
    assert_eq!(
        refused.error().kind(),
        &DecodeErrorKind::TooDeep { limit: 4096 }
    );
    // php-igbinary dies of this one.
    let mut igbinary = b"\0\0\0\x02\x14\x01\x11\x01a".to_vec();
    igbinary.extend(b"\x14\x01\x06\x00".repeat(100_000));
    igbinary.push(0);
    let refused = Document::decode(Igbinary, igbinary, &limits).unwrap_err();
    assert_eq!(
        refused.error().kind(),
        &DecodeErrorKind::TooDeep { limit: 4096 }
    );
    let mut msgpack = b"\x82\xc0\x01\xa1a".to_vec();
    msgpack.extend(b"\x91".repeat(100_000));
    msgpack.push(0xc0);
    let refused = Document::decode(Msgpack, msgpack, &limits).unwrap_err();
    assert_eq!(
        refused.error().kind(),
        &DecodeErrorKind::TooDeep { limit: 4096 }
    );
    let opaque = format!(
        "a|{}",
        (0..2000).fold("N;".to_owned(), |inner, _| format!(
            "C:1:\"A\":{}:{{{inner}}}",
            inner.len()
        ))
    );
    let document = Document::decode(Php, opaque.clone(), &limits).unwrap();
    assert_eq!(document.encode_afresh(Php, &limits).unwrap(), opaque);
}

#[test]
fn values_and_bytes_are_counted() {
    let mut limits = Limits::default();
    limits.max_nodes = 10;
    let many = format!(
        "a|a:20:{{{}}}",
        (0..20)
            .map(|index| format!("i:{index};N;"))
            .collect::<String>()
    );
    let refused = Document::decode(Php, many.clone(), &limits).unwrap_err();
    assert_eq!(
        refused.error().kind(),
        &DecodeErrorKind::TooManyValues { limit: 10 }
    );
    limits.max_session_bytes = 50;
    let refused = Document::decode(Php, many, &limits).unwrap_err();
    assert_eq!(
        refused.error().kind(),
        &DecodeErrorKind::TooLong { limit: 50 }
    );
}

/// 30 arrays, each holding the one before twice: 2³⁰ values as text.
#[test]
fn shared_arrays_cannot_blow_up() {
    let mut laughing = b"\0\0\0\x02\x14\x1f".to_vec();
    laughing.extend(b"\x11\x01a\x14\x01\x06\x00\x06\x00");
    for level in 1_u8..=30 {
        laughing.extend([
            0x11, 2, b'v', level, 0x14, 2, 0x06, 0, 0x01, level, 0x06, 1, 0x01, level,
        ]);
    }
    let limits = Limits::default();
    let document = Document::decode(Igbinary, laughing.clone(), &limits).unwrap();
    assert_eq!(document.encode_afresh(Igbinary, &limits).unwrap(), laughing);
    let refused = document.encode_afresh(Php, &limits).unwrap_err();
    assert_eq!(refused, EncodeError::TooManyValues { limit: 1_000_000 });
    let deep = format!("v{}", char::from(30));
    let error = document.get::<serde_json::Value>(&deep).unwrap_err();
    assert_eq!(error.to_string(), "too many values in one variable");
}

#[test]
fn what_php_could_not_read_is_not_written() {
    let limits = Limits::default();
    let mut session = Document::new();
    session.insert("a|b", &1).unwrap();
    assert!(matches!(
        session.encode(Php, &limits),
        Err(EncodeError::PipeInName { .. })
    ));
    assert_eq!(
        session.encode(PhpSerialize, &limits).unwrap(),
        "a:1:{s:3:\"a|b\";i:1;}"
    );

    let mut session = Document::new();
    session.insert(&"n".repeat(128), &1).unwrap();
    assert!(matches!(
        session.encode(PhpBinary, &limits),
        Err(EncodeError::LongName { .. })
    ));

    let session = Document::decode(PhpSerialize, "a:1:{i:5;i:1;}", &limits).unwrap();
    assert_eq!(
        session.encode(Php, &limits),
        Err(EncodeError::IntegerName {
            handler: Php,
            name: 5
        })
    );

    let mut session = Document::new();
    session
        .insert_object(
            "o",
            "class@anonymous\0/path",
            &std::collections::BTreeMap::from([("a", 1)]),
        )
        .unwrap();
    for &handler in SerializeHandler::ALL {
        assert!(
            matches!(
                session.encode(handler, &limits),
                Err(EncodeError::ClassName { .. })
            ),
            "{handler}"
        );
    }

    let mut session = Document::new();
    let deep = nest(session.graph_mut(), 4097);
    session.set("deep", deep);
    for &handler in SerializeHandler::ALL {
        assert_eq!(
            session.encode(handler, &limits),
            Err(EncodeError::TooDeep { limit: 4096 }),
            "{handler}"
        );
    }

    let mut session = Document::new();
    let case = session.graph_mut().add(Node::enum_case("Suit", "Hearts"));
    session.set("e", case);
    assert!(matches!(
        session.encode(Msgpack, &limits),
        Err(EncodeError::EnumCase { .. })
    ));
}

fn nest(graph: &mut Graph, depth: usize) -> session_store::NodeId {
    let leaf = graph.add(Node::Null);
    (0..depth).fold(leaf, |inner, level| match level % 2 {
        0 => graph.add(Node::Array(vec![(Key::Int(0), inner)])),
        _ => graph.add(Node::Object(Box::new(Object::new(
            "A".into(),
            vec![(Key::from("p"), inner)],
        )))),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is read can be written, and reads as the same again.
    #[test]
    fn damaged_sessions_are_refused_or_stable(
        handler in prop::sample::select(SerializeHandler::ALL),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let limits = Limits::default();
        let mut bytes = sample(handler);
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(document) = Document::decode(handler, bytes, &limits)
            && let Ok(once) = document.encode_afresh(handler, &limits)
        {
            let again = Document::decode(handler, once.clone(), &limits).unwrap();
            prop_assert_eq!(again.encode_afresh(handler, &limits).unwrap(), once);
        }
    }

    #[test]
    fn noise_does_no_harm(handler in prop::sample::select(SerializeHandler::ALL), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut noise = match handler {
            Igbinary => b"\0\0\0\x02\x14\x05".to_vec(),
            _ => Vec::new(),
        };
        noise.extend(bytes);
        let _ = Document::decode(handler, noise, &Limits::default());
    }
}
