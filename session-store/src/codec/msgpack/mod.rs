//! msgpack with php-msgpack's marks for objects and references.
//!
//! Two things are lost in this format, by PHP as well: references between
//! scalars become copies, and an empty array cannot say that it is one.

mod reader;
mod writer;

pub(crate) use reader::decode;
pub(crate) use writer::encode;

/// What the nil key at the start of a map says about it.
mod mark {
    /// A PHP reference to an array or object.
    pub(super) const REFERENCE: i64 = 1;
    /// The same reference to an array again.
    pub(super) const SAME_ARRAY: i64 = 2;
    /// A `Serializable` object.
    pub(super) const OPAQUE: i64 = 3;
    /// The same object again.
    pub(super) const SAME_OBJECT: i64 = 4;
    /// A PHP reference to an object seen before.
    pub(super) const OBJECT_REFERENCE: i64 = 5;
}

const NIL: u8 = 0xc0;
