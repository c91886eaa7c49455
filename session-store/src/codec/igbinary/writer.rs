//! Writes igbinary.

use std::collections::HashMap;

use bytes::Bytes;

use super::super::output::Output;
use super::super::{EncodeError, php};
use super::{HEADER, tag};
use crate::Limits;
use crate::value::{Graph, Key, Node, NodeId};

/// Encodes a session; `compact_strings` as the ini setting of that name.
pub(crate) fn encode(
    graph: &Graph,
    root: NodeId,
    compact_strings: bool,
    limits: &Limits,
) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer {
        graph,
        limits,
        out: Output::new(limits),
        compact_strings,
        strings: HashMap::new(),
        strings_written: 0,
        shared: HashMap::new(),
        numbered: 0,
    };
    writer.out.extend(&HEADER)?;
    writer.write_root(root)?;
    Ok(writer.out.into_bytes())
}

struct Writer<'a> {
    graph: &'a Graph,
    limits: &'a Limits,
    out: Output,
    compact_strings: bool,
    strings: HashMap<&'a [u8], usize>,
    strings_written: usize,
    /// Numbers of arrays, objects and references.
    shared: HashMap<NodeId, usize>,
    numbered: usize,
}

/// Members still to be written.
struct Members<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, (Key, NodeId)>>,
    /// Where typed properties have no value, in order.
    gaps: &'a [usize],
}

impl Members<'_> {
    /// How many gaps come before member `index`, or at the end.
    fn pass_gaps(&mut self, index: Option<usize>) -> usize {
        let passed = self
            .gaps
            .iter()
            .take_while(|gap| index.is_none_or(|index| **gap <= index))
            .count();
        self.gaps = &self.gaps[passed..];
        passed
    }
}

impl<'a> Writer<'a> {
    /// Writes the session array, which takes the first number but cannot be
    /// referred to.
    fn write_root(&mut self, root: NodeId) -> Result<(), EncodeError> {
        self.numbered += 1;
        let mut open = vec![self.begin_members(self.graph.entries(root), &[])?];
        self.out.deepen(0)?;
        while let Some(members) = open.last_mut() {
            let next = members.rest.next();
            for _ in 0..members.pass_gaps(next.map(|(index, _)| index)) {
                self.out.push(tag::NULL)?;
            }
            let Some((_, (key, value))) = next else {
                open.pop();
                continue;
            };
            match key {
                Key::Int(value) => self.write_int(*value)?,
                Key::Str(name) => self.write_string(name)?,
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
        if is_reference {
            self.out.push(tag::REFERENCE)?;
        }
        let is_object = matches!(node, Node::Object(_) | Node::Enum(_) | Node::Opaque(_));
        let has_number = is_object || is_reference || matches!(node, Node::Array(_));
        if has_number {
            // A reference to an object is known by the object.
            let identity = if is_object { target } else { id };
            if let Some(&number) = self.shared.get(&identity) {
                let tag = if is_object { tag::OBJECT_REF } else { tag::REF };
                self.write_sized(tag, number)?;
                return Ok(None);
            }
            self.shared.insert(identity, self.numbered);
            self.numbered += 1;
        }
        self.begin_content(node)
    }

    fn begin_content(&mut self, node: &'a Node) -> Result<Option<Members<'a>>, EncodeError> {
        match node {
            // `begin` has followed all references.
            Node::Null | Node::Reference(_) => self.out.push(tag::NULL)?,
            Node::Bool(value) => self.out.push(if *value { tag::TRUE } else { tag::FALSE })?,
            Node::Int(value) => self.write_int(*value)?,
            Node::Float(value) => {
                self.out.push(tag::DOUBLE)?;
                self.out.extend(&value.to_be_bytes())?;
            }
            Node::Str(value) => self.write_string(value)?,
            Node::Array(entries) => return self.begin_members(entries, &[]).map(Some),
            Node::Object(object) => {
                self.write_class(&object.class)?;
                return self.begin_members(&object.props, &object.gaps).map(Some);
            }
            Node::Enum(known) => {
                php::check_class_name(&known.case)?;
                self.write_class(&known.class)?;
                self.out.push(tag::ENUM_CASE)?;
                self.write_string(&known.case)?;
            }
            Node::Opaque(opaque) => {
                let payload = php::payload(self.graph, opaque, self.limits)?;
                self.write_class(opaque.class())?;
                self.write_sized(tag::PAYLOAD, payload.len())?;
                self.out.extend(&payload)?;
            }
        }
        Ok(None)
    }

    fn begin_members(
        &mut self,
        entries: &'a [(Key, NodeId)],
        gaps: &'a [usize],
    ) -> Result<Members<'a>, EncodeError> {
        self.write_sized(tag::ARRAY, entries.len() + gaps.len())?;
        Ok(Members {
            rest: entries.iter().enumerate(),
            gaps,
        })
    }

    fn write_int(&mut self, value: i64) -> Result<(), EncodeError> {
        let sign = u8::from(value < 0);
        let magnitude = value.unsigned_abs();
        if let Ok(small) = u8::try_from(magnitude) {
            self.out.extend(&[tag::INT8 + sign, small])
        } else if let Ok(small) = u16::try_from(magnitude) {
            self.out.push(tag::INT16 + sign)?;
            self.out.extend(&small.to_be_bytes())
        } else if let Ok(small) = u32::try_from(magnitude) {
            self.out.push(tag::INT32 + sign)?;
            self.out.extend(&small.to_be_bytes())
        } else {
            self.out.push(tag::INT64 + sign)?;
            self.out.extend(&magnitude.to_be_bytes())
        }
    }

    fn write_string(&mut self, text: &'a Bytes) -> Result<(), EncodeError> {
        if text.is_empty() {
            return self.out.push(tag::STRING_EMPTY);
        }
        if self.compact_strings
            && let Some(&number) = self.strings.get(&text[..])
        {
            return self.write_sized(tag::STRING_ID, number);
        }
        if self.compact_strings {
            self.strings.insert(text, self.strings_written);
        }
        self.strings_written += 1;
        self.write_sized(tag::STRING, text.len())?;
        self.out.extend(text)
    }

    /// Class names are written once, whatever `compact_strings` says.
    fn write_class(&mut self, class: &'a Bytes) -> Result<(), EncodeError> {
        php::check_class_name(class)?;
        if let Some(&number) = self.strings.get(&class[..]) {
            return self.write_sized(tag::OBJECT_ID, number);
        }
        self.strings.insert(class, self.strings_written);
        self.strings_written += 1;
        self.write_sized(tag::OBJECT, class.len())?;
        self.out.extend(class)
    }

    /// A tag for 8 bits and its number; the next tags take wider ones.
    fn write_sized(&mut self, tag: u8, number: usize) -> Result<(), EncodeError> {
        if let Ok(small) = u8::try_from(number) {
            return self.out.extend(&[tag, small]);
        }
        if let Ok(small) = u16::try_from(number) {
            self.out.push(tag + 1)?;
            return self.out.extend(&small.to_be_bytes());
        }
        let number = self.out.len32(number)?;
        self.out.push(tag + 2)?;
        self.out.extend(&number.to_be_bytes())
    }
}
