//! Writes msgpack.

use std::collections::HashMap;

use super::super::output::Output;
use super::super::{EncodeError, php};
use super::{NIL, mark};
use crate::Limits;
use crate::value::{Graph, Key, Node, NodeId, Object};

/// Encodes a session.
pub(crate) fn encode(graph: &Graph, root: NodeId, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer {
        graph,
        limits,
        out: Output::new(limits),
        seen: HashMap::from([(root, 1)]),
        numbered: 1,
    };
    writer.write_root(root)?;
    Ok(writer.out.into_bytes())
}

struct Writer<'a> {
    graph: &'a Graph,
    limits: &'a Limits,
    out: Output,
    /// Numbers of objects, and of arrays behind references.
    seen: HashMap<NodeId, usize>,
    numbered: usize,
}

/// Members still to be written.
struct Members<'a> {
    rest: std::slice::Iter<'a, (Key, NodeId)>,
    has_keys: bool,
}

impl<'a> Writer<'a> {
    /// Writes the session array, to PHP a reference.
    fn write_root(&mut self, root: NodeId) -> Result<(), EncodeError> {
        self.out.deepen(0)?;
        let mut open = vec![self.begin_array(self.graph.entries(root), true)?];
        while let Some(members) = open.last_mut() {
            let Some((key, value)) = members.rest.next() else {
                open.pop();
                continue;
            };
            if members.has_keys {
                match key {
                    Key::Int(value) => self.write_int(*value)?,
                    Key::Str(name) => self.write_string(name)?,
                }
            }
            if let Some(opened) = self.begin(*value)? {
                self.out.deepen(open.len())?;
                open.push(opened);
            }
        }
        Ok(())
    }

