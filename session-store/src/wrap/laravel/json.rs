//! `session.serialization = json`: attributes as JSON.

use serde::de::DeserializeSeed;

use crate::session::NodeSeed;
use crate::value::{Key, Node, ValueKind, ValueRef, write_float};
use crate::wrap::WrapError;
use crate::{Document, Limits};

/// Reads attributes that Laravel stored as JSON.
///
/// # Errors
///
/// [`WrapError::Corrupt`] if they are no JSON array or object, or nest
/// deeper than 127 levels or hold more than [`Limits::max_nodes`] values;
/// [`WrapError::TooLong`] above
/// [`Limits::max_session_bytes`]. The stored bytes should stay as they are.
///
/// # Examples
///
/// ```
/// use session_store::{Limits, wrap::laravel};
///
/// let stored = br#"{"_token":"x","url":{"intended":"https:\/\/example.org"}}"#;
/// let mut session = laravel::from_json(stored, &Limits::default())?;
/// assert_eq!(session.get::<String>("_token")?.as_deref(), Some("x"));
/// session.insert("visits", &1)?;
/// let stored = laravel::to_json(&session, &Limits::default())?;
/// assert!(stored.ends_with(br#"\/example.org"},"visits":1}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from_json(stored: &[u8], limits: &Limits) -> Result<Document, WrapError> {
    let limit = limits.max_session_bytes;
    if stored.len() > limit {
        return Err(WrapError::TooLong { limit });
    }
    let mut document = Document::new();
    if stored.is_empty() {
        return Ok(document);
    }
    let graph = document.graph_mut();
    let mut json = serde_json::Deserializer::from_slice(stored);
    let root = NodeSeed::within(graph, limits)
        .deserialize(&mut json)
        .map_err(|_| WrapError::Corrupt)?;
    json.end().map_err(|_| WrapError::Corrupt)?;
    if graph.view(root).kind() != ValueKind::Array {
        return Err(WrapError::Corrupt);
    }
    Ok(document.with_root(root))
}

/// Writes attributes as `json_encode` does. A float stays one, even `1.0`,
/// which `json_encode` turns into an integer.
///
/// # Errors
///
/// [`WrapError::NotJson`] for what JSON cannot hold: objects, enum cases,
/// strings that are not UTF-8, infinite floats, and more than 127 levels.
/// [`WrapError::TooLong`] above [`Limits::max_session_bytes`]. Nothing has
/// been stored then.
pub fn to_json(session: &Document, limits: &Limits) -> Result<Vec<u8>, WrapError> {
    let mut writer = Writer {
        json: Vec::new(),
        limit: limits.max_session_bytes,
    };
    writer.array(session.root(), MAX_DEPTH)?;
    Ok(writer.json)
}

struct Writer {
    json: Vec<u8>,
    limit: usize,
}

impl Writer {
    fn value(&mut self, value: ValueRef<'_>, levels: usize) -> Result<(), WrapError> {
        match value.node() {
            Node::Null => self.raw(b"null"),
            Node::Bool(true) => self.raw(b"true"),
            Node::Bool(false) => self.raw(b"false"),
            Node::Int(number) => self.raw(number.to_string().as_bytes()),
            Node::Float(number) => self.float(*number),
            Node::Str(text) => self.string(text),
            Node::Array(_) => self.array(value, levels),
            _ => Err(WrapError::NotJson {
                what: "an object or enum case",
            }),
        }
    }

    fn array(&mut self, array: ValueRef<'_>, levels: usize) -> Result<(), WrapError> {
        let levels = levels.checked_sub(1).ok_or(WrapError::NotJson {
            what: "more than 127 levels",
        })?;
        let is_list = array
            .entries()
            .zip(0..)
            .all(|((key, _), index)| *key == Key::Int(index));
        self.raw(if is_list { b"[" } else { b"{" })?;
        for (index, (key, value)) in array.entries().enumerate() {
            if index > 0 {
                self.raw(b",")?;
            }
            match key {
                _ if is_list => {}
                Key::Int(number) => self.raw(format!("\"{number}\":").as_bytes())?,
                Key::Str(name) => {
                    self.string(name)?;
                    self.raw(b":")?;
                }
            }
            self.value(value, levels)?;
        }
        self.raw(if is_list { b"]" } else { b"}" })
    }

    fn float(&mut self, number: f64) -> Result<(), WrapError> {
        if !number.is_finite() {
            return Err(WrapError::NotJson {
                what: "an infinite float",
            });
        }
        let mut text = Vec::new();
        write_float(number, &mut text);
        text.make_ascii_lowercase();
        if !text.iter().any(|byte| b".e".contains(byte)) {
            text.extend_from_slice(b".0");
        }
        self.raw(&text)
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), WrapError> {
        let text = std::str::from_utf8(bytes).map_err(|_| WrapError::NotJson {
            what: "a string that is not UTF-8",
        })?;
        self.raw(b"\"")?;
        for character in text.chars() {
            match character {
                '"' => self.raw(b"\\\"")?,
                '\\' => self.raw(b"\\\\")?,
                '/' => self.raw(b"\\/")?,
                '\u{8}' => self.raw(b"\\b")?,
                '\u{c}' => self.raw(b"\\f")?,
                '\n' => self.raw(b"\\n")?,
                '\r' => self.raw(b"\\r")?,
                '\t' => self.raw(b"\\t")?,
                ' '..='\u{7f}' => self.raw(character.encode_utf8(&mut [0; 4]).as_bytes())?,
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        self.raw(format!("\\u{unit:04x}").as_bytes())?;
                    }
                }
            }
        }
        self.raw(b"\"")
    }

    fn raw(&mut self, json: &[u8]) -> Result<(), WrapError> {
        if json.len() > self.limit - self.json.len() {
            return Err(WrapError::TooLong { limit: self.limit });
        }
        self.json.extend_from_slice(json);
        Ok(())
    }
}

/// What the reader takes.
const MAX_DEPTH: usize = 127;
