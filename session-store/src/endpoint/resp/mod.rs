//! The Redis-protocol endpoint: unmodified phpredis uses any backend.

mod command;
mod connection;
mod wire;

pub(super) use connection::serve;