    /// Writes a value up to its first member, if it has any.
    fn begin(&mut self, id: NodeId) -> Result<Option<Members<'a>>, EncodeError> {
        self.out.count()?;
        let (target, node) = self.graph.resolve(id);
        let is_reference = target != id;
        let is_object = matches!(node, Node::Object(_) | Node::Opaque(_));
        if is_object || (is_reference && matches!(node, Node::Array(_))) {
            if let Some(&number) = self.seen.get(&target) {
                return self.write_again(number, is_reference, is_object);
            }
            self.seen.insert(target, self.numbered + 1);
        }
        if is_object || matches!(node, Node::Array(_)) {
            self.numbered += 1;
        }
        match node {
            Node::Array(entries) => return self.begin_array(entries, is_reference).map(Some),
            Node::Object(object) if object.magic => return self.begin_magic(object).map(Some),
            Node::Object(object) => return self.begin_object(object, is_reference).map(Some),
            // `resolve` has followed all references.
            Node::Null | Node::Reference(_) => self.out.push(NIL)?,
            Node::Bool(value) => self.out.push(if *value { 0xc3 } else { 0xc2 })?,
            Node::Int(value) => self.write_int(*value)?,
            Node::Float(value) => {
                self.out.push(0xcb)?;
                self.out.extend(&value.to_be_bytes())?;
            }
            Node::Str(value) => self.write_string(value)?,
            Node::Enum(case) => {
                return Err(EncodeError::EnumCase {
                    class: Key::Str(case.class.clone()),
                });
            }
            Node::Opaque(opaque) => {
                let payload = php::payload(self.graph, opaque, self.limits)?;
                php::check_class_name(opaque.class())?;
                self.write_marked(2, mark::OPAQUE)?;
                self.write_string(opaque.class())?;
                self.write_string(&payload)?;
            }
        }
        Ok(None)
    }

    fn write_again(
        &mut self,
        number: usize,
        is_reference: bool,
        is_object: bool,
    ) -> Result<Option<Members<'a>>, EncodeError> {
        let mark = match (is_reference, is_object) {
            (true, true) => mark::OBJECT_REFERENCE,
            (true, false) => mark::SAME_ARRAY,
            (false, _) => {
                self.numbered += 1;
                mark::SAME_OBJECT
            }
        };
        self.write_marked(2, mark)?;
        self.write_int(0)?;
        self.write_int(i64::from(self.out.len32(number)?))?;
        Ok(None)
    }

    fn begin_array(
        &mut self,
        entries: &'a [(Key, NodeId)],
        is_reference: bool,
    ) -> Result<Members<'a>, EncodeError> {
        let list = || {
            entries
                .iter()
                .zip(0..)
                .all(|((key, _), index)| *key == Key::Int(index))
        };
        let has_keys = !entries.is_empty() && (is_reference || !list());
        if !has_keys {
            self.write_len(0x90, 0xdc, entries.len())?;
        } else if is_reference {
            self.write_marked(entries.len() + 1, mark::REFERENCE)?;
        } else {
            self.write_len(0x80, 0xde, entries.len())?;
        }
        Ok(Members {
            rest: entries.iter(),
            has_keys,
        })
    }

    fn begin_object(
        &mut self,
        object: &'a Object,
        is_reference: bool,
    ) -> Result<Members<'a>, EncodeError> {
        php::check_class_name(&object.class)?;
        if is_reference {
            self.write_marked(object.props.len() + 2, mark::REFERENCE)?;
        } else {
            self.write_len(0x80, 0xde, object.props.len() + 1)?;
        }
        self.out.push(NIL)?;
        self.write_string(&object.class)?;
        Ok(Members {
            rest: object.props.iter(),
            has_keys: true,
        })
    }

    /// An object through `__serialize()`: class and array, both under nil.
    fn begin_magic(&mut self, object: &'a Object) -> Result<Members<'a>, EncodeError> {
        php::check_class_name(&object.class)?;
        self.write_len(0x80, 0xde, 2)?;
        self.out.push(NIL)?;
        self.write_string(&object.class)?;
        self.out.push(NIL)?;
        self.numbered += 1;
        self.begin_array(&object.props, false)
    }

    /// A map of `len` members, the first of them a mark.
    fn write_marked(&mut self, len: usize, mark: i64) -> Result<(), EncodeError> {
        self.write_len(0x80, 0xde, len)?;
        self.out.push(NIL)?;
        self.write_int(mark)
    }

    fn write_int(&mut self, value: i64) -> Result<(), EncodeError> {
        if let Ok(small) = i8::try_from(value)
            && small >= -32
        {
            return self.out.extend(&small.to_be_bytes());
        }
        if let Ok(small) = u8::try_from(value) {
            self.out.extend(&[0xcc, small])
        } else if let Ok(small) = i8::try_from(value) {
            self.out.push(0xd0)?;
            self.out.extend(&small.to_be_bytes())
        } else if let Ok(small) = u16::try_from(value) {
            self.out.push(0xcd)?;
            self.out.extend(&small.to_be_bytes())
        } else if let Ok(small) = i16::try_from(value) {
            self.out.push(0xd1)?;
            self.out.extend(&small.to_be_bytes())
        } else if let Ok(small) = u32::try_from(value) {
            self.out.push(0xce)?;
            self.out.extend(&small.to_be_bytes())
        } else if let Ok(small) = i32::try_from(value) {
            self.out.push(0xd2)?;
            self.out.extend(&small.to_be_bytes())
        } else {
            self.out.push(if value < 0 { 0xd3 } else { 0xcf })?;
            self.out.extend(&value.to_be_bytes())
        }
    }

    fn write_string(&mut self, text: &[u8]) -> Result<(), EncodeError> {
        match u8::try_from(text.len()) {
            Ok(len @ 0..32) => self.out.push(0xa0 | len)?,
            Ok(len) => self.out.extend(&[0xd9, len])?,
            Err(_) => self.write_wide_len(0xda, text.len())?,
        }
        self.out.extend(text)
    }

    /// A length below 16 in the tag itself, or behind `wide`.
    fn write_len(&mut self, narrow: u8, wide: u8, len: usize) -> Result<(), EncodeError> {
        match u8::try_from(len) {
            Ok(len @ 0..16) => self.out.push(narrow | len),
            _ => self.write_wide_len(wide, len),
        }
    }

    /// A length of 16 bits behind `wide`, or of 32 behind the next tag.
    fn write_wide_len(&mut self, wide: u8, len: usize) -> Result<(), EncodeError> {
        if let Ok(len) = u16::try_from(len) {
            self.out.push(wide)?;
            return self.out.extend(&len.to_be_bytes());
        }
        let len = self.out.len32(len)?;
        self.out.push(wide + 1)?;
        self.out.extend(&len.to_be_bytes())
    }
}
