//! Reads the value grammar of `serialize()`.

use std::ops::Range;

use bytes::Bytes;

use super::super::builder::{Builder, Open};
use super::super::cursor::Cursor;
use super::super::{DecodeError, DecodeErrorKind, Limits};
use super::is_class_name;
use crate::value::{Graph, Key, Node, NodeId, Object, Opaque, parse_float};

/// Room made for members before they are seen.
const ROOM: usize = 64;

/// Bytes of `i:0;N;`.
const SHORTEST_MEMBER: usize = 6;

/// Bytes of a usual value with its key, such as `s:2:"id";i:7;`. Only a guess
/// at how much room a session needs.
const USUAL_MEMBER: usize = 12;

/// Opaque payloads inside opaque payloads that are looked into.
const NESTING: usize = 8;

/// Reads values one after another; `R:` and `r:` count across all of them.
pub(crate) struct Reader<'a> {
    pub(crate) cursor: Cursor<'a>,
    builder: Builder,
    /// The place of each numbered value, counted from 1 in the data.
    slots: Vec<Slot>,
    has_back_references: bool,
    /// Where members of the outermost array begin, and where the last ends;
    /// `None` where nobody asks.
    marks: Option<Vec<usize>>,
    /// Containers that are open; kept for the next value.
    stack: Vec<Open>,
    /// How many opaque payloads this data is inside of.
    nesting: usize,
}

/// A numbered value: member `index` of `container`.
#[derive(Clone, Copy)]
struct Slot {
    container: NodeId,
    index: u32,
}

/// A value read up to its first member.
struct Begun {
    value: NodeId,
    members: usize,
    /// Where an opaque payload lies.
    payload: Option<Range<usize>>,
}

