//! The settings in their own types, with defaults applied, paths completed
//! and the place of every value.

mod address;
mod global;
mod pool;
pub(crate) mod read;
mod text;

pub use address::Address;
pub use global::Global;
pub use pool::{ArrayValue, PhpValue, Pool, Rlimit};
pub use text::Text;

use crate::source::Span;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueSource {
    /// Written at this place.
    File(Span),
    /// Not written: the default.
    Default,
    /// Not written: worked out from other values.
    Derived,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
#[non_exhaustive]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Its source; left out by serde, for it means nothing without the files.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub source: ValueSource,
}

impl<T> Setting<T> {
    /// A value and its source.
    #[must_use]
    pub const fn new(value: T, source: ValueSource) -> Self {
        Self { value, source }
    }

    /// The place of a value that is written in a file.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self.source {
            ValueSource::File(span) => Some(span),
            ValueSource::Default | ValueSource::Derived => None,
        }
    }
}

impl<T> std::ops::Deref for Setting<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
