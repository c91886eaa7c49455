//! Where sessions are kept; every backend is a feature.

#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "redis")]
pub mod redis;

#[cfg(any(feature = "memcached", feature = "redis"))]
mod address;
#[cfg(feature = "memory")]
mod memory;
#[cfg(any(feature = "memcached", feature = "redis"))]
mod pause;

#[cfg(feature = "memory")]
pub use memory::Memory;
