//! Values in another form than the session's bytes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

#[cfg(any(feature = "compression", feature = "laravel"))]
use crate::Limits;
use crate::wrap::WrapError;
use crate::{
    Backend, BoxFuture, Caps, Change, CommitOptions, Committed, Created, Entry, Error, ErrorKind,
    Lease, LockOptions, ReadOptions, Result, SessionId, Version,
};
#[cfg(feature = "laravel")]
use crate::{Document, SerializeHandler};

/// How stored values differ from session data.
pub trait ValueWrap: fmt::Debug + Send + Sync + 'static {
    /// Session data as it is stored.
    ///
    /// # Errors
    ///
    /// [`WrapError`] if it cannot be stored in this form.
    fn wrap(&self, data: Bytes) -> std::result::Result<Bytes, WrapError>;

    /// The session data in a stored value.
    ///
    /// # Errors
    ///
    /// [`WrapError`] if the value is damaged or of another form.
    fn unwrap(&self, stored: Bytes) -> std::result::Result<Bytes, WrapError>;
}

/// Keeps sessions in another form than their bytes: compressed as phpredis
/// does, or serialized once more as Laravel's cache does.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "laravel")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_store::Result<()> {
/// use std::sync::Arc;
/// use session_store::backend::Memory;
/// use session_store::wrap::{LaravelCache, WrappedValues};
/// use session_store::{Backend, ReadOptions, Store};
///
/// let memory: Arc<dyn Backend> = Arc::new(Memory::default());
/// let store = Store::new(WrappedValues::new(Arc::clone(&memory), LaravelCache));
/// let id = store.create("a:0:{}").await?;
/// let stored = memory.load(&id, ReadOptions::default()).await?.unwrap();
/// assert_eq!(stored.bytes, "s:6:\"a:0:{}\";");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "laravel"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct WrappedValues<W> {
    inner: Arc<dyn Backend>,
    form: W,
}

impl<W: ValueWrap> WrappedValues<W> {
    /// Keeps the values of a backend in this form.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, form: W) -> Self {
        Self { inner, form }
    }

    fn wrap(&self, data: Bytes) -> Result<Bytes> {
        self.form
            .wrap(data)
            .map_err(|error| self.error(error, "write session"))
    }

    fn wrap_change(&self, change: Change) -> Result<Change> {
        match change {
            Change::Put(data) => self.wrap(data).map(Change::Put),
            other => Ok(other),
        }
    }

    fn unwrap(&self, entry: Option<Entry>) -> Result<Option<Entry>> {
        let Some(mut entry) = entry else {
            return Ok(None);
        };
        let data = self.form.unwrap(entry.bytes);
        entry.bytes = data.map_err(|error| self.error(error, "read session"))?;
        Ok(Some(entry))
    }

    fn error(&self, error: WrapError, action: &'static str) -> Error {
        let kind = match error {
            WrapError::TooLong { .. } => ErrorKind::TooLarge,
            WrapError::Random => ErrorKind::Backend,
            WrapError::NotJson { .. } => ErrorKind::Unsupported,
            WrapError::Forged => ErrorKind::Denied,
            _ => ErrorKind::Corrupt,
        };
        Error::new(kind, self.inner.name().to_owned(), action).with_source(error)
    }
}

impl<W: ValueWrap> Backend for WrappedValues<W> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn caps(&self) -> Caps {
        let mut caps = self.inner.caps();
        // Giving back a lock on a value that is damaged takes a moment more.
        caps.lock_cancel_safe = false;
        caps
    }

    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move { self.unwrap(self.inner.load(id, options).await?) })
    }

    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>> {
        Box::pin(async move {
            let (lease, entry) = self.inner.lock_and_load(id, options).await?;
            match self.unwrap(entry) {
                Ok(entry) => Ok((lease, entry)),
                Err(error) => {
                    self.inner.release(lease).await?;
                    Err(error)
                }
            }
        })
    }

    fn commit<'a>(
        &'a self,
        lease: &'a mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move {
            let change = self.wrap_change(change)?;
            self.inner.commit(lease, change, options).await
        })
    }

    fn put_if<'a>(
        &'a self,
        id: &'a SessionId,
        expected: &'a Version,
        change: Change,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move {
            let change = self.wrap_change(change)?;
            self.inner.put_if(id, expected, change, ttl).await
        })
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>> {
        Box::pin(async move { self.inner.create(id, self.wrap(bytes)?, ttl).await })
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>> {
        self.inner.renew(lease)
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>> {
        self.inner.release(lease)
    }

    fn purge_expired(&self, budget: usize) -> BoxFuture<'_, Result<u64>> {
        self.inner.purge_expired(budget)
    }

    fn list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.list(limit)
    }
}

/// Laravel's cache in Redis: the session serialized once more.
#[cfg(feature = "laravel")]
#[derive(Clone, Copy, Debug, Default)]
pub struct LaravelCache;

#[cfg(feature = "laravel")]
impl ValueWrap for LaravelCache {
    fn wrap(&self, data: Bytes) -> std::result::Result<Bytes, WrapError> {
        Ok(crate::wrap::laravel::to_cache(&data).into())
    }

    fn unwrap(&self, stored: Bytes) -> std::result::Result<Bytes, WrapError> {
        let data = crate::wrap::laravel::from_cache(&stored)?;
        Ok(stored.slice_ref(data))
    }
}

/// Laravel's `session.encrypt`: the session encrypted with `APP_KEY`.
#[cfg(feature = "laravel")]
impl ValueWrap for crate::wrap::laravel::Encrypter {
    fn wrap(&self, data: Bytes) -> std::result::Result<Bytes, WrapError> {
        self.encrypt(&data).map(Bytes::from)
    }

    fn unwrap(&self, stored: Bytes) -> std::result::Result<Bytes, WrapError> {
        self.decrypt(&stored).map(Bytes::from)
    }
}

/// Laravel's `session.serialization = json`: sessions are in the
/// `php_serialize` format here, and JSON in the store. Within the default
/// [`Limits`].
#[cfg(feature = "laravel")]
#[derive(Clone, Copy, Debug, Default)]
pub struct LaravelJson;

#[cfg(feature = "laravel")]
impl ValueWrap for LaravelJson {
    fn wrap(&self, data: Bytes) -> std::result::Result<Bytes, WrapError> {
        let limits = Limits::default();
        let session =
            Document::decode(SerializeHandler::PhpSerialize, data, &limits).map_err(|_| {
                WrapError::NotJson {
                    what: "data in another format than php_serialize",
                }
            })?;
        crate::wrap::laravel::to_json(&session, &limits).map(Bytes::from)
    }

    fn unwrap(&self, stored: Bytes) -> std::result::Result<Bytes, WrapError> {
        let limits = Limits::default();
        let session = crate::wrap::laravel::from_json(&stored, &limits)?;
        let limit = limits.max_session_bytes;
        session
            .encode(SerializeHandler::PhpSerialize, &limits)
            .map_err(|_| WrapError::TooLong { limit })
    }
}

/// `redis.session.compression`, at zstd's default level and up to the
/// default of [`Limits::max_session_bytes`](crate::Limits::max_session_bytes).
#[cfg(feature = "compression")]
impl ValueWrap for crate::wrap::phpredis::Compression {
    fn wrap(&self, data: Bytes) -> std::result::Result<Bytes, WrapError> {
        self.compress(&data, 0).map(Bytes::from)
    }

    fn unwrap(&self, stored: Bytes) -> std::result::Result<Bytes, WrapError> {
        let limit = Limits::default().max_session_bytes;
        Ok(self.decompress(&stored, limit)?.into_owned().into())
    }
}
