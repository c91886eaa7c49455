//! The formats of `session.serialize_handler`.

mod builder;
mod cursor;
mod error;
mod handler;
mod igbinary;
mod msgpack;
mod output;
mod php;

use std::ops::Range;

pub(crate) use builder::KeyIndex;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, Undecodable};
pub use handler::{SerializeHandler, UnknownHandler};
pub(crate) use php::{Old, Writer as PhpWriter};

use crate::Limits;
use crate::value::{Graph, NodeId};

/// What a decoder makes of bytes.
pub(crate) struct Decoded {
    pub(crate) graph: Graph,
    /// The array of session variables.
    pub(crate) root: NodeId,
    /// Where each variable lies in the bytes, if they can be reused singly.
    pub(crate) ranges: Option<Vec<Option<Range<usize>>>>,
    /// `igbinary.compact_strings` as the data was written.
    pub(crate) compact_strings: bool,
}
