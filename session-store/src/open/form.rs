//! In what form a backend holds sessions, as its URL says.

use std::sync::Arc;

use super::StoreUrl;
#[cfg(not(all(feature = "compression", feature = "laravel")))]
use crate::ErrorKind;
use crate::wrap::HashedIds;
use crate::{Backend, Result};

/// The parameters that are read here and are none of the backend's.
pub(super) const PARAMS: [&str; 5] = [
    "compression",
    "hash_ids",
    "serialization",
    "app_key",
    "cipher",
];

/// What goes around a backend.
#[derive(Clone, Debug)]
pub(super) struct Form {
    compression: Compression,
    laravel: LaravelForm,
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
        let hashed_ids = match url.param("hash_ids") {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => return Err(url.config("hash_ids is neither 0 nor 1")),
        };
        Ok(Self {
            compression: compression(url)?,
            laravel: LaravelForm::of(url)?,
            hashed_ids,
        })
    }

    /// Puts the form around a backend.
    pub(super) fn around(self, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        let backend = self.laravel.around(compressed(backend, self.compression));
        if self.hashed_ids {
            Arc::new(HashedIds::new(backend))
        } else {
            backend
        }
    }
}

#[cfg(feature = "laravel")]
use super::laravel::LaravelForm;

#[cfg(not(feature = "laravel"))]
#[derive(Clone, Copy, Debug)]
struct LaravelForm;

#[cfg(not(feature = "laravel"))]
impl LaravelForm {
    fn of(url: &StoreUrl) -> Result<Self> {
        let scheme = url.scheme();
        let is_cache = scheme.starts_with("redis") || scheme.starts_with("valkey");
        let of_laravel = ["serialization", "app_key", "cipher"];
        let is_wrapped = is_cache && url.preset() == Some(super::Preset::Laravel);
        if is_wrapped || of_laravel.iter().any(|name| url.param(name).is_some()) {
            let off = "the feature for Laravel's forms is off";
            return Err(url.error(ErrorKind::Unsupported, off));
        }
        Ok(Self)
    }

    fn around(self, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        backend
    }
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
