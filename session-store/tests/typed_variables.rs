//! Variables as Rust types.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use session_store::SerializeHandler::Php;
use session_store::{Document, Limits};

fn read(bytes: &'static str) -> Document {
    Document::decode(Php, bytes, &Limits::default()).unwrap()
}

fn written(session: &Document) -> String {
    let bytes = session.encode(Php, &Limits::default()).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i64, i64),
    Named { name: String },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Everything {
    flag: bool,
    small: i8,
    large: u32,
    ratio: f64,
    letter: char,
    text: String,
    nothing: Option<u8>,
    some: Option<String>,
    list: Vec<i64>,
    pair: (String, bool),
    map: BTreeMap<String, i32>,
    numbers: BTreeMap<i64, String>,
    shapes: Vec<Shape>,
}

#[test]
fn structs_come_back() {
    let value = Everything {
        flag: true,
        small: -5,
        large: 70_000,
        ratio: 0.1,
        letter: 'ü',
        text: "a|b".into(),
        nothing: None,
        some: Some(String::new()),
        list: vec![1, -2],
        pair: ("x".into(), false),
        map: BTreeMap::from([("one".into(), 1), ("5".into(), 5)]),
        numbers: BTreeMap::from([(-1, "minus".into())]),
        shapes: vec![
            Shape::Point,
            Shape::Circle(1.0),
            Shape::Line(1, 2),
            Shape::Named { name: "n".into() },
        ],
    };
    let mut session = Document::new();
    session.insert("all", &value).unwrap();
    let bytes = session.encode(Php, &Limits::default()).unwrap();
    let again = Document::decode(Php, bytes, &Limits::default()).unwrap();
    assert_eq!(again.get::<Everything>("all").unwrap().unwrap(), value);
}

#[test]
fn objects_read_by_their_own_names() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct User<'a> {
        id: i64,
        name: &'a str,
        secret: Option<i64>,
    }
    let session = read(
        "user|O:4:\"User\":4:{s:2:\"id\";i:7;s:7:\"\0*\0name\";s:3:\"Ada\";s:12:\"\0User\0secret\";N;s:5:\"extra\";b:1;}",
    );
    let user: User<'_> = session.get("user").unwrap().unwrap();
    assert_eq!(
        user,
        User {
            id: 7,
            name: "Ada",
            secret: None
        }
    );
}

#[test]
fn enum_cases_are_unit_variants() {
    #[derive(Debug, Deserialize, PartialEq)]
    enum Suit {
        Hearts,
    }
    let session = read("a|E:11:\"Suit:Hearts\";b|r:1;");
    assert_eq!(session.get::<Suit>("b").unwrap(), Some(Suit::Hearts));
    assert_eq!(
        session.get::<String>("a").unwrap().as_deref(),
        Some("Hearts")
    );
}

#[test]
fn references_are_followed_and_assigned_through() {
    let mut session = read("a|i:1;b|R:1;c|i:1;");
    session.insert("b", &5).unwrap();
    assert_eq!(session.get::<i64>("a").unwrap(), Some(5));
    assert_eq!(written(&session), "a|i:5;b|R:1;c|i:1;");
}

#[test]
fn untouched_variables_keep_their_bytes() {
    // `d:0.10` and `i:+5` are not what PHP writes today, and stay.
    let mut session = read("a|d:0.10;n|i:1;b|i:+5;");
    session.insert("n", &2).unwrap();
    session.insert("new", "x").unwrap();
    assert_eq!(written(&session), "a|d:0.10;n|i:2;b|i:+5;new|s:1:\"x\";");
    session.remove("a");
    assert_eq!(written(&session), "n|i:2;b|i:+5;new|s:1:\"x\";");
}

#[test]
fn changes_keep_numbers_right() {
    let mut session = read("a|a:1:{i:0;i:5;}o|O:1:\"A\":0:{}p|r:3;");
    session.insert("a", &Vec::<i64>::new()).unwrap();
    assert_eq!(written(&session), "a|a:0:{}o|O:1:\"A\":0:{}p|r:2;");
}

#[test]
fn a_value_holding_itself_is_refused() {
    let session = read("o|O:1:\"A\":1:{s:4:\"self\";r:1;}");
    let error = session.get::<serde_json::Value>("o").unwrap_err();
    assert_eq!(error.to_string(), "nested deeper than 128 levels");
}

#[test]
fn what_php_has_not_is_refused_and_nothing_changes() {
    let mut session = read("a|i:1;");
    assert!(session.insert("a", &u64::MAX).is_err());
    assert!(session.insert("a", &BTreeMap::from([(true, 1)])).is_err());
    assert!(session.insert_object("a", "A", &5).is_err());
    assert!(!session.is_changed());
    assert!(session.get::<String>("a").is_err());
    assert_eq!(session.get::<String>("none").unwrap(), None);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no NaN", |value| value.is_finite())
            .prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            // PHP cannot tell an empty map from an empty list, nor `"0"` from 0.
            prop::collection::btree_map("[a-z]{1,4}", inner, 1..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_comes_back(value in any_json()) {
        let limits = Limits::default();
        let mut session = Document::new();
        session.insert("v", &value).unwrap();
        for handler in session_store::SerializeHandler::ALL {
            let bytes = session.encode(*handler, &limits).unwrap();
            let again = Document::decode(*handler, bytes, &limits).unwrap();
            prop_assert_eq!(again.get::<serde_json::Value>("v").unwrap(), Some(value.clone()));
        }
    }
}
