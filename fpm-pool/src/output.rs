//! What workers write, line by line.

use crate::WorkerId;

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputSource {
    /// The process's descriptor 1.
    Stdout,
    /// The process's descriptor 2.
    Stderr,
    /// The STDERR stream of a request: PHP's errors and warnings.
    RequestStderr,
}

/// A line that a worker wrote.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Output<'a> {
    /// The pool's name.
    pub pool: &'a str,
    /// The worker.
    pub worker: WorkerId,
    /// Its process.
    pub process_id: u32,
    /// Where the line came from.
    pub source: OutputSource,
    /// `SCRIPT_FILENAME` of the request that the worker was running, if any.
    pub script: Option<&'a [u8]>,
    /// `REQUEST_URI` of that request.
    pub uri: Option<&'a [u8]>,
    /// The line without its end. Client and script decide what is in it:
    /// escape it before it goes to a log.
    pub line: &'a [u8],
}
