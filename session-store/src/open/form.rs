//! In what form a backend holds sessions, as its URL says.

use std::sync::Arc;

use super::{Preset, StoreUrl};
use crate::wrap::HashedIds;
use crate::{Backend, ErrorKind, Result};

/// The parameters that are read here and are none of the backend's.
pub(super) const PARAMS: [&str; 2] = ["compression", "hash_ids"];

/// What goes around a backend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    compression: Compression,
    laravel_cache: bool,
    hashed_ids: bool,
}

impl Form {
    /// Reads the form from a URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a value that is none,
    /// [`ErrorKind::Unsupported`] if a feature is off.
    pub(super) fn of(url: &StoreUrl) -> Result<Self> {
        let scheme = url.scheme();
        // Laravel leaves serializing to the class `Memcached`, which stores
        // strings as they are.
        let is_redis = scheme.starts_with("redis") || scheme.starts_with("valkey");
        let laravel_cache = is_redis && url.preset() == Some(Preset::Laravel);
        if laravel_cache && !cfg!(feature = "laravel") {
            return Err(url.error(
                ErrorKind::Unsupported,
                "the feature for Laravel's forms is off",
            ));
        }
        let hashed_ids = match url.param("hash_ids") {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => return Err(url.config("hash_ids is neither 0 nor 1")),
        };
        Ok(Self {
            compression: compression(url)?,
            laravel_cache,
            hashed_ids,
        })
    }

    /// Puts the form around a backend.
    pub(super) fn around(self, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        let backend = compressed(backend, self.compression);
        let backend = if self.laravel_cache {
            serialized(backend)
        } else {
            backend
        };
        if self.hashed_ids {
            Arc::new(HashedIds::new(backend))
        } else {
            backend
        }
    }
}

#[cfg(feature = "laravel")]
fn serialized(backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
    Arc::new(crate::wrap::WrappedValues::new(
        backend,
        crate::wrap::LaravelCache,
    ))
}

#[cfg(not(feature = "laravel"))]
fn serialized(backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
    backend
}

#[cfg(feature = "compression")]
use crate::wrap::phpredis::Compression;

#[cfg(feature = "compression")]
fn compression(url: &StoreUrl) -> Result<Compression> {
    let name = url.param("compression").unwrap_or("none");
    name.parse()
        .map_err(|_| url.config("compression is none of none, lzf, zstd, lz4"))
}

#[cfg(feature = "compression")]
fn compressed(backend: Arc<dyn Backend>, compression: Compression) -> Arc<dyn Backend> {
    match compression {
        Compression::None => backend,
        compression => Arc::new(crate::wrap::WrappedValues::new(backend, compression)),
    }
}

#[cfg(not(feature = "compression"))]
#[derive(Clone, Copy, Debug)]
struct Compression;

#[cfg(not(feature = "compression"))]
fn compression(url: &StoreUrl) -> Result<Compression> {
    match url.param("compression") {
        None | Some("none") => Ok(Compression),
        Some(_) => Err(url.error(ErrorKind::Unsupported, "the feature for compression is off")),
    }
}

#[cfg(not(feature = "compression"))]
fn compressed(backend: Arc<dyn Backend>, _: Compression) -> Arc<dyn Backend> {
    backend
}
