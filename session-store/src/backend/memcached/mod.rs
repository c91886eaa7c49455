//! Memcached with php-memcached's keys, locks and placement.
//!
//! PHP and this crate exclude each other by the same lock item. Where PHP
//! overwrites whatever is stored and frees whatever lock is there, this
//! crate writes by `cas`, so that a lost lock never means a lost update, and
//! frees by `cas`, so that it never frees another one's lock.

mod backend;
mod keys;
mod lock;
mod options;
mod placement;
mod pool;
mod wire;

pub use backend::MemcachedBackend;
pub use options::{MemcachedOptions, Server};
pub use placement::Distribution;
