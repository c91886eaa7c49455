//! The load generator: one thread, keep-alive HTTP/1.1, every answer checked.
//!
//! It is deliberately small so that it takes little of the machine from the
//! servers it measures; its own CPU time is never counted as theirs.

mod closed;
mod connection;
mod open;
mod request;

pub use closed::{Closed, ClosedRun, closed_loop, fetch, wait_for_static};
pub use connection::{Connection, LoadError};
pub use open::{Answered, OpenLoop, Patience, open_loop};
pub use request::{Expect, Request};
