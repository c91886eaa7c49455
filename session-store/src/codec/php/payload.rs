//! Payloads of `Serializable` objects in formats other than PHP's own: there
//! they count their values from 1.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;

use super::{Reader, Writer};
use crate::Limits;
use crate::codec::{DecodeError, EncodeError};
use crate::value::{Graph, Key, Node, NodeId, Opaque};

/// Adds an opaque object; a payload that is one value becomes that value.
pub(crate) fn add_opaque(
    graph: &mut Graph,
    class: Bytes,
    payload: Bytes,
    limits: &Limits,
) -> NodeId {
    let opaque = match read(&payload, limits) {
        Ok((inner, value)) if writes_as(&inner, value, &payload, limits) => {
            let value = graph.import(&inner, value, &mut HashMap::new());
            Opaque::from_value(class, value)
        }
        _ => Opaque::from_bytes(class, payload),
    };
    graph.add(Node::Opaque(Box::new(opaque)))
}

/// The payload as bytes.
pub(crate) fn payload<'a>(
    graph: &Graph,
    opaque: &'a Opaque,
    limits: &Limits,
) -> Result<Cow<'a, [u8]>, EncodeError> {
    match opaque.value() {
        Some(value) => {
            let mut writer = Writer::new(graph, limits);
            writer.write_value(value)?;
            Ok(Cow::Owned(writer.out.into_bytes()))
        }
        None => Ok(Cow::Borrowed(
            opaque.payload().map_or(&[], |payload| payload),
        )),
    }
}

fn read(payload: &Bytes, limits: &Limits) -> Result<(Graph, NodeId), DecodeError> {
    let mut reader = Reader::new(payload, limits)?;
    let mut holder = reader.holder();
    reader.read_value(&mut holder, Key::Int(0))?;
    if !reader.cursor.is_at_end() {
        return Err(reader.cursor.end());
    }
    let (graph, _) = reader.finish();
    let value = graph.entries(holder.container)[0].1;
    Ok((graph, value))
}

fn writes_as(graph: &Graph, value: NodeId, payload: &[u8], limits: &Limits) -> bool {
    let mut writer = Writer::new(graph, limits);
    writer.write_value(value).is_ok() && writer.out.into_bytes() == payload
}
