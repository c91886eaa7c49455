//! igbinary, format version 2, as php-igbinary writes it.

mod reader;
mod tag;
mod writer;

pub(crate) use reader::decode;
pub(crate) use writer::encode;

/// What comes before the value. Version 1 reads the same.
const HEADER: [u8; 4] = [0, 0, 0, 2];
