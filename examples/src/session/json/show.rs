//! PHP values as JSON, level by level instead of by recursion: PHP nests
//! deeper than a stack is large.

use std::collections::{HashMap, HashSet};

use session_store::{Document, Entries, Key, Node, NodeId, Opaque, ValueKind, ValueRef};

use super::buffer::{Buffer, Excess, MAX_BYTES};

/// All variables of a session.
pub(super) fn session(document: &Document) -> Result<String, Excess> {
    session_within(document, MAX_BYTES)
}

fn session_within(document: &Document, limit: usize) -> Result<String, Excess> {
    let mut printer = Printer {
        out: Buffer::new(limit),
        levels: Vec::new(),
        inside: HashSet::new(),
        repeated: repeated(document),
        numbered: 0,
        values: 0,
    };
    printer.open(Level {
        container: None,
        rest: document.iter(),
        shape: Shape::Map,
        twice: HashSet::new(),
        is_first: true,
    })?;
    while let Some(level) = printer.levels.last_mut() {
        match level.rest.next() {
            Some((key, value)) => printer.member(key, value)?,
            None => printer.close()?,
        }
    }
    Ok(printer.out.finish())
}

struct Printer<'a> {
    out: Buffer,
    levels: Vec<Level<'a>>,
    /// The arrays that are open, to find one inside itself.
    inside: HashSet<NodeId>,
    /// Objects in several places, by their numbers once they were shown.
    repeated: HashMap<NodeId, Option<usize>>,
    numbered: usize,
    values: usize,
}

/// An array or object that is being written.
struct Level<'a> {
    container: Option<NodeId>,
    rest: Entries<'a>,
    shape: Shape,
    /// Own names that a class and its parent both use for a property.
    twice: HashSet<&'a [u8]>,
    is_first: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Shape {
    List,
    Map,
    /// The only member is the value in an opaque payload.
    Payload,
}

impl Shape {
    const fn brackets(self) -> (&'static str, &'static str) {
        match self {
            Self::List => ("[", "]"),
            Self::Map | Self::Payload => ("{", "}"),
        }
    }
}

impl<'a> Printer<'a> {
    fn member(&mut self, key: &'a Key, value: ValueRef<'a>) -> Result<(), Excess> {
        let name = self.levels.last().and_then(|level| match level.shape {
            Shape::List => None,
            Shape::Map => Some(name(key, &level.twice)),
            Shape::Payload => Some(PAYLOAD.to_owned()),
        });
        self.separate()?;
        if let Some(name) = name {
            self.out.text(&name)?;
            self.out.raw(": ")?;
        }
        self.value(value)
    }

    /// What stands in front of a member.
    fn separate(&mut self) -> Result<(), Excess> {
        let depth = self.levels.len();
        if let Some(level) = self.levels.last_mut()
            && !std::mem::replace(&mut level.is_first, false)
        {
            self.out.raw(",")?;
        }
        self.out.line(depth)
    }

    /// A member that is none of PHP's.
    fn mark(&mut self, tag: &str, text: &str) -> Result<(), Excess> {
        self.separate()?;
        self.out.text(tag)?;
        self.out.raw(": ")?;
        self.out.text(text)
    }

