//! Where sessions are kept; every backend is a feature.

#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "redis")]
pub mod redis;

#[cfg(any(feature = "memcached", feature = "redis"))]
mod address;
// Used by every backend that asks another node for a lock more than once.
#[cfg(feature = "files")]
mod backoff;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "memory")]
mod memory;
#[cfg(any(feature = "memcached", feature = "redis"))]
mod pause;

#[cfg(feature = "files")]
pub(crate) use backoff::Backoff;
#[cfg(feature = "files")]
pub use files::{Files, FilesLayout};

#[cfg(feature = "memory")]
pub use memory::Memory;
