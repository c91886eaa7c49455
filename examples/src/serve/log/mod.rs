//! The access log: one line a request, written by a thread of its own.

mod entry;
mod format;
mod writer;

pub(crate) use entry::{Report, Tracked};
pub(crate) use format::Format;
pub(crate) use writer::{AccessLog, Closer, Target};
