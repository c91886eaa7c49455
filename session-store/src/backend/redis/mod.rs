//! Redis and Valkey: one server, a Sentinel set or a Cluster, with phpredis'
//! keys and locks.
//!
//! On one server and behind Sentinel the lock key is phpredis' own
//! (`<prefix><id>_LOCK`), so PHP with `redis.session.locking_enabled=1` and
//! this crate exclude each other. On a Cluster PHP never locks; the lock key
//! is `{<prefix><id>}_LOCK` there, which lives in the slot of the session, so
//! that every commit is still one script.
//!
//! Every commit compares the stored content with what was loaded: a write of
//! an unlocked PHP request in between is a
//! [`Conflict`](crate::Committed::Conflict), not a lost update.

mod backend;
mod error;
mod link;
mod list;
mod options;
mod script;
#[cfg(feature = "redis-tls")]
mod tls;

pub use backend::RedisBackend;
pub use options::{RedisOptions, TlsOptions, Topology};
