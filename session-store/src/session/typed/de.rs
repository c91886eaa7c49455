//! PHP values into Rust types.

use std::cell::Cell;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};
use serde::{Deserialize, forward_to_deserialize_any};

use super::ValueError;
use super::key::KeyReader;
use crate::Limits;
use crate::value::{Entries, Key, Node, ValueRef};

/// Levels that `serde` may recurse into.
const MAX_DEPTH: usize = 128;

pub(super) fn from_value<'de, T: Deserialize<'de>>(value: ValueRef<'de>) -> Result<T, ValueError> {
    let budget = Cell::new(Limits::default().max_nodes);
    T::deserialize(Reader {
        value,
        depth: 0,
        budget: &budget,
    })
}

/// A value, how deep it is, and how many more may be read: arrays shared
/// many times over can make a small graph a huge tree.
#[derive(Clone, Copy)]
struct Reader<'de, 'b> {
    value: ValueRef<'de>,
    depth: usize,
    budget: &'b Cell<usize>,
}

impl<'de, 'b> Reader<'de, 'b> {
    fn members(self) -> Result<Members<'de, 'b>, ValueError> {
        if self.depth >= MAX_DEPTH {
            return Err(ValueError::new(format!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(Members {
            entries: self.value.entries(),
            value: None,
            parent: self,
        })
    }

    fn child(self, value: ValueRef<'de>) -> Result<Self, ValueError> {
        let left = self.budget.get().checked_sub(1);
        let left = left.ok_or_else(|| ValueError::new("too many values in one variable"))?;
        self.budget.set(left);
        Ok(Self {
            value,
            depth: self.depth + 1,
            ..self
        })
    }

    fn is_list(self) -> bool {
        let mut keys = self.value.entries().zip(0..);
        keys.all(|((key, _), index)| *key == Key::Int(index))
    }

    fn has_members(self) -> bool {
        matches!(self.value.node(), Node::Array(_) | Node::Object(_))
    }
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value.node() {
            // `node` follows references, so none comes out.
            Node::Null | Node::Reference(_) => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Int(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Str(value) => match std::str::from_utf8(value) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(value),
            },
            Node::Array(_) if self.is_list() => visitor.visit_seq(self.members()?),
            Node::Array(_) | Node::Object(_) => visitor.visit_map(self.members()?),
            Node::Enum(known) => match std::str::from_utf8(&known.case) {
                Ok(case) => visitor.visit_borrowed_str(case),
                Err(_) => visitor.visit_borrowed_bytes(&known.case),
            },
            Node::Opaque(opaque) => Err(ValueError::new(format!(
                "only PHP's class {} can read its object",
                opaque.class().escape_ascii()
            ))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value.node() {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value.node() {
            Node::Str(value) => visitor.visit_borrowed_bytes(value),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    /// A PHP list with holes in its keys is a sequence still.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value.node() {
            Node::Array(_) => visitor.visit_seq(self.members()?),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    /// PHP's `[]` is an empty map too.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.has_members() {
            return visitor.visit_map(self.members()?);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let name = match self.value.node() {
            Node::Enum(known) => Some(&known.case),
            _ => self.value.as_bytes(),
        };
        if let Some(name) = name {
            let name = std::str::from_utf8(name)
                .map_err(|_| ValueError::new("a variant's name is not UTF-8"))?;
            return visitor.visit_enum(StrDeserializer::<ValueError>::new(name));
        }
        match self.value.entries().next() {
            Some((key, content)) if self.has_members() && self.value.len() == 1 => visitor
                .visit_enum(Variant {
                    key: KeyReader(key),
                    content: self.child(content)?,
                }),
            _ => Err(ValueError::new(
                "expected a variant: its name, or an array with that name as its only key",
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        unit unit_struct identifier
    }
}

struct Members<'de, 'b> {
    entries: Entries<'de>,
    value: Option<ValueRef<'de>>,
    parent: Reader<'de, 'b>,
}

impl<'de> SeqAccess<'de> for Members<'de, '_> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        match self.entries.next() {
            Some((_, value)) => seed.deserialize(self.parent.child(value)?).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ValueError> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(KeyReader(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ValueError> {
        let value = self
            .value
            .take()
            .ok_or_else(|| ValueError::new("a value was read before its key"))?;
        seed.deserialize(self.parent.child(value)?)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// `['Variant' => content]`.
struct Variant<'de, 'b> {
    key: KeyReader<'de>,
    content: Reader<'de, 'b>,
}

impl<'de, 'b> EnumAccess<'de> for Variant<'de, 'b> {
    type Error = ValueError;
    type Variant = Content<'de, 'b>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ValueError> {
        Ok((seed.deserialize(self.key)?, Content(self.content)))
    }
}

struct Content<'de, 'b>(Reader<'de, 'b>);

impl<'de> VariantAccess<'de> for Content<'de, '_> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ValueError> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.0.deserialize_map(visitor)
    }
}
