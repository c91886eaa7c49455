//! The comparison harness: suites that measure this project and its peers in
//! one run, and the report they fill.

mod report;
pub mod suites;

pub use report::{Figure, Report};
