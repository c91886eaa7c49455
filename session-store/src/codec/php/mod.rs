//! The value grammar of `serialize()`, and the three handlers that use it.

mod containers;
mod payload;
mod reader;
mod writer;

pub(crate) use containers::{Old, decode, encode, splice};
pub(crate) use payload::{add_opaque, payload};
pub(crate) use reader::Reader;
pub(crate) use writer::{Writer, check_class_name};

/// Whether PHP would read `name` as the name of a class or case.
pub(crate) fn is_class_name(name: &[u8]) -> bool {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | 0x7f..);
    !name.is_empty() && name.iter().all(legal)
}
