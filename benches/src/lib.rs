//! The comparison harness: suites that measure this project and its peers in
//! one run, and the report they fill.

#![forbid(unsafe_code)]
// Counts become figures here, never lengths or indices of untrusted data.
#![allow(
    clippy::cast_possible_truncation,
    reason = "figures are rounded on purpose"
)]

pub mod contenders;
pub mod interrupt;
pub mod load;
pub mod machine;
pub mod page;
mod report;
pub mod site;
pub mod stats;
pub mod suites;

pub use report::{Drawing, Figure, Report, Table};
