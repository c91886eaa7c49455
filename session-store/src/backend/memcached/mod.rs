//! Memcached with php-memcached's keys, locks and placement.

#[allow(dead_code)]
mod placement;

pub use placement::Distribution;
