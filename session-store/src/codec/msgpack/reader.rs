//! Reads msgpack.

use std::collections::HashMap;

use bytes::Bytes;

use super::super::builder::{Builder, Open};
use super::super::cursor::Cursor;
use super::super::{DecodeError, DecodeErrorKind, Decoded, php};
use super::{NIL, mark};
use crate::Limits;
use crate::value::{Key, Node, NodeId, Object};

/// Decodes a session. Unlike php-msgpack, which makes an empty session of
/// what it cannot read, this says so.
pub(crate) fn decode(input: &Bytes, limits: &Limits) -> Result<Decoded, DecodeError> {
    let mut reader = Reader {
        cursor: Cursor::new(input, limits)?,
        limits,
        builder: Builder::new(limits),
        numbered: Vec::new(),
        references: HashMap::new(),
    };
    let mut holder = Open::new(reader.builder.add(Node::Array(Vec::new())), 0);
    let mut root = holder.container;
    if !reader.cursor.is_at_end() {
        reader.read_whole(&mut holder)?;
        if !reader.cursor.is_at_end() {
            return Err(reader.cursor.error(DecodeErrorKind::TrailingBytes));
        }
        let graph = &reader.builder.graph;
        root = graph.resolve(graph.entries(root)[0].1).0;
        if !matches!(graph.node(root), Node::Array(_)) {
            return Err(DecodeError::new(DecodeErrorKind::NotVariables, 0));
        }
    }
    Ok(Decoded {
        graph: reader.builder.graph,
        root,
        ranges: None,
        compact_strings: true,
    })
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    limits: &'a Limits,
    builder: Builder,
    /// Arrays and objects by number, from 1; `None` for what nothing can
    /// refer to.
    numbered: Vec<Option<Place>>,
    /// References to objects that were not behind one at first.
    references: HashMap<NodeId, NodeId>,
}

/// Where an array or object is: member `index` of `container`.
#[derive(Clone, Copy)]
struct Place {
    container: NodeId,
    index: usize,
}

/// An array, map or object that is being read.
struct Level {
    open: Open,
    /// The next key of an array without keys.
    next: Option<i64>,
    in_array: bool,
}

/// A value read up to its first member.
struct Begun {
    value: NodeId,
    level: Option<Level>,
}

