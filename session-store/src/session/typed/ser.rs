//! Rust types into PHP values.

use serde::ser::{self, Serialize, Serializer};

use super::ValueError;
use super::key::KeyWriter;
use crate::value::{Graph, Key, Node, NodeId};

/// Adds a Rust value to the graph.
pub(super) fn to_node<T: Serialize + ?Sized>(
    graph: &mut Graph,
    value: &T,
) -> Result<NodeId, ValueError> {
    value.serialize(Writer { graph })
}

struct Writer<'g> {
    graph: &'g mut Graph,
}

impl<'g> Writer<'g> {
    fn leaf(self, node: Node) -> Result<NodeId, ValueError> {
        Ok(self.graph.add(node))
    }

    fn members(self, len: Option<usize>, variant: Option<&'static str>) -> Members<'g> {
        Members {
            graph: self.graph,
            entries: Vec::with_capacity(len.unwrap_or(0).min(ROOM)),
            key: None,
            variant,
        }
    }
}

/// Room made for members before they are seen.
const ROOM: usize = 1024;

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<NodeId, ValueError> {
            let value = i64::try_from(value);
            self.leaf(Node::Int(value.map_err(|_| ValueError::new("outside the integers of PHP"))?))
        }
    )*};
}

impl<'g> Serializer for Writer<'g> {
    type Ok = NodeId;
    type Error = ValueError;
    type SerializeSeq = Members<'g>;
    type SerializeTuple = Members<'g>;
    type SerializeTupleStruct = Members<'g>;
    type SerializeTupleVariant = Members<'g>;
    type SerializeMap = Members<'g>;
    type SerializeStruct = Members<'g>;
    type SerializeStructVariant = Members<'g>;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_i128: i128, serialize_u128: u128
    }

    fn serialize_bool(self, value: bool) -> Result<NodeId, ValueError> {
        self.leaf(Node::Bool(value))
    }

    fn serialize_f32(self, value: f32) -> Result<NodeId, ValueError> {
        self.leaf(Node::Float(f64::from(value)))
    }

    fn serialize_f64(self, value: f64) -> Result<NodeId, ValueError> {
        self.leaf(Node::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<NodeId, ValueError> {
        self.leaf(Node::Str(value.to_string().into()))
    }

    fn serialize_str(self, value: &str) -> Result<NodeId, ValueError> {
        self.leaf(Node::Str(value.to_owned().into()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<NodeId, ValueError> {
        self.leaf(Node::Str(value.to_vec().into()))
    }

    fn serialize_none(self) -> Result<NodeId, ValueError> {
        self.leaf(Node::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<NodeId, ValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<NodeId, ValueError> {
        self.leaf(Node::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<NodeId, ValueError> {
        self.leaf(Node::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<NodeId, ValueError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<NodeId, ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<NodeId, ValueError> {
        let content = to_node(self.graph, value)?;
        self.leaf(Node::Array(vec![(Key::symbol(variant), content)]))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Members<'g>, ValueError> {
        Ok(self.members(len, None))
    }

    fn serialize_tuple(self, len: usize) -> Result<Members<'g>, ValueError> {
        Ok(self.members(Some(len), None))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Members<'g>, ValueError> {
        Ok(self.members(Some(len), None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Members<'g>, ValueError> {
        Ok(self.members(Some(len), Some(variant)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Members<'g>, ValueError> {
        Ok(self.members(len, None))
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Members<'g>, ValueError> {
        Ok(self.members(Some(len), None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Members<'g>, ValueError> {
        Ok(self.members(Some(len), Some(variant)))
    }
}

/// An array that fills up.
struct Members<'g> {
    graph: &'g mut Graph,
    entries: Vec<(Key, NodeId)>,
    key: Option<Key>,
    variant: Option<&'static str>,
}

impl Members<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let index = i64::try_from(self.entries.len()).map_err(|_| ValueError::no_members())?;
        self.put(Key::Int(index), value)
    }

    fn put<T: Serialize + ?Sized>(&mut self, key: Key, value: &T) -> Result<(), ValueError> {
        let value = to_node(self.graph, value)?;
        self.entries.push((key, value));
        Ok(())
    }

    fn finish(self) -> Result<NodeId, ValueError> {
        let array = self.graph.add(Node::Array(self.entries));
        Ok(match self.variant {
            Some(variant) => self
                .graph
                .add(Node::Array(vec![(Key::symbol(variant), array)])),
            None => array,
        })
    }
}

macro_rules! sequences {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for Members<'_> {
            type Ok = NodeId;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.push(value)
            }

            fn end(self) -> Result<NodeId, ValueError> {
                self.finish()
            }
        }
    )*};
}

sequences! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
}

macro_rules! structs {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Members<'_> {
            type Ok = NodeId;
            type Error = ValueError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), ValueError> {
                self.put(Key::symbol(key), value)
            }

            fn end(self) -> Result<NodeId, ValueError> {
                self.finish()
            }
        }
    )*};
}

structs! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for Members<'_> {
    type Ok = NodeId;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.key = Some(key.serialize(KeyWriter)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key = self
            .key
            .take()
            .ok_or_else(|| ValueError::new("a value was written before its key"))?;
        self.put(key, value)
    }

    fn end(self) -> Result<NodeId, ValueError> {
        self.finish()
    }
}
