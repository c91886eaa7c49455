//! Where sessions are kept; every backend is a feature.

#[cfg(feature = "memcached")]
pub mod memcached;
