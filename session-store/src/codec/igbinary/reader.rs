//! Reads igbinary.

use std::collections::HashSet;

use bytes::Bytes;

use super::super::builder::{Builder, Open};
use super::super::cursor::Cursor;
use super::super::{DecodeError, DecodeErrorKind, Decoded, php};
use super::{HEADER, tag};
use crate::Limits;
use crate::value::{Key, Node, NodeId, Object};

/// Decodes a session. As in PHP, bytes after the array are ignored.
pub(crate) fn decode(input: &Bytes, limits: &Limits) -> Result<Decoded, DecodeError> {
    let mut reader = Reader {
        cursor: Cursor::new(input, limits)?,
        limits,
        builder: Builder::new(limits),
        strings: Vec::new(),
        written_out: HashSet::new(),
        compact_strings: true,
        shared: Vec::new(),
    };
    let mut root = reader.builder.add(Node::Array(Vec::new()));
    if !reader.cursor.is_at_end() {
        let [zero, nought, null, version] = reader.cursor.array()?;
        if [zero, nought, null] != HEADER[..3] || !(1..=HEADER[3]).contains(&version) {
            return Err(DecodeError::new(DecodeErrorKind::Header, 0));
        }
        root = reader.read_whole()?;
        if !matches!(reader.builder.graph.node(root), Node::Array(_)) {
            return Err(DecodeError::new(
                DecodeErrorKind::NotVariables,
                HEADER.len(),
            ));
        }
    }
    Ok(Decoded {
        graph: reader.builder.graph,
        root,
        ranges: None,
        compact_strings: reader.compact_strings,
    })
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    limits: &'a Limits,
    builder: Builder,
    /// Strings and class names by number.
    strings: Vec<Bytes>,
    written_out: HashSet<Bytes>,
    compact_strings: bool,
    /// Arrays, objects and references by number.
    shared: Vec<NodeId>,
}

