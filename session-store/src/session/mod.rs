//! A session as a document of variables.

mod document;
mod merge;
mod typed;

pub use document::{Document, Variables};
pub use merge::MergeOutcome;
#[cfg(feature = "tower")]
pub(crate) use merge::merge_bytes;
pub use typed::{NodeSeed, ValueError};
