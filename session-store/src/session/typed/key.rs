//! Keys of PHP arrays as keys of Rust maps, both ways.

use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{Impossible, Serialize, Serializer};

use super::ValueError;
use crate::Key;

/// Reads a key; a property by its own name.
pub(super) struct KeyReader<'de>(pub(super) &'de Key);

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let name = match self.0 {
            Key::Int(value) => return visitor.visit_i64(*value),
            Key::Str(name) => self.0.unmangled().unwrap_or(name),
        };
        match std::str::from_utf8(name) {
            Ok(name) => visitor.visit_borrowed_str(name),
            Err(_) => visitor.visit_borrowed_bytes(name),
        }
    }

    /// An integer key serves where a name is wanted.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Key::Int(value) => visitor.visit_string(value.to_string()),
            Key::Str(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        option unit unit_struct seq tuple tuple_struct map struct enum ignored_any
    }
}

/// Makes a key of what a map has as key.
pub(super) struct KeyWriter;

macro_rules! integer_keys {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<Key, ValueError> {
            let value = i64::try_from(value);
            value.map(Key::Int).map_err(|_| ValueError::new("a key outside the integers of PHP"))
        }
    )*};
}

macro_rules! no_keys {
    ($($method:ident($($arg:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $arg),*) -> Result<$ok, ValueError> {
            Err(no_key())
        }
    )*};
}

impl Serializer for KeyWriter {
    type Ok = Key;
    type Error = ValueError;
    type SerializeSeq = Impossible<Key, ValueError>;
    type SerializeTuple = Impossible<Key, ValueError>;
    type SerializeTupleStruct = Impossible<Key, ValueError>;
    type SerializeTupleVariant = Impossible<Key, ValueError>;
    type SerializeMap = Impossible<Key, ValueError>;
    type SerializeStruct = Impossible<Key, ValueError>;
    type SerializeStructVariant = Impossible<Key, ValueError>;

    fn serialize_str(self, value: &str) -> Result<Key, ValueError> {
        Ok(Key::symbol(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Key, ValueError> {
        Ok(Key::symbol(value.to_vec()))
    }

    fn serialize_char(self, value: char) -> Result<Key, ValueError> {
        Ok(Key::symbol(value.to_string()))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Key, ValueError> {
        Ok(Key::symbol(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Key, ValueError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Key, ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Key, ValueError> {
        Err(no_key())
    }

    integer_keys! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_i128: i128, serialize_u128: u128
    }

    no_keys! {
        serialize_bool(bool) -> Key;
        serialize_f32(f32) -> Key;
        serialize_f64(f64) -> Key;
        serialize_none() -> Key;
        serialize_unit() -> Key;
        serialize_unit_struct(&'static str) -> Key;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}

fn no_key() -> ValueError {
    ValueError::new("a key of a PHP array must be a string or an integer")
}