impl Reader<'_> {
    fn read_whole(&mut self, holder: &mut Open) -> Result<(), DecodeError> {
        let mut stack = Vec::new();
        let opened = self.read_member(holder, Key::Int(0))?;
        self.deepen(&mut stack, opened)?;
        while let Some(level) = stack.last_mut() {
            if level.open.remaining == 0 {
                stack.pop();
                continue;
            }
            level.open.remaining -= 1;
            let key = match &mut level.next {
                Some(next) => {
                    *next += 1;
                    Key::Int(*next - 1)
                }
                None => self.read_key(level.in_array)?,
            };
            let opened = self.read_member(&mut level.open, key)?;
            self.deepen(&mut stack, opened)?;
        }
        Ok(())
    }

    fn deepen(&self, stack: &mut Vec<Level>, opened: Option<Level>) -> Result<(), DecodeError> {
        if let Some(opened) = opened {
            let allowed = self.builder.deepen(stack.len());
            allowed.map_err(|kind| self.cursor.error(kind))?;
            stack.push(opened);
        }
        Ok(())
    }

    fn read_member(&mut self, parent: &mut Open, key: Key) -> Result<Option<Level>, DecodeError> {
        let start = self.cursor.offset();
        self.builder
            .count()
            .map_err(|kind| DecodeError::new(kind, start))?;
        let place = Place {
            container: parent.container,
            index: self.builder.index_for(parent, &key),
        };
        let begun = match self.cursor.peek()? {
            0x80..=0x8f | 0xde | 0xdf => self.read_map(place, start)?,
            0x90..=0x9f | 0xdc | 0xdd => {
                self.numbered.push(Some(place));
                let array = self.builder.add(Node::Array(Vec::new()));
                self.open_list(array)?
            }
            _ => {
                let node = self.read_scalar()?;
                let value = self.builder.add(node);
                Begun { value, level: None }
            }
        };
        self.builder.put(parent, place.index, key, begun.value);
        Ok(begun.level)
    }

    /// An array without keys; its members go to `container`.
    fn open_list(&mut self, container: NodeId) -> Result<Begun, DecodeError> {
        let members = self.read_len(0x90, 0xdc)?;
        Ok(self.level(container, members, Some(0)))
    }

    fn level(&self, value: NodeId, members: usize, next: Option<i64>) -> Begun {
        let in_array = matches!(self.builder.graph.node(value), Node::Array(_));
        let level = (members > 0).then(|| Level {
            open: Open::new(value, members),
            next,
            in_array,
        });
        Begun { value, level }
    }

    fn read_map(&mut self, place: Place, start: usize) -> Result<Begun, DecodeError> {
        let members = self.read_len(0x80, 0xde)?;
        if members == 0 {
            // php-msgpack reads an empty map as an object.
            self.numbered.push(Some(place));
            let object = Object::new(Bytes::from_static(b"stdClass"), Vec::new());
            return Ok(self.begin_node(Node::Object(Box::new(object)), 0));
        }
        if self.cursor.peek()? != NIL {
            self.numbered.push(Some(place));
            return Ok(self.begin_node(Node::Array(Vec::new()), members));
        }
        self.cursor.byte()?;
        match self.read_mark()? {
            Mark::Class(class) => self.read_object(place, class, members - 1),
            Mark::Number(mark::REFERENCE) => self.read_reference(place, members - 1),
            Mark::Number(mark::OPAQUE) if members == 2 => {
                self.numbered.push(Some(place));
                let class = self.read_string()?;
                let payload = self.read_string()?;
                let value = php::add_opaque(&mut self.builder.graph, class, payload, self.limits);
                Ok(Begun { value, level: None })
            }
            Mark::Number(
                mark @ (mark::SAME_ARRAY | mark::SAME_OBJECT | mark::OBJECT_REFERENCE),
            ) if members == 2 => self.read_again(mark, start),
            Mark::Number(_) => Err(DecodeError::new(DecodeErrorKind::Number, start)),
        }
    }

    fn begin_node(&mut self, node: Node, members: usize) -> Begun {
        let value = self.builder.add(node);
        self.level(value, members, None)
    }

    fn read_reference(&mut self, place: Place, members: usize) -> Result<Begun, DecodeError> {
        let is_object = members > 0 && self.cursor.peek()? == NIL;
        let begun = if is_object {
            self.cursor.byte()?;
            let class = self.read_string()?;
            self.read_object(place, class, members - 1)?
        } else {
            self.numbered.push(Some(place));
            self.begin_node(Node::Array(Vec::new()), members)
        };
        let value = self.builder.add(Node::Reference(begun.value));
        Ok(Begun { value, ..begun })
    }

    fn read_object(
        &mut self,
        place: Place,
        class: Bytes,
        members: usize,
    ) -> Result<Begun, DecodeError> {
        self.numbered.push(Some(place));
        let mut object = Object::new(class, Vec::new());
        if members == 1 && self.cursor.peek()? == NIL {
            // What `__serialize()` returned is a numbered array to PHP.
            self.cursor.byte()?;
            self.numbered.push(None);
            object.magic = true;
            let object = self.builder.add(Node::Object(Box::new(object)));
            let start = self.cursor.offset();
            return match self.cursor.peek()? {
                0x90..=0x9f | 0xdc | 0xdd => self.open_list(object),
                0x80..=0x8f | 0xde | 0xdf => {
                    let members = self.read_len(0x80, 0xde)?;
                    Ok(self.level(object, members, None))
                }
                got => Err(DecodeError::new(
                    DecodeErrorKind::UnexpectedByte { got },
                    start,
                )),
            };
        }
        Ok(self.begin_node(Node::Object(Box::new(object)), members))
    }

    /// An array or object that was there before.
    fn read_again(&mut self, mark: i64, start: usize) -> Result<Begun, DecodeError> {
        let key = self.read_int()?;
        let number = self.read_int()?;
        let wrong = || {
            DecodeError::new(
                DecodeErrorKind::BackReference {
                    to: number.cast_unsigned(),
                },
                start,
            )
        };
        let index = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        let place = index.and_then(|index| self.numbered.get(index).copied().flatten());
        let place = place.filter(|_| key == 0).ok_or_else(wrong)?;
        let graph = &mut self.builder.graph;
        let (_, known) = *graph
            .entries(place.container)
            .get(place.index)
            .ok_or_else(wrong)?;
        let (target, node) = graph.resolve(known);
        let is_array = matches!(node, Node::Array(_));
        let is_object = matches!(node, Node::Object(_) | Node::Opaque(_));
        let value = match mark {
            mark::SAME_ARRAY if is_array => graph
                .share_place(place.container, place.index)
                .ok_or_else(wrong)?,
            mark::OBJECT_REFERENCE if is_object && known != target => known,
            // The first place was no reference, so only later ones share it.
            mark::OBJECT_REFERENCE if is_object => *self
                .references
                .entry(target)
                .or_insert_with(|| graph.add(Node::Reference(target))),
            mark::SAME_OBJECT if is_object => {
                self.numbered.push(Some(place));
                target
            }
            _ => return Err(wrong()),
        };
        Ok(Begun { value, level: None })
    }

    fn read_mark(&mut self) -> Result<Mark, DecodeError> {
        match self.cursor.peek()? {
            0xa0..=0xbf | 0xd9..=0xdb => self.read_string().map(Mark::Class),
            _ => self.read_int().map(Mark::Number),
        }
    }

    /// A key; in an array, numeric strings become integers.
    fn read_key(&mut self, in_array: bool) -> Result<Key, DecodeError> {
        let start = self.cursor.offset();
        match self.read_scalar()? {
            Node::Int(value) => Ok(Key::Int(value)),
            Node::Str(name) if in_array => Ok(Key::symbol(name)),
            Node::Str(name) => Ok(Key::Str(name)),
            _ => Err(DecodeError::new(
                DecodeErrorKind::UnexpectedByte { got: NIL },
                start,
            )),
        }
    }

    fn read_string(&mut self) -> Result<Bytes, DecodeError> {
        let start = self.cursor.offset();
        let got = self.cursor.peek()?;
        match self.read_scalar()? {
            Node::Str(text) => Ok(text),
            _ => Err(DecodeError::new(
                DecodeErrorKind::UnexpectedByte { got },
                start,
            )),
        }
    }

    fn read_int(&mut self) -> Result<i64, DecodeError> {
        let start = self.cursor.offset();
        match self.read_scalar()? {
            Node::Int(value) => Ok(value),
            _ => Err(DecodeError::new(DecodeErrorKind::Number, start)),
        }
    }

    fn read_scalar(&mut self) -> Result<Node, DecodeError> {
        let start = self.cursor.offset();
        Ok(match self.cursor.byte()? {
            tag @ (0x00..=0x7f | 0xe0..=0xff) => Node::Int(i64::from(tag.cast_signed())),
            NIL => Node::Null,
            0xc2 => Node::Bool(false),
            0xc3 => Node::Bool(true),
            0xca => Node::Float(f64::from(f32::from_be_bytes(self.cursor.array()?))),
            0xcb => Node::Float(f64::from_be_bytes(self.cursor.array()?)),
            0xcc => Node::Int(i64::from(self.cursor.byte()?)),
            0xcd => Node::Int(i64::from(u16::from_be_bytes(self.cursor.array()?))),
            0xce => Node::Int(i64::from(u32::from_be_bytes(self.cursor.array()?))),
            0xcf => {
                let value = u64::from_be_bytes(self.cursor.array()?);
                // php-msgpack reads what no integer holds as its digits.
                i64::try_from(value).map_or_else(|_| Node::Str(value.to_string().into()), Node::Int)
            }
            0xd0 => Node::Int(i64::from(i8::from_be_bytes(self.cursor.array()?))),
            0xd1 => Node::Int(i64::from(i16::from_be_bytes(self.cursor.array()?))),
            0xd2 => Node::Int(i64::from(i32::from_be_bytes(self.cursor.array()?))),
            0xd3 => Node::Int(i64::from_be_bytes(self.cursor.array()?)),
            tag @ 0xa0..=0xbf => Node::Str(self.cursor.take(usize::from(tag & 0x1f))?),
            0xc4 | 0xd9 => self.read_text::<1>()?,
            0xc5 | 0xda => self.read_text::<2>()?,
            0xc6 | 0xdb => self.read_text::<4>()?,
            got => {
                return Err(DecodeError::new(
                    DecodeErrorKind::UnexpectedByte { got },
                    start,
                ));
            }
        })
    }

    fn read_text<const N: usize>(&mut self) -> Result<Node, DecodeError> {
        let len = self.read_uint::<N>()?;
        self.cursor.take(len).map(Node::Str)
    }

    /// The length of an array or map: in the tag itself, or behind `wide`
    /// or the tag after it.
    fn read_len(&mut self, narrow: u8, wide: u8) -> Result<usize, DecodeError> {
        let tag = self.cursor.byte()?;
        let len = match tag {
            _ if tag == wide => self.read_uint::<2>()?,
            _ if tag == wide + 1 => self.read_uint::<4>()?,
            _ => usize::from(tag - narrow),
        };
        // A member takes a byte at least, so a lie is found at once.
        if len > self.cursor.remaining() {
            return Err(self.cursor.end());
        }
        Ok(len)
    }

    fn read_uint<const N: usize>(&mut self) -> Result<usize, DecodeError> {
        let bytes: [u8; N] = self.cursor.array()?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| value << 8 | usize::from(*byte)))
    }
}

/// What stands under the nil key.
enum Mark {
    Class(Bytes),
    Number(i64),
}