impl Begun {
    const fn leaf(value: NodeId) -> Self {
        Self {
            value,
            members: 0,
            payload: None,
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        let room = (input.len() / USUAL_MEMBER).clamp(1, ROOM);
        Ok(Self {
            cursor: Cursor::new(input, limits)?,
            builder: Builder::with_room(limits, room),
            slots: Vec::with_capacity(room),
            has_back_references: false,
            marks: None,
            stack: Vec::new(),
            nesting: 0,
        })
    }

    /// Notes where the members of the value to come lie.
    pub(crate) fn mark_members(&mut self) {
        self.marks = Some(Vec::new());
    }

    /// Adds an array that is not part of the data and holds what is read.
    pub(crate) fn holder(&mut self) -> Open {
        Open::new(self.builder.add(Node::Array(Vec::new())), 0)
    }

    pub(crate) const fn graph(&self) -> &Graph {
        &self.builder.graph
    }

    /// The graph, and whether the data held `R:` or `r:`.
    pub(crate) fn finish(self) -> (Graph, bool) {
        (self.builder.graph, self.has_back_references)
    }

    /// Where the members of the only value read so far lie, keys included.
    pub(crate) fn member_ranges(&self) -> Vec<Option<Range<usize>>> {
        let marks = self.marks.as_deref().unwrap_or_default();
        marks
            .windows(2)
            .map(|pair| Some(pair[0]..pair[1]))
            .collect()
    }

    /// Reads one whole value into `holder`; returns its index there.
    pub(crate) fn read_value(&mut self, holder: &mut Open, key: Key) -> Result<usize, DecodeError> {
        let (index, opened) = self.read_member(holder, key)?;
        if opened.is_none() {
            return Ok(index);
        }
        let mut stack = std::mem::take(&mut self.stack);
        self.open(&mut stack, opened)?;
        loop {
            if stack.len() == 1
                && let Some(marks) = &mut self.marks
            {
                marks.push(self.cursor.offset());
            }
            let Some(open) = stack.last_mut() else {
                self.stack = stack;
                return Ok(index);
            };
            if open.remaining == 0 {
                self.cursor.expect(b"}")?;
                stack.pop();
                continue;
            }
            open.remaining -= 1;
            let key = self.read_key(open.container)?;
            let (_, opened) = self.read_member(open, key)?;
            self.open(&mut stack, opened)?;
        }
    }

    fn open(&self, stack: &mut Vec<Open>, opened: Option<Open>) -> Result<(), DecodeError> {
        if let Some(opened) = opened {
            self.builder
                .deepen(stack.len())
                .map_err(|kind| self.cursor.error(kind))?;
            stack.push(opened);
        }
        Ok(())
    }

    /// Reads one value up to its first member, if it has any.
    fn read_member(
        &mut self,
        parent: &mut Open,
        key: Key,
    ) -> Result<(usize, Option<Open>), DecodeError> {
        let start = self.cursor.offset();
        let at = |kind| DecodeError::new(kind, start);
        self.builder.count().map_err(at)?;
        let index = self.builder.index_for(parent, &key);
        let tag = self.cursor.byte()?;
        if tag == b'R' {
            let (slot, number) = self.read_slot()?;
            let shared = self
                .builder
                .graph
                .share_place(slot.container, slot.index as usize);
            let shared = shared.ok_or_else(|| at(DecodeErrorKind::BackReference { to: number }))?;
            self.builder.put(parent, index, key, shared);
            return Ok((index, None));
        }
        self.slots.push(Slot {
            container: parent.container,
            index: u32::try_from(index).unwrap_or(u32::MAX),
        });
        let begun = self.read_tagged(tag, start)?;
        self.builder.put(parent, index, key, begun.value);
        if let Some(payload) = begun.payload {
            self.read_payload(begun.value, payload);
        }
        let opened = (begun.members > 0).then(|| Open::new(begun.value, begun.members));
        Ok((index, opened))
    }

    fn read_tagged(&mut self, tag: u8, start: usize) -> Result<Begun, DecodeError> {
        let node = match tag {
            b'N' => {
                self.cursor.expect(b";")?;
                Node::Null
            }
            b'b' => self.read_bool()?,
            b'i' => Node::Int(self.read_int()?),
            b'd' => {
                self.cursor.expect(b":")?;
                let at = self.cursor.offset();
                let text = self.cursor.take_until(b';')?;
                let value = parse_float(text)
                    .ok_or_else(|| DecodeError::new(DecodeErrorKind::Number, at))?;
                Node::Float(value)
            }
            b's' => Node::Str(self.read_string()?),
            b'S' => Node::Str(self.read_escaped_string()?),
            b'a' => {
                self.cursor.expect(b":")?;
                let members = self.read_member_count()?;
                let array = Node::Array(Vec::with_capacity(members.min(ROOM)));
                return self.begin(array, members);
            }
            b'O' => {
                let class = self.read_class()?;
                self.cursor.expect(b":")?;
                let members = self.read_member_count()?;
                let object = Object::new(class, Vec::with_capacity(members.min(ROOM)));
                return self.begin(Node::Object(Box::new(object)), members);
            }
            b'E' => self.read_enum()?,
            b'C' => return self.read_opaque(),
            b'r' => {
                let value = self.read_same_object(start)?;
                return Ok(Begun::leaf(value));
            }
            got => {
                return Err(DecodeError::new(
                    DecodeErrorKind::UnexpectedByte { got },
                    start,
                ));
            }
        };
        self.begin(node, 0)
    }

    fn begin(&mut self, node: Node, members: usize) -> Result<Begun, DecodeError> {
        let has_braces = matches!(node, Node::Array(_) | Node::Object(_));
        if has_braces && members == 0 {
            self.cursor.expect(b"}")?;
        }
        let value = self.builder.add(node);
        Ok(Begun {
            members,
            ..Begun::leaf(value)
        })
    }

    fn read_bool(&mut self) -> Result<Node, DecodeError> {
        self.cursor.expect(b":")?;
        let at = self.cursor.offset();
        let value = match self.cursor.byte()? {
            b'0' => false,
            b'1' => true,
            got => {
                return Err(DecodeError::new(
                    DecodeErrorKind::UnexpectedByte { got },
                    at,
                ));
            }
        };
        self.cursor.expect(b";")?;
        Ok(Node::Bool(value))
    }

    /// `2:{` of an array or object.
    fn read_member_count(&mut self) -> Result<usize, DecodeError> {
        let members = self.read_len(b':')?;
        self.cursor.expect(b"{")?;
        // No member is shorter than `i:0;N;`, so a lie is found at once.
        if members > self.cursor.remaining() / SHORTEST_MEMBER {
            return Err(self.cursor.end());
        }
        Ok(members)
    }

    fn read_enum(&mut self) -> Result<Node, DecodeError> {
        self.cursor.expect(b":")?;
        let at = self.cursor.offset();
        let name = self.read_quoted()?;
        self.cursor.expect(b";")?;
        let colon = name.iter().position(|&byte| byte == b':');
        let colon = colon.ok_or_else(|| DecodeError::new(DecodeErrorKind::ClassName, at))?;
        let (class, case) = (name.slice(..colon), name.slice(colon + 1..));
        if !is_class_name(&class) || !is_class_name(&case) {
            return Err(DecodeError::new(DecodeErrorKind::ClassName, at));
        }
        Ok(Node::enum_case(class, case))
    }

    fn read_opaque(&mut self) -> Result<Begun, DecodeError> {
        let class = self.read_class()?;
        self.cursor.expect(b":")?;
        let len = self.read_len(b':')?;
        self.cursor.expect(b"{")?;
        let start = self.cursor.offset();
        let payload = self.cursor.take(len)?;
        let after = self.cursor.offset();
        self.cursor.expect(b"}")?;
        let opaque = Opaque::from_bytes(class, payload);
        let value = self.builder.add(Node::Opaque(Box::new(opaque)));
        Ok(Begun {
            value,
            members: 0,
            payload: Some(start..after),
        })
    }

    /// Reads a payload as a value, if it is one and nothing else.
    fn read_payload(&mut self, opaque: NodeId, payload: Range<usize>) {
        if self.nesting >= NESTING {
            return;
        }
        let numbered = self.slots.len();
        let marks = self.marks.take();
        let outer = self.cursor.narrow(payload);
        self.nesting += 1;
        let mut holder = Open::new(opaque, 0);
        let read = self.read_value(&mut holder, Key::Int(0));
        if read.is_err() || !self.cursor.is_at_end() {
            self.slots.truncate(numbered);
            if let Some(members) = self.builder.graph.entries_mut(opaque) {
                members.clear();
            }
        }
        self.nesting -= 1;
        self.marks = marks;
        self.cursor.widen(outer);
    }

    fn read_same_object(&mut self, start: usize) -> Result<NodeId, DecodeError> {
        let (slot, number) = self.read_slot()?;
        let member = self
            .builder
            .graph
            .entries(slot.container)
            .get(slot.index as usize);
        if let Some((_, id)) = member {
            let (id, node) = self.builder.graph.resolve(*id);
            if matches!(node, Node::Object(_) | Node::Enum(_) | Node::Opaque(_)) {
                return Ok(id);
            }
        }
        Err(DecodeError::new(
            DecodeErrorKind::BackReference { to: number },
            start,
        ))
    }

    fn read_slot(&mut self) -> Result<(Slot, u64), DecodeError> {
        self.has_back_references = true;
        self.cursor.expect(b":")?;
        let at = self.cursor.offset();
        let number = self.read_len(b';')?;
        let slot = number
            .checked_sub(1)
            .and_then(|index| self.slots.get(index).copied());
        let number = number as u64;
        match slot {
            Some(slot) => Ok((slot, number)),
            None => Err(DecodeError::new(
                DecodeErrorKind::BackReference { to: number },
                at,
            )),
        }
    }

    /// A key; in an array, numeric strings become integers.
    fn read_key(&mut self, container: NodeId) -> Result<Key, DecodeError> {
        let start = self.cursor.offset();
        let name = match self.cursor.byte()? {
            b'i' => return self.read_int().map(Key::Int),
            b's' => self.read_string()?,
            b'S' => self.read_escaped_string()?,
            got => {
                return Err(DecodeError::new(
                    DecodeErrorKind::UnexpectedByte { got },
                    start,
                ));
            }
        };
        Ok(match self.builder.graph.node(container) {
            Node::Array(_) => Key::symbol(name),
            _ => Key::Str(name),
        })
    }

    /// `:-7;`. Numbers outside `i64` saturate, as in PHP.
    fn read_int(&mut self) -> Result<i64, DecodeError> {
        self.cursor.expect(b":")?;
        let at = self.cursor.offset();
        let text = self.cursor.take_until(b';')?;
        let (sign, digits) = match text {
            [b'-', digits @ ..] => (-1, digits),
            [b'+', digits @ ..] => (1, digits),
            digits => (1, digits),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(DecodeError::new(DecodeErrorKind::Number, at));
        }
        let add = |value: i64, digit: &u8| {
            let digit = sign * i64::from(digit - b'0');
            value.saturating_mul(10).saturating_add(digit)
        };
        Ok(digits.iter().fold(0, add))
    }

    /// A length or count, and the byte after it.
    fn read_len(&mut self, end: u8) -> Result<usize, DecodeError> {
        let at = self.cursor.offset();
        let mut value = 0_usize;
        let mut digits = 0;
        loop {
            match self.cursor.byte()? {
                digit @ b'0'..=b'9' => {
                    let grown = value
                        .checked_mul(10)
                        .and_then(|value| value.checked_add(usize::from(digit - b'0')));
                    value = grown.ok_or_else(|| DecodeError::new(DecodeErrorKind::Number, at))?;
                    digits += 1;
                }
                got if got == end && digits > 0 => return Ok(value),
                got => {
                    let kind = DecodeErrorKind::UnexpectedByte { got };
                    return Err(DecodeError::new(kind, self.cursor.offset() - 1));
                }
            }
        }
    }

    /// `:5:"class"` after `O` and `C`.
    fn read_class(&mut self) -> Result<Bytes, DecodeError> {
        self.cursor.expect(b":")?;
        let at = self.cursor.offset();
        let class = self.read_quoted()?;
        if !is_class_name(&class) {
            return Err(DecodeError::new(DecodeErrorKind::ClassName, at));
        }
        Ok(class)
    }

    /// `5:"bytes"`.
    fn read_quoted(&mut self) -> Result<Bytes, DecodeError> {
        let len = self.read_len(b':')?;
        self.cursor.expect(b"\"")?;
        let bytes = self.cursor.take(len)?;
        self.cursor.expect(b"\"")?;
        Ok(bytes)
    }

    /// `:5:"bytes";` after `s`.
    fn read_string(&mut self) -> Result<Bytes, DecodeError> {
        self.cursor.expect(b":")?;
        let bytes = self.read_quoted()?;
        self.cursor.expect(b";")?;
        Ok(bytes)
    }

    /// `:5:"\62ytes";` after `S`: the length counts decoded bytes.
    fn read_escaped_string(&mut self) -> Result<Bytes, DecodeError> {
        self.cursor.expect(b":")?;
        let len = self.read_len(b':')?;
        self.cursor.expect(b"\"")?;
        if len > self.cursor.remaining() {
            return Err(self.cursor.end());
        }
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let byte = match self.cursor.byte()? {
                b'\\' => self.read_hex_digit()? << 4 | self.read_hex_digit()?,
                plain => plain,
            };
            bytes.push(byte);
        }
        self.cursor.expect(b"\";")?;
        Ok(bytes.into())
    }

    fn read_hex_digit(&mut self) -> Result<u8, DecodeError> {
        let at = self.cursor.offset();
        let digit = self.cursor.byte()?;
        let value = char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok());
        value.ok_or_else(|| DecodeError::new(DecodeErrorKind::UnexpectedByte { got: digit }, at))
    }
}