    fn value(&mut self, value: ValueRef<'a>) -> Result<(), Excess> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Excess::Values(MAX_VALUES));
        }
        match value.node() {
            Node::Bool(true) => self.out.raw("true"),
            Node::Bool(false) => self.out.raw("false"),
            Node::Int(number) => self.out.raw(&number.to_string()),
            Node::Float(number) => self.float(*number),
            Node::Str(bytes) => self.string(bytes),
            Node::Enum(case) => {
                let (class, case) = (readable(&case.class), readable(&case.case));
                self.tagged("@enum", &format!("{class}:{case}"))
            }
            Node::Array(_) | Node::Object(_) | Node::Opaque(_) => self.container(value),
            _ => self.out.raw("null"),
        }
    }

    fn container(&mut self, value: ValueRef<'a>) -> Result<(), Excess> {
        let container = value.graph().resolve(value.id()).0;
        if let Some(&Some(number)) = self.repeated.get(&container) {
            return self.same(value, number);
        }
        if !self.inside.insert(container) {
            return self.tagged("@recursion", "array");
        }
        let shape = match value.kind() {
            ValueKind::Opaque => Shape::Payload,
            ValueKind::Array if is_list(value) => Shape::List,
            _ => Shape::Map,
        };
        self.open(Level {
            container: Some(container),
            rest: value.entries(),
            shape,
            twice: twice(value),
            is_first: true,
        })?;
        match value.node() {
            Node::Object(object) => self.mark("@class", &readable(&object.class))?,
            Node::Opaque(opaque) => self.mark("@opaque", &readable(opaque.class()))?,
            _ => {}
        }
        if let Some(number) = self.repeated.get_mut(&container) {
            self.numbered += 1;
            *number = Some(self.numbered);
            let number = self.numbered.to_string();
            self.separate()?;
            self.out.raw("\"@id\": ")?;
            self.out.raw(&number)?;
        }
        match value.node() {
            Node::Opaque(opaque) => self.payload(opaque),
            _ => Ok(()),
        }
    }

    /// An object that was shown before.
    fn same(&mut self, value: ValueRef<'a>, number: usize) -> Result<(), Excess> {
        let class = value.class().map(|class| readable(class));
        self.out.raw("{\"@class\": ")?;
        self.out.text(&class.unwrap_or_default())?;
        self.out.raw(", \"@same\": ")?;
        self.out.raw(&number.to_string())?;
        self.out.raw("}")
    }

    /// A payload that is no value; one that is comes as a member.
    fn payload(&mut self, opaque: &Opaque) -> Result<(), Excess> {
        let Some(payload) = opaque.payload() else {
            return Ok(());
        };
        self.separate()?;
        self.out.text(PAYLOAD)?;
        self.out.raw(": ")?;
        self.string(payload)
    }

    fn open(&mut self, level: Level<'a>) -> Result<(), Excess> {
        self.out.raw(level.shape.brackets().0)?;
        self.levels.push(level);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Excess> {
        let Some(level) = self.levels.pop() else {
            return Ok(());
        };
        if let Some(container) = level.container {
            self.inside.remove(&container);
        }
        if !level.is_first {
            self.out.line(self.levels.len())?;
        }
        self.out.raw(level.shape.brackets().1)
    }

    fn float(&mut self, number: f64) -> Result<(), Excess> {
        match serde_json::Number::from_f64(number) {
            Some(number) => self.out.raw(&number.to_string()),
            None if number.is_nan() => self.tagged("@float", "NAN"),
            None if number > 0.0 => self.tagged("@float", "INF"),
            None => self.tagged("@float", "-INF"),
        }
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), Excess> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.out.text(text);
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.tagged("@bytes", &hex)
    }

    fn tagged(&mut self, tag: &str, text: &str) -> Result<(), Excess> {
        self.out.raw("{\"")?;
        self.out.raw(tag)?;
        self.out.raw("\": ")?;
        self.out.text(text)?;
        self.out.raw("}")
    }
}

/// The objects that several places hold.
fn repeated(document: &Document) -> HashMap<NodeId, Option<usize>> {
    let mut seen = HashSet::new();
    let mut repeated = HashMap::new();
    let mut pending: Vec<ValueRef<'_>> = document.iter().map(|(_, value)| value).collect();
    while let Some(value) = pending.pop() {
        let id = value.graph().resolve(value.id()).0;
        if seen.insert(id) {
            pending.extend(value.entries().map(|(_, member)| member));
        } else if matches!(value.kind(), ValueKind::Object | ValueKind::Opaque) {
            repeated.insert(id, None);
        }
    }
    repeated
}

/// Keys `0, 1, 2, …`: what PHP calls a list.
fn is_list(value: ValueRef<'_>) -> bool {
    let mut keys = value.entries().map(|(key, _)| key);
    (0..)
        .zip(&mut keys)
        .all(|(index, key)| *key == Key::Int(index))
}

/// A key as text; a property by its own name whatever its visibility, with
/// its class in front where that is not enough.
fn name(key: &Key, twice: &HashSet<&[u8]>) -> String {
    let whole = match key {
        Key::Int(number) => return number.to_string(),
        Key::Str(whole) => whole,
    };
    let own = key.unmangled().unwrap_or(whole);
    let marks = &whole[..whole.len() - own.len()];
    match marks.split(|byte| *byte == 0).nth(1) {
        Some(class) if class != b"*" && twice.contains(own) => {
            format!("{}::{}", readable(class), readable(own))
        }
        _ => readable(own),
    }
}

/// Own names that more than one property of an object has.
fn twice<'a>(value: ValueRef<'a>) -> HashSet<&'a [u8]> {
    let mut seen = HashSet::new();
    let mut twice = HashSet::new();
    if value.kind() == ValueKind::Object {
        let own = value.entries().filter_map(|(key, _)| key.unmangled());
        twice.extend(own.filter(|own| !seen.insert(*own)));
    }
    twice
}

/// Bytes as text, those that are none as `\xff`.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

/// As many as a session may hold.
const MAX_VALUES: usize = 1_000_000;

const PAYLOAD: &str = "@payload";

#[cfg(test)]
mod tests {
    use session_store::{Limits, SerializeHandler};

    use super::*;

