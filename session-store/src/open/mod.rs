//! From a store URL to a backend.

mod form;
#[cfg(feature = "laravel")]
mod laravel;
mod url;

use std::sync::Arc;

pub use url::{Preset, StoreUrl};

use crate::{Backend, ErrorKind, Result, Store};

/// Opens the backend that a URL names, if its feature is compiled in.
///
/// | URL | backend |
/// |---|---|
/// | `memory:` | this process |
/// | `files:/path?depth=0&mode=0600` | PHP's own files |
/// | `redb:/path` | an embedded database |
/// | `redis://…`, `redis+sentinel://…`, `redis+cluster://…`, `rediss…://…` for TLS | Redis, Valkey |
/// | `memcached://host:port,host:port` | memcached |
/// | `postgres://…`, `mysql://…`, `sqlite:/path` | SQL |
///
/// Every URL takes what [`StoreUrl`] lists, and more that say in what form
/// the backend holds sessions:
///
/// | parameter | form |
/// |---|---|
/// | `compression=lzf`, `zstd`, `lz4` | as phpredis's `redis.session.compression` |
/// | `hash_ids=1` | under hashed ids, see [`HashedIds`](crate::wrap::HashedIds) |
/// | `preset=laravel` with Redis | as Laravel's cache, serialized once more |
/// | `preset=laravel&serialization=json` | as Laravel's `session.serialization` |
/// | `preset=laravel&app_key=base64:…` | as Laravel's `session.encrypt`; `cipher=aes-256-gcm` if that is `app.cipher` |
///
/// # Errors
///
/// [`ErrorKind::Config`] for a URL that says nothing this build knows,
/// [`ErrorKind::Unsupported`] for a backend whose feature is off, else as
/// the backend fails to open.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_store::Result<()> {
/// let backend = session_store::open("memory:").await?;
/// assert_eq!(backend.name(), "memory");
///
/// let error = session_store::open("ftp://host/").await.unwrap_err();
/// assert_eq!(error.kind(), session_store::ErrorKind::Config);
/// # Ok(())
/// # }
/// ```
pub async fn open(url: &str) -> Result<Arc<dyn Backend>> {
    open_url(&StoreUrl::parse(url)?).await
}

impl Store {
    /// Opens the backend that a URL names, with the options that it sets.
    ///
    /// # Errors
    ///
    /// As for [`open`].
    pub async fn open(url: &str) -> Result<Self> {
        let url = StoreUrl::parse(url)?;
        Ok(Self::with_options(open_url(&url).await?, url.options()))
    }
}

/// Opens the backend of a parsed URL.
///
/// # Errors
///
/// As for [`open`].
pub async fn open_url(url: &StoreUrl) -> Result<Arc<dyn Backend>> {
    let form = form::Form::of(url)?;
    let backend = open_plain(&url.without(&form::PARAMS)).await?;
    Ok(form.around(backend))
}

async fn open_plain(url: &StoreUrl) -> Result<Arc<dyn Backend>> {
    match family(url.scheme()) {
        #[cfg(feature = "memory")]
        "memory" => {
            url.allow(&[])?;
            let limits = url.options().limits;
            let memory = crate::backend::Memory::new(limits, crate::Clock::system());
            Ok(Arc::new(memory))
        }
        #[cfg(feature = "files")]
        "files" => Ok(Arc::new(files(url)?)),
        #[cfg(feature = "redb")]
        "redb" => {
            url.allow(&[])?;
            let wait = url.options().lock_wait;
            Ok(Arc::new(
                crate::backend::Redb::open(url.path()?, wait).await?,
            ))
        }
        #[cfg(feature = "redis")]
        "redis" => {
            use crate::backend::redis::{RedisBackend, RedisOptions};
            Ok(Arc::new(RedisBackend::new(RedisOptions::from_url(url)?)?))
        }
        #[cfg(feature = "memcached")]
        "memcached" => {
            use crate::backend::memcached::{MemcachedBackend, MemcachedOptions};
            let options = MemcachedOptions::from_url(url)?;
            Ok(Arc::new(MemcachedBackend::new(options)?))
        }
        #[cfg(feature = "postgres")]
        "postgres" => Ok(Arc::new(crate::backend::Sql::open(url).await?)),
        #[cfg(feature = "mysql")]
        "mysql" => Ok(Arc::new(crate::backend::Sql::open(url).await?)),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Arc::new(crate::backend::Sql::open(url).await?)),
        scheme if KNOWN.contains(&scheme) => Err(url.error(
            ErrorKind::Unsupported,
            "this build has no such backend, its feature is off",
        )),
        _ => Err(url.error(
            ErrorKind::Config,
            "the scheme is none of memory, files, redb, redis, redis+sentinel, redis+cluster, \
             memcached, postgres, mysql, sqlite",
        )),
    }
}

#[cfg(feature = "files")]
fn files(url: &StoreUrl) -> Result<crate::backend::Files> {
    use crate::backend::{Files, FilesLayout};

    url.allow(&["depth", "mode"])?;
    let mut layout = FilesLayout::from_save_path(&url.path()?)?;
    if let Some(depth) = url.parsed("depth")? {
        layout.depth = depth;
    }
    if let Some(mode) = url.param("mode") {
        let mode = u32::from_str_radix(mode, 8).ok();
        layout.mode = mode
            .filter(|mode| *mode <= 0o7777)
            .ok_or_else(|| url.config("mode is not an octal number up to 7777"))?;
    }
    Ok(Files::new(layout).with_lifetime(url.options().ttl))
}

/// The backend behind a scheme: `redis` for `valkeys+cluster`.
fn family(scheme: &str) -> &str {
    match scheme.split('+').next().unwrap_or_default() {
        "redis" | "rediss" | "valkey" | "valkeys" => "redis",
        _ if scheme == "postgresql" => "postgres",
        _ if scheme == "mariadb" => "mysql",
        _ => scheme,
    }
}

const KNOWN: [&str; 8] = [
    "memory",
    "files",
    "redb",
    "redis",
    "memcached",
    "postgres",
    "mysql",
    "sqlite",
];
