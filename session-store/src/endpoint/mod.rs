//! PHP on top of any backend, without a PHP extension of ours.

mod limits;
#[allow(dead_code)]
mod memcached;
#[allow(dead_code)]
mod resp;

pub use limits::Limits;