    #[track_caller]
    fn shown(handler: SerializeHandler, bytes: &[u8]) -> String {
        let document = Document::decode(handler, bytes.to_vec(), &Limits::default()).unwrap();
        let text = session(&document).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        read.to_string()
    }

    #[track_caller]
    fn assert_shown(bytes: &[u8], wanted: &str) {
        let wanted: serde_json::Value = serde_json::from_str(wanted).unwrap();
        assert_eq!(shown(SerializeHandler::Php, bytes), wanted.to_string());
    }

    #[test]
    fn what_json_cannot_say_is_tagged() {
        assert_shown(
            b"o|O:3:\"Foo\":1:{s:6:\"\0*\0bar\";i:1;}",
            r#"{"o": {"@class": "Foo", "bar": 1}}"#,
        );
        assert_shown(
            b"e|E:11:\"Suit:Hearts\";f|d:-INF;n|d:NAN;s|s:2:\"\xff\0\";",
            r#"{"e": {"@enum": "Suit:Hearts"}, "f": {"@float": "-INF"}, "n": {"@float": "NAN"},
                "s": {"@bytes": "ff00"}}"#,
        );
        assert_shown(
            b"a|C:3:\"Old\":4:{i:1;}b|C:4:\"Text\":2:{hi}",
            r#"{"a": {"@opaque": "Old", "@payload": 1},
                "b": {"@opaque": "Text", "@payload": "hi"}}"#,
        );
    }

    #[test]
    fn properties_of_the_same_name_are_told_apart() {
        assert_shown(
            b"o|O:5:\"Child\":3:{s:8:\"\0Child\0p\";i:1;s:9:\"\0Parent\0p\";i:2;s:4:\"\0*\0q\";i:3;}",
            r#"{"o": {"@class": "Child", "Child::p": 1, "Parent::p": 2, "q": 3}}"#,
        );
    }

    #[test]
    fn an_object_in_several_places_is_shown_once() {
        assert_shown(
            b"o|O:3:\"Dyn\":2:{s:4:\"self\";r:1;s:1:\"x\";O:1:\"A\":0:{}}p|r:1;q|r:3;",
            r#"{"o": {"@class": "Dyn", "@id": 1, "self": {"@class": "Dyn", "@same": 1},
                      "x": {"@class": "A", "@id": 2}},
                "p": {"@class": "Dyn", "@same": 1}, "q": {"@class": "A", "@same": 2}}"#,
        );
    }

    #[test]
    fn an_array_in_itself_is_cut_there() {
        assert_shown(
            b"a|a:1:{s:2:\"me\";R:1;}b|a:1:{i:0;i:5;}",
            r#"{"a": {"me": {"@recursion": "array"}}, "b": [5]}"#,
        );
    }

    #[test]
    fn the_layout_is_that_of_any_json() {
        let bytes = "a|a:0:{}b|a:2:{i:0;i:1;i:1;a:1:{s:1:\"k\";d:-0;}}";
        let document = Document::decode(SerializeHandler::Php, bytes, &Limits::default()).unwrap();
        let text = session(&document).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text, serde_json::to_string_pretty(&read).unwrap());
        assert_eq!(session(&Document::new()).unwrap(), "{}");
    }

    #[test]
    fn what_php_reads_is_shown_however_deep() {
        let bytes = format!("a|{}N;{}", "a:1:{i:0;".repeat(4096), "}".repeat(4096));
        let document = Document::decode(SerializeHandler::Php, bytes, &Limits::default()).unwrap();
        let text = session(&document).unwrap();
        assert_eq!(text.matches('[').count(), 4096);
    }

    /// 30 arrays, each holding the one before twice, and a string a million
    /// times.
    #[test]
    fn shared_values_cannot_blow_up() {
        let mut arrays = b"\0\0\0\x02\x14\x1f\x11\x01a\x14\x01\x06\x00\x06\x00".to_vec();
        for level in 1_u8..=30 {
            arrays.extend([
                0x11, 2, b'v', level, 0x14, 2, 0x06, 0, 0x01, level, 0x06, 1, 0x01, level,
            ]);
        }
        let mut strings = b"\0\0\0\x02\x14\x01\x11\x01a\x16\x00\x01\x00\x00".to_vec();
        strings.extend(b"\x06\x00\x12\xff\xff");
        strings.extend([b'x'; 0xffff]);
        for index in 1..0x1_0000_u32 {
            strings.extend([0x0a]);
            strings.extend(index.to_be_bytes());
            strings.extend([0x0e, 1]);
        }
        for bytes in [arrays, strings] {
            let handler = SerializeHandler::Igbinary;
            let document = Document::decode(handler, bytes, &Limits::default()).unwrap();
            assert!(session_within(&document, 1 << 20).is_err());
        }
    }
}
