//! A session as a document of variables.

mod document;
mod merge;

pub use document::{Document, Variables};
pub use merge::MergeOutcome;
