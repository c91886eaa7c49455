//! A session as a document of variables.

mod document;
mod merge;
mod typed;

pub use document::{Document, Variables};
pub use merge::MergeOutcome;
pub use typed::ValueError;