impl Reader<'_> {
    /// Reads the value that fills the data; references followed.
    fn read_whole(&mut self) -> Result<NodeId, DecodeError> {
        let mut stack = Vec::new();
        let (whole, opened) = self.read_value()?;
        self.open(&mut stack, opened)?;
        loop {
            let is_root = stack.len() == 1;
            let Some(open) = stack.last_mut() else {
                break;
            };
            if open.remaining == 0 {
                stack.pop();
                continue;
            }
            open.remaining -= 1;
            let Some(key) = self.read_key()? else {
                // A typed property without a value has no name either.
                self.builder
                    .count()
                    .map_err(|kind| self.cursor.error(kind))?;
                if let Node::Object(object) = self.builder.graph.node_mut(open.container) {
                    object.gaps.push(object.props.len());
                }
                continue;
            };
            // Below the session array, PHP knows no numeric strings as keys.
            let in_array =
                !is_root && matches!(self.builder.graph.node(open.container), Node::Array(_));
            let key = match key {
                Key::Str(name) if in_array => Key::symbol(name),
                key => key,
            };
            let index = self.builder.index_for(open, &key);
            let (value, opened) = self.read_value()?;
            self.builder.put(open, index, key, value);
            self.open(&mut stack, opened)?;
        }
        Ok(self.builder.graph.resolve(whole).0)
    }

    fn open(&self, stack: &mut Vec<Open>, opened: Option<Open>) -> Result<(), DecodeError> {
        if let Some(opened) = opened {
            let allowed = self.builder.deepen(stack.len());
            allowed.map_err(|kind| self.cursor.error(kind))?;
            stack.push(opened);
        }
        Ok(())
    }

    /// Reads a value up to its first member, if it has any.
    fn read_value(&mut self) -> Result<(NodeId, Option<Open>), DecodeError> {
        let start = self.cursor.offset();
        let at = |kind| DecodeError::new(kind, start);
        self.builder.count().map_err(at)?;
        let tag = self.cursor.byte()?;
        if tag == tag::REFERENCE {
            return self.read_reference();
        }
        match tag {
            tag::REF..=0x03 => self.read_back_reference(tag - tag::REF, start),
            tag::OBJECT_REF..=0x24 => self.read_back_reference(tag - tag::OBJECT_REF, start),
            tag::ARRAY..=0x16 => {
                let array = self.builder.add(Node::Array(Vec::new()));
                self.shared.push(array);
                self.read_members(tag - tag::ARRAY, array)
            }
            tag::OBJECT..=0x19 => {
                let class = self.read_text(tag - tag::OBJECT)?;
                self.read_object(class)
            }
            tag::OBJECT_ID..=0x1c => {
                let class = self.read_known_text(tag - tag::OBJECT_ID)?;
                self.read_object(class)
            }
            _ => {
                let node = self.read_scalar(tag, start)?;
                Ok((self.builder.add(node), None))
            }
        }
    }

    /// A value that is a PHP reference. Its number goes to the reference,
    /// not to the array or object in it.
    fn read_reference(&mut self) -> Result<(NodeId, Option<Open>), DecodeError> {
        let start = self.cursor.offset();
        match self.cursor.peek()? {
            got @ tag::REFERENCE => Err(DecodeError::new(
                DecodeErrorKind::UnexpectedByte { got },
                start,
            )),
            tag @ (tag::REF..=0x03 | tag::OBJECT_REF..=0x24) => {
                self.cursor.byte()?;
                let width = if tag <= 0x03 {
                    tag - tag::REF
                } else {
                    tag - tag::OBJECT_REF
                };
                let number = self.read_shared_number(width, start)?;
                let known = self.shared[number];
                if !matches!(self.builder.graph.node(known), Node::Reference(_)) {
                    self.shared[number] = self.builder.add(Node::Reference(known));
                }
                Ok((self.shared[number], None))
            }
            _ => {
                let number = self.shared.len();
                let (value, opened) = self.read_value()?;
                let reference = self.builder.add(Node::Reference(value));
                match self.shared.get_mut(number) {
                    Some(shared) => *shared = reference,
                    None => self.shared.push(reference),
                }
                Ok((reference, opened))
            }
        }
    }

    /// The same object, or a copy of the same array, as one before.
    fn read_back_reference(
        &mut self,
        width: u8,
        start: usize,
    ) -> Result<(NodeId, Option<Open>), DecodeError> {
        let number = self.read_shared_number(width, start)?;
        Ok((self.builder.graph.resolve(self.shared[number]).0, None))
    }

    fn read_shared_number(&mut self, width: u8, start: usize) -> Result<usize, DecodeError> {
        let number = self.read_uint(width)?;
        if number >= self.shared.len() {
            let kind = DecodeErrorKind::BackReference { to: number as u64 };
            return Err(DecodeError::new(kind, start));
        }
        Ok(number)
    }

    fn read_members(
        &mut self,
        width: u8,
        container: NodeId,
    ) -> Result<(NodeId, Option<Open>), DecodeError> {
        let members = self.read_uint(width)?;
        // A member takes a byte at least, so a lie is found at once.
        if members > self.cursor.remaining() {
            return Err(self.cursor.end());
        }
        let opened = (members > 0).then(|| Open::new(container, members));
        Ok((container, opened))
    }

    /// What follows a class name: properties, an opaque payload or a case.
    fn read_object(&mut self, class: Bytes) -> Result<(NodeId, Option<Open>), DecodeError> {
        let start = self.cursor.offset();
        check_class_name(&class, start)?;
        let number = self.shared.len();
        let value = match self.cursor.byte()? {
            tag @ tag::ARRAY..=0x16 => {
                let object = Object::new(class, Vec::new());
                let object = self.builder.add(Node::Object(Box::new(object)));
                self.shared.push(object);
                return self.read_members(tag - tag::ARRAY, object);
            }
            tag @ tag::PAYLOAD..=0x1f => {
                let len = self.read_uint(tag - tag::PAYLOAD)?;
                let payload = self.cursor.take(len)?;
                php::add_opaque(&mut self.builder.graph, class, payload, self.limits)
            }
            tag::ENUM_CASE => {
                let case = match self.cursor.byte()? {
                    tag @ tag::STRING_ID..=0x10 => self.read_known_text(tag - tag::STRING_ID)?,
                    tag @ tag::STRING..=0x13 => self.read_text(tag - tag::STRING)?,
                    got => {
                        return Err(DecodeError::new(
                            DecodeErrorKind::UnexpectedByte { got },
                            start + 1,
                        ));
                    }
                };
                check_class_name(&case, start)?;
                self.builder.add(Node::enum_case(class, case))
            }
            got => {
                return Err(DecodeError::new(
                    DecodeErrorKind::UnexpectedByte { got },
                    start,
                ));
            }
        };
        debug_assert_eq!(
            number,
            self.shared.len(),
            "a payload has no numbers of its own"
        );
        self.shared.push(value);
        Ok((value, None))
    }

    fn read_scalar(&mut self, tag: u8, start: usize) -> Result<Node, DecodeError> {
        Ok(match tag {
            tag::NULL => Node::Null,
            tag::FALSE => Node::Bool(false),
            tag::TRUE => Node::Bool(true),
            tag::DOUBLE => Node::Float(f64::from_be_bytes(self.cursor.array()?)),
            _ => match self.read_int_or_string(tag, start)? {
                Key::Int(value) => Node::Int(value),
                Key::Str(value) => Node::Str(value),
            },
        })
    }

    fn read_key(&mut self) -> Result<Option<Key>, DecodeError> {
        let start = self.cursor.offset();
        match self.cursor.byte()? {
            tag::NULL => Ok(None),
            tag => self.read_int_or_string(tag, start).map(Some),
        }
    }

    fn read_int_or_string(&mut self, tag: u8, start: usize) -> Result<Key, DecodeError> {
        Ok(match tag {
            tag::INT8 | 0x07 | tag::INT16 | 0x09 | tag::INT32 | 0x0b | tag::INT64 | 0x21 => {
                let magnitude = match tag & 0xfe {
                    tag::INT8 => u64::from(self.cursor.byte()?),
                    tag::INT16 => u64::from(u16::from_be_bytes(self.cursor.array()?)),
                    tag::INT32 => u64::from(u32::from_be_bytes(self.cursor.array()?)),
                    _ => u64::from_be_bytes(self.cursor.array()?),
                };
                let value = if tag & 1 == 0 {
                    i64::try_from(magnitude).ok()
                } else {
                    0_i64.checked_sub_unsigned(magnitude)
                };
                Key::Int(value.ok_or_else(|| DecodeError::new(DecodeErrorKind::Number, start))?)
            }
            tag::STRING_EMPTY => Key::Str(Bytes::new()),
            tag::STRING_ID..=0x10 => Key::Str(self.read_known_text(tag - tag::STRING_ID)?),
            tag::STRING..=0x13 => Key::Str(self.read_text(tag - tag::STRING)?),
            tag::STRING64 => Key::Str(self.read_text(LONG)?),
            got => {
                return Err(DecodeError::new(
                    DecodeErrorKind::UnexpectedByte { got },
                    start,
                ));
            }
        })
    }

    /// A string written out, which takes the next number.
    fn read_text(&mut self, width: u8) -> Result<Bytes, DecodeError> {
        let len = self.read_uint(width)?;
        let text = self.cursor.take(len)?;
        if !self.written_out.insert(text.clone()) {
            self.compact_strings = false;
        }
        self.strings.push(text.clone());
        Ok(text)
    }

    fn read_known_text(&mut self, width: u8) -> Result<Bytes, DecodeError> {
        let start = self.cursor.offset();
        let number = self.read_uint(width)?;
        let known = self.strings.get(number).cloned();
        let kind = DecodeErrorKind::BackReference { to: number as u64 };
        known.ok_or_else(|| DecodeError::new(kind, start))
    }

    /// An unsigned number of 1, 2, 4 or 8 bytes, for the widths 0 to 3.
    fn read_uint(&mut self, width: u8) -> Result<usize, DecodeError> {
        let start = self.cursor.offset();
        let value = match width {
            0 => u64::from(self.cursor.byte()?),
            1 => u64::from(u16::from_be_bytes(self.cursor.array()?)),
            2 => u64::from(u32::from_be_bytes(self.cursor.array()?)),
            _ => u64::from_be_bytes(self.cursor.array()?),
        };
        usize::try_from(value).map_err(|_| DecodeError::new(DecodeErrorKind::Number, start))
    }
}

fn check_class_name(name: &[u8], at: usize) -> Result<(), DecodeError> {
    if php::is_class_name(name) {
        return Ok(());
    }
    Err(DecodeError::new(DecodeErrorKind::ClassName, at))
}

/// Width of the length of a string above 4 GiB.
const LONG: u8 = 3;
