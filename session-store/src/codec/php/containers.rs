//! How the three handlers of PHP's core put variables around values.

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;

use super::super::{DecodeError, DecodeErrorKind, Decoded, EncodeError, Limits, SerializeHandler};
use super::{Reader, Writer};
use crate::codec::builder::Open;
use crate::value::{Graph, Key, Node, NodeId};

/// Decodes one of the handlers `php`, `php_serialize` and `php_binary`.
pub(crate) fn decode(
    handler: SerializeHandler,
    input: &Bytes,
    limits: &Limits,
) -> Result<Decoded, DecodeError> {
    let mut reader = Reader::new(input, limits)?;
    let mut holder = reader.holder();
    if handler == SerializeHandler::PhpSerialize {
        return decode_whole(reader, holder);
    }
    let mut ranges: Vec<Option<Range<usize>>> = Vec::new();
    while !reader.cursor.is_at_end() {
        let start = reader.cursor.offset();
        let name = match handler {
            SerializeHandler::PhpBinary => {
                // The high bit once marked undefined variables.
                let len = reader.cursor.byte()? & LONGEST_BINARY_NAME;
                reader.cursor.take(usize::from(len))?
            }
            _ => {
                let len = reader.cursor.take_until(b'|')?.len();
                input.slice(start..start + len)
            }
        };
        let index = reader.read_value(&mut holder, Key::Str(name))?;
        let range = Some(start..reader.cursor.offset());
        match ranges.get_mut(index) {
            Some(known) => *known = range,
            None => ranges.push(range),
        }
    }
    Ok(decoded(reader, holder.container, ranges))
}

/// Decodes `php_serialize`: one array. PHP ignores what follows it, and so
/// do we.
fn decode_whole(mut reader: Reader<'_>, mut holder: Open) -> Result<Decoded, DecodeError> {
    let mut ranges = Vec::new();
    let mut root = holder.container;
    if !reader.cursor.is_at_end() {
        reader.mark_members();
        reader.read_value(&mut holder, Key::Int(0))?;
        ranges = reader.member_ranges();
        let graph = reader.graph();
        root = graph.resolve(graph.entries(root)[0].1).0;
        if !matches!(graph.node(root), Node::Array(_)) {
            return Err(DecodeError::new(DecodeErrorKind::NotVariables, 0));
        }
    }
    Ok(decoded(reader, root, ranges))
}

fn decoded(reader: Reader<'_>, root: NodeId, ranges: Vec<Option<Range<usize>>>) -> Decoded {
    let (graph, has_back_references) = reader.finish();
    // A repeated key leaves more ranges than members: no way to tell them
    // apart, so none is reused.
    let may_splice = !has_back_references && ranges.len() == graph.entries(root).len();
    Decoded {
        ranges: may_splice.then_some(ranges),
        graph,
        root,
        compact_strings: true,
    }
}

/// Encodes all variables afresh.
pub(crate) fn encode(
    handler: SerializeHandler,
    graph: &Graph,
    root: NodeId,
    limits: &Limits,
) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new(graph, limits);
    if handler == SerializeHandler::PhpSerialize {
        check_names(graph.entries(root))?;
        writer.write_root(root)?;
    } else {
        for (name, value) in graph.entries(root) {
            write_name(&mut writer, handler, name)?;
            writer.write_value(*value)?;
        }
    }
    Ok(writer.out.into_bytes())
}

/// Encodes variables that changed and copies the bytes of all others.
///
/// `None` if a number in the result would depend on the copied bytes; encode
/// afresh then. `first_new` is the size of the graph as it was decoded.
pub(crate) fn splice(
    handler: SerializeHandler,
    graph: &Graph,
    root: NodeId,
    old: &Old<'_>,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, EncodeError> {
    let whole = handler == SerializeHandler::PhpSerialize;
    let entries = graph.entries(root);
    let mut writer = Writer::new(graph, limits);
    writer.out.reserve(old.bytes.len() + ROOM);
    if whole {
        writer.out.put(format_args!("a:{}:{{", entries.len()))?;
    }
    for ((name, value), range) in entries.iter().zip(old.ranges) {
        if let Some(kept) = range.clone().and_then(|range| old.bytes.get(range)) {
            writer.out.extend(kept)?;
            continue;
        }
        write_name(&mut writer, handler, name)?;
        writer.write_value(*value)?;
    }
    if whole {
        writer.out.push(b'}')?;
    }
    let shares_old = writer.identities().any(|id| id.index() < old.nodes);
    let depends = shares_old || writer.has_back_references();
    Ok((!depends).then(|| writer.out.into_bytes()))
}

/// The bytes a document came from.
#[derive(Clone, Copy)]
pub(crate) struct Old<'a> {
    pub(crate) bytes: &'a Bytes,
    /// Where each variable lies; `None` for those that changed.
    pub(crate) ranges: &'a [Option<Range<usize>>],
    /// How many nodes the graph had then.
    pub(crate) nodes: usize,
}

fn write_name(
    writer: &mut Writer<'_>,
    handler: SerializeHandler,
    name: &Key,
) -> Result<(), EncodeError> {
    if handler == SerializeHandler::PhpSerialize {
        return writer.write_key(name);
    }
    let text = match name {
        Key::Str(text) => text,
        Key::Int(name) => {
            return Err(EncodeError::IntegerName {
                handler,
                name: *name,
            });
        }
    };
    if handler == SerializeHandler::PhpBinary {
        let len = u8::try_from(text.len())
            .ok()
            .filter(|len| *len <= LONGEST_BINARY_NAME);
        let len = len.ok_or_else(|| EncodeError::LongName { name: name.clone() })?;
        writer.out.push(len)?;
        return writer.out.extend(text);
    }
    if text.contains(&b'|') {
        return Err(EncodeError::PipeInName { name: name.clone() });
    }
    writer.out.extend(text)?;
    writer.out.push(b'|')
}

/// Refuses the names `5` and `"5"` in one session: an array holds only one.
fn check_names(entries: &[(Key, NodeId)]) -> Result<(), EncodeError> {
    let integers: HashSet<&Key> = entries
        .iter()
        .map(|(name, _)| name)
        .filter(|name| matches!(name, Key::Int(_)))
        .collect();
    let strings = entries.iter().filter_map(|(name, _)| match name {
        Key::Str(text) if !integers.is_empty() => Some((name, text)),
        _ => None,
    });
    for (name, text) in strings {
        if integers.contains(&Key::symbol(text.clone())) {
            return Err(EncodeError::AmbiguousName { name: name.clone() });
        }
    }
    Ok(())
}

/// Bytes that a changed session may grow before its buffer has to.
const ROOM: usize = 64;

/// The longest name `php_binary` holds, and the mask of its length byte.
const LONGEST_BINARY_NAME: u8 = 127;
