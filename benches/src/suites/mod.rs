//! One module per suite; [`ALL`] lists them.

use crate::Report;

/// How a run is wanted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// Fewer repetitions: for a look, not for quoting.
    pub quick: bool,
}

/// A set of measurements that run together.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// The name on the command line and in front of every figure.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// Measures and reports; the error says what to install or change.
    pub run: fn(&Options, &mut Report) -> Result<(), String>,
}

/// Every suite, in the order of a full run.
pub const ALL: &[Suite] = &[];
