//! The serialize handlers by name.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::{DecodeError, Decoded, EncodeError, Old, igbinary, msgpack, php};
use crate::Limits;
use crate::value::{Graph, NodeId};

/// A session format, named as in `session.serialize_handler`.
///
/// # Examples
///
/// ```
/// use session_store::SerializeHandler;
///
/// let handler: SerializeHandler = "php_serialize".parse()?;
/// assert_eq!(handler, SerializeHandler::PhpSerialize);
/// assert!("wddx".parse::<SerializeHandler>().is_err());
/// # Ok::<(), session_store::UnknownHandler>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SerializeHandler {
    /// `name|value` for each variable: PHP's default.
    #[default]
    Php,
    /// One `serialize()`d array.
    PhpSerialize,
    /// A length byte, the name and the value for each variable.
    PhpBinary,
    /// igbinary, format version 2.
    Igbinary,
    /// msgpack with php-msgpack's marks for objects and references.
    ///
    /// Up to its version 2.2 that extension writes an enum case as an object
    /// that it cannot read back. Such an object is read here, and written as
    /// it was; a case from another format is refused, see
    /// [`EncodeError::EnumCase`]. The mark that its version 3 has for cases is
    /// not known here; such a session is [`Undecodable`](crate::Undecodable).
    Msgpack,
}

impl SerializeHandler {
    /// All handlers.
    pub const ALL: &[Self] = &[
        Self::Php,
        Self::PhpSerialize,
        Self::PhpBinary,
        Self::Igbinary,
        Self::Msgpack,
    ];

    /// The name in `session.serialize_handler`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Php => "php",
            Self::PhpSerialize => "php_serialize",
            Self::PhpBinary => "php_binary",
            Self::Igbinary => "igbinary",
            Self::Msgpack => "msgpack",
        }
    }

    pub(crate) fn read(self, input: &Bytes, limits: &Limits) -> Result<Decoded, DecodeError> {
        match self {
            Self::Php | Self::PhpSerialize | Self::PhpBinary => php::decode(self, input, limits),
            Self::Igbinary => igbinary::decode(input, limits),
            Self::Msgpack => msgpack::decode(input, limits),
        }
    }

    pub(crate) fn write(
        self,
        graph: &Graph,
        root: NodeId,
        compact_strings: bool,
        limits: &Limits,
    ) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Php | Self::PhpSerialize | Self::PhpBinary => {
                php::encode(self, graph, root, limits)
            }
            Self::Igbinary => igbinary::encode(graph, root, compact_strings, limits),
            Self::Msgpack => msgpack::encode(graph, root, limits),
        }
    }

    pub(crate) fn splice(
        self,
        graph: &Graph,
        root: NodeId,
        old: &Old<'_>,
        limits: &Limits,
    ) -> Result<Option<Vec<u8>>, EncodeError> {
        match self {
            Self::Php | Self::PhpSerialize | Self::PhpBinary => {
                php::splice(self, graph, root, old, limits)
            }
            // One table of strings or numbers spans the whole session.
            Self::Igbinary | Self::Msgpack => Ok(None),
        }
    }
}

impl fmt::Display for SerializeHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SerializeHandler {
    type Err = UnknownHandler;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|handler| handler.name() == name);
        known
            .copied()
            .ok_or_else(|| UnknownHandler { name: name.into() })
    }
}

/// A name that is no serialize handler.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "unknown serialize handler `{name}`; use php, php_serialize, php_binary, igbinary or msgpack"
)]
pub struct UnknownHandler {
    name: String,
}
