//! The load generator: one thread, one epoll, keep-alive HTTP/1.1, every
//! answer checked where it was read.
//!
//! A request costs it one write, one read and a share of one wait, and no
//! allocation, so that it takes little of the machine from the servers it
//! measures; its own CPU time is never counted as theirs.

mod answer;
mod closed;
mod connection;
mod error;
mod open;
mod request;
mod single;

pub use closed::{Closed, ClosedRun, closed_loop};
pub use error::LoadError;
pub use open::{Answered, OpenLoop, Patience, open_loop};
pub use request::{Expect, Request};
pub use single::{Resting, fetch, rest, wait_for_static};
