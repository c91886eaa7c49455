//! Where sessions are kept; every backend is a feature.

#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "redis")]
pub mod redis;

#[cfg(any(feature = "memcached", feature = "redis"))]
mod abandoned;
#[cfg(any(feature = "memcached", feature = "redis"))]
mod address;
// Used by every backend that asks more than once for what others hold.
#[cfg(any(
    feature = "files",
    feature = "redb",
    feature = "redis",
    feature = "memcached",
    feature = "postgres",
    feature = "mysql",
    feature = "sqlite"
))]
mod backoff;
#[cfg(any(feature = "files", feature = "redb", feature = "sqlite"))]
mod errno;
#[cfg(feature = "files")]
mod files;
#[cfg(any(feature = "memory", feature = "redb"))]
mod local;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "redb")]
mod redb;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod sql;

#[cfg(any(
    feature = "files",
    feature = "redb",
    feature = "redis",
    feature = "memcached",
    feature = "postgres",
    feature = "mysql",
    feature = "sqlite"
))]
pub(crate) use backoff::Backoff;
#[cfg(feature = "files")]
pub use files::{Files, FilesLayout};

#[cfg(feature = "memory")]
pub use memory::Memory;
#[cfg(feature = "redb")]
pub use redb::Redb;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
pub use sql::Sql;
