//! What Laravel puts around a session, as the URL says.

use std::sync::Arc;

use super::{Preset, StoreUrl};
use crate::Backend;
use crate::Result;
use crate::wrap::laravel::{Cipher, Encrypter};
use crate::wrap::{LaravelCache, LaravelJson, WrappedValues};

/// Laravel's forms; none with another preset.
#[derive(Clone, Debug, Default)]
pub(super) struct LaravelForm {
    cache: bool,
    encrypter: Option<Encrypter>,
    json: bool,
}

impl LaravelForm {
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a value that is
    /// none, and for a parameter of Laravel's without its preset.
    pub(super) fn of(url: &StoreUrl) -> Result<Self> {
        if url.preset() != Some(Preset::Laravel) {
            return no_parameters(url);
        }
        // Laravel leaves serializing to the class `Memcached`, which stores
        // strings as they are.
        let scheme = url.scheme();
        let cache = scheme.starts_with("redis") || scheme.starts_with("valkey");
        let json = match url.param("serialization") {
            None | Some("php") => false,
            Some("json") => true,
            Some(_) => return Err(url.config("serialization is neither php nor json")),
        };
        Ok(Self {
            cache,
            encrypter: encrypter(url)?,
            json,
        })
    }

    /// The session is JSON first, then encrypted, then in the cache's form.
    pub(super) fn around(self, mut backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        if self.cache {
            backend = Arc::new(WrappedValues::new(backend, LaravelCache));
        }
        if let Some(encrypter) = self.encrypter {
            backend = Arc::new(WrappedValues::new(backend, encrypter));
        }
        if self.json {
            backend = Arc::new(WrappedValues::new(backend, LaravelJson));
        }
        backend
    }
}

fn no_parameters(url: &StoreUrl) -> Result<LaravelForm> {
    let given = |name: &&str| url.param(name).is_some();
    match ["serialization", "app_key", "cipher"]
        .iter()
        .find(|name| given(name))
    {
        Some(name) => Err(url.config(format!("{name} goes with preset=laravel only"))),
        None => Ok(LaravelForm::default()),
    }
}

fn encrypter(url: &StoreUrl) -> Result<Option<Encrypter>> {
    let cipher = url.param("cipher").map(str::parse::<Cipher>).transpose();
    let cipher = cipher.map_err(|_| url.config("cipher is none that Laravel knows"))?;
    let Some(key) = url.param("app_key") else {
        return match cipher {
            Some(_) => Err(url.config("cipher goes with app_key only")),
            None => Ok(None),
        };
    };
    let encrypter = Encrypter::from_app_key(key)
        .map_err(|error| url.config(format!("app_key cannot be used: {error}")))?;
    Ok(Some(encrypter.with_cipher(cipher.unwrap_or_default())))
}
