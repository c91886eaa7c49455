//! PHP values as JSON and back.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use session_store::{Document, Graph, Key, Node, NodeId, ValueKind, ValueRef};

use super::Failure;

/// Deeper values, and those that hold themselves, are cut off here.
const MAX_DEPTH: usize = 500;

/// The variables of a session as one JSON object, in their order.
pub(super) fn render(document: &Document) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(&Variables(document));
    text.map_err(|error| Failure::Data(error.to_string()))
}

/// Makes a value from JSON: objects become arrays with string keys.
pub(super) fn parse(graph: &mut Graph, json: &str) -> Result<NodeId, Failure> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = Seed(graph).deserialize(&mut reader);
    value
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| Failure::Usage(format!("the value is not JSON: {error}")))
}

struct Variables<'a>(&'a Document);

impl Serialize for Variables<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| {
            let depth = 1;
            (name(key), Value { value, depth })
        }))
    }
}

struct Value<'a> {
    value: ValueRef<'a>,
    depth: usize,
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.value;
        match value.kind() {
            ValueKind::Bool => serializer.serialize_bool(value.as_bool().unwrap_or_default()),
            ValueKind::Int => serializer.serialize_i64(value.as_int().unwrap_or_default()),
            ValueKind::Float => float(value.as_float().unwrap_or_default(), serializer),
            ValueKind::Str => string(value.as_bytes().map_or(&[], AsRef::as_ref), serializer),
            ValueKind::Array | ValueKind::Object if self.depth >= MAX_DEPTH => {
                tagged("@cut", "nested too deeply or in itself", serializer)
            }
            ValueKind::Array if is_list(value) => {
                serializer.collect_seq(value.entries().map(|(_, member)| self.below(member)))
            }
            ValueKind::Array | ValueKind::Object => self.members(serializer),
            ValueKind::Enum => enum_case(value, serializer),
            ValueKind::Opaque => tagged("@opaque", &class(value), serializer),
            ValueKind::Null => serializer.serialize_unit(),
            _ => Err(S::Error::custom("a value of an unknown kind")),
        }
    }
}

impl<'a> Value<'a> {
    fn below(&self, value: ValueRef<'a>) -> Self {
        Self {
            value,
            depth: self.depth + 1,
        }
    }

    fn members<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.value.kind() == ValueKind::Object {
            map.serialize_entry("@class", &class(self.value))?;
        }
        for (key, member) in self.value.entries() {
            map.serialize_entry(&name(key), &self.below(member))?;
        }
        map.end()
    }
}

/// Keys `0, 1, 2, …`: what PHP calls a list.
fn is_list(value: ValueRef<'_>) -> bool {
    let mut keys = value.entries().map(|(key, _)| key);
    (0..)
        .zip(&mut keys)
        .all(|(index, key)| *key == Key::Int(index))
}

/// A key as text; a property by its own name, whatever its visibility.
fn name(key: &Key) -> String {
    match key {
        Key::Int(number) => number.to_string(),
        key => {
            let bytes = key.unmangled().or_else(|| key.as_bytes());
            String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
        }
    }
}

fn class(value: ValueRef<'_>) -> String {
    let class = value.class().map_or(&[][..], AsRef::as_ref);
    String::from_utf8_lossy(class).into_owned()
}

fn enum_case<S: Serializer>(value: ValueRef<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let case = match value.node() {
        Node::Enum { case, .. } => String::from_utf8_lossy(case),
        _ => "".into(),
    };
    tagged("@enum", &format!("{}:{case}", class(value)), serializer)
}

fn float<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        return serializer.serialize_f64(value);
    }
    tagged("@float", &value.to_string(), serializer)
}

fn string<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return serializer.serialize_str(text);
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    tagged("@bytes", &hex, serializer)
}

fn tagged<S: Serializer>(tag: &str, text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([(tag, text)])
}

/// Builds nodes while the JSON is read, so that objects keep their order.
struct Seed<'a>(&'a mut Graph);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = NodeId;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<NodeId, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = NodeId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<NodeId, E> {
        Ok(self.0.add(Node::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<NodeId, E> {
        Ok(self.0.add(Node::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<NodeId, E> {
        Ok(self.0.add(Node::Int(value)))
    }

    /// Too large for an integer of PHP's is a float there.
    fn visit_u64<E>(self, value: u64) -> Result<NodeId, E> {
        let node = match i64::try_from(value) {
            Ok(value) => Node::Int(value),
            #[expect(clippy::cast_precision_loss, reason = "as PHP does it")]
            Err(_) => Node::Float(value as f64),
        };
        Ok(self.0.add(node))
    }

    fn visit_f64<E>(self, value: f64) -> Result<NodeId, E> {
        Ok(self.0.add(Node::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<NodeId, E> {
        let bytes = Bytes::copy_from_slice(value.as_bytes());
        Ok(self.0.add(Node::Str(bytes)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<NodeId, A::Error> {
        let mut entries = Vec::new();
        for index in 0.. {
            let Some(value) = members.next_element_seed(Seed(self.0))? else {
                break;
            };
            entries.push((Key::Int(index), value));
        }
        Ok(self.0.add(Node::Array(entries)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<NodeId, A::Error> {
        let mut entries: Vec<(Key, NodeId)> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            let key = Key::symbol(name);
            let value = members.next_value_seed(Seed(self.0))?;
            // As in PHP, the last of two equal keys counts.
            match entries.iter_mut().find(|(known, _)| *known == key) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        Ok(self.0.add(Node::Array(entries)))
    }
}

#[cfg(test)]
mod tests {
    use session_store::{Limits, SerializeHandler};

    use super::*;

    #[test]
    fn json_goes_in_and_comes_out_in_order() {
        let mut document = Document::new();
        let json = r#"{"z":[1,-2.5,"x",null,true],"a":{"5":1,"k":[]}}"#;
        let value = parse(document.graph_mut(), json).unwrap();
        document.set("v", value);
        let text = render(&document).unwrap();
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(compact, format!(r#"{{"v":{json}}}"#));
    }

    #[test]
    fn what_json_cannot_say_is_tagged() {
        let bytes = "o|O:3:\"Foo\":1:{s:6:\"\0*\0bar\";i:1;}e|E:11:\"Suit:Hearts\";f|d:INF;";
        let php = SerializeHandler::Php;
        let document = Document::decode(php, bytes, &Limits::default()).unwrap();
        let text = render(&document).unwrap();
        for part in [
            r#""@class": "Foo""#,
            r#""bar": 1"#,
            r#""@enum": "Suit:Hearts""#,
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.contains(r#""@float": "inf""#), "{text}");
    }

    #[test]
    fn a_value_that_holds_itself_is_cut() {
        let bytes = "o|O:3:\"Dyn\":1:{s:4:\"self\";r:1;}";
        let php = SerializeHandler::Php;
        let document = Document::decode(php, bytes, &Limits::default()).unwrap();
        assert!(render(&document).unwrap().contains("@cut"));
    }

    #[test]
    fn rubbish_behind_the_value_is_refused() {
        let mut document = Document::new();
        assert!(parse(document.graph_mut(), "1 2").is_err());
        assert!(parse(document.graph_mut(), "{").is_err());
    }
}
