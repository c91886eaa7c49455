//! The contract of backends on Redis.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult};

use super::error;
use super::link::{Certificates, Link, Links};
use super::options::{RedisOptions, Topology};
use super::script::{Outcome, SHORT, Script, Scripts, mark};
use crate::backend::Backoff;
use crate::backend::abandoned::{Abandoned, FreeByToken};
use crate::{
    Backend, BoxFuture, Caps, Change, CommitOptions, Committed, Created, Entry, Error, ErrorKind,
    Lease, LockKind, LockOptions, ReadOptions, Result, SessionId, Token, Version,
};

/// Sessions in Redis or Valkey (6.0 or later), as phpredis keeps them.
///
/// Nothing is connected before the first operation; a lost connection is
/// made anew by the next one. Clones share the connection.
///
/// # Examples
///
/// ```no_run
/// use session_store::StoreUrl;
/// use session_store::backend::redis::{RedisBackend, RedisOptions};
///
/// let url = StoreUrl::parse("redis+sentinel://10.0.0.1,10.0.0.2/mymaster")?;
/// let backend = RedisBackend::new(RedisOptions::from_url(&url)?)?;
/// # Ok::<(), session_store::Error>(())
/// ```
#[derive(Clone)]
pub struct RedisBackend(Arc<Inner>);

struct Inner {
    name: String,
    options: RedisOptions,
    links: Links,
    scripts: Scripts,
}

impl RedisBackend {
    /// A backend for the servers of `options`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the options contradict each other or a file
    /// that they name cannot be read, [`ErrorKind::Unsupported`] for TLS if
    /// the feature `redis-tls` is off.
    pub fn new(options: RedisOptions) -> Result<Self> {
        options.check()?;
        let name = options.name();
        let links = Links::new(&options, certificates(&options)?).map_err(|error| {
            Error::new(ErrorKind::Config, name.clone(), "use these options").with_source(error)
        })?;
        Ok(Self(Arc::new(Inner {
            name,
            options,
            links,
            scripts: Scripts::new(),
        })))
    }

    pub(super) fn prefix(&self) -> &str {
        &self.0.options.prefix
    }

    fn key(&self, id: &SessionId) -> String {
        [self.prefix(), id.as_str()].concat()
    }

    /// phpredis' name; on a Cluster one in the same slot as the session.
    fn lock_key(&self, id: &SessionId) -> String {
        let (prefix, id) = (self.prefix(), id.as_str());
        match self.0.options.topology {
            Topology::Cluster(_) => format!("{{{prefix}{id}}}_LOCK"),
            Topology::Single(..) | Topology::Unix(_) | Topology::Sentinel { .. } => {
                [prefix, id, "_LOCK"].concat()
            }
        }
    }

    /// Runs one exchange within the timeout, on a connection that works as
    /// far as anyone can know.
    pub(super) async fn run<T, F>(
        &self,
        action: &'static str,
        exchange: impl FnOnce(Link) -> F,
    ) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let inner = &self.0;
        let fail = |kind| Error::new(kind, inner.name.clone(), action);
        let mut used = None;
        let whole = async {
            let link = inner.links.get().await?;
            used = Some(link.end());
            exchange(link).await
        };
        let result = tokio::time::timeout(inner.options.timeout, whole).await;
        let is_broken = match &result {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => error::needs_new_link(error),
            // Whoever said nothing for so long may be gone for good.
            Err(_) => true,
        };
        if is_broken && let Some(link) = &used {
            link.set();
        }
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(fail(error::kind(&error)).with_source(error)),
            Err(elapsed) => Err(fail(ErrorKind::Timeout).with_source(elapsed)),
        }
    }

    async fn script<T: FromRedisValue>(
        &self,
        action: &'static str,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<T> {
        let call = &script.call(keys, arguments);
        self.run(action, |mut link| async move {
            match call.query_async(&mut link).await {
                // A server that was restarted knows no scripts.
                Err(error) if error::is_unknown_script(&error) => {
                    let whole = script.call_whole(keys, arguments);
                    whole.query_async(&mut link).await
                }
                answer => answer,
            }
        })
        .await
    }

    async fn change(&self, write: Write<'_>, change: Change, ttl: Duration) -> Result<Committed> {
        let (word, content): (&str, &[u8]) = match &change {
            Change::Put(bytes) => ("put", bytes),
            Change::Touch => ("touch", b""),
            Change::Delete => ("delete", b""),
        };
        let (wanted, base): (&str, &[u8]) = match write.wanted {
            Wanted::None => ("none", b""),
            Wanted::Any => ("any", b""),
            Wanted::Same(mark) => ("same", mark),
        };
        let (ttl, short) = (millis(ttl).to_string(), SHORT.to_string());
        let keep = if write.keep_lock { "keep" } else { "" };
        let arguments = [
            write.token.as_bytes(),
            word.as_bytes(),
            wanted.as_bytes(),
            base,
            ttl.as_bytes(),
            content,
            keep.as_bytes(),
            short.as_bytes(),
        ];
        let keys = [&*self.key(write.id), &*self.lock_key(write.id)];
        let script = &self.0.scripts.commit;
        let answer: Vec<u8> = self
            .script("write the session", script, &keys, &arguments)
            .await?;
        let answer = Bytes::from(answer);
        match (Outcome::parse(&answer), change) {
            (Some(Outcome::Stored), Change::Put(content)) => {
                Ok(Committed::Stored(version(&content)))
            }
            (Some(Outcome::Touched(mark)), _) => Ok(Committed::Stored(Version::content(mark))),
            (Some(Outcome::Deleted), _) => Ok(Committed::Deleted),
            (Some(Outcome::Gone), _) => Ok(Committed::Gone),
            (Some(Outcome::Conflict), _) => Ok(Committed::Conflict),
            (Some(Outcome::Stored) | None, _) => Err(self
                .error(ErrorKind::Backend, "write the session")
                .with_source(String::from_utf8_lossy(&answer))),
        }
    }

    /// One attempt at the lock: lock and content in one round trip.
    async fn try_lock(&self, id: &SessionId, token: &Token, lease: Duration) -> Result<Attempt> {
        let abandoned = Abandoned::new(self, id, token);
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline
            .cmd("SET")
            .arg(self.lock_key(id))
            .arg(token.as_str())
            .arg(&["NX", "PX"])
            .arg(millis(lease));
        pipeline.cmd("GET").arg(self.key(id));
        let pipeline = &pipeline;
        let (granted, content): (Option<String>, Option<Vec<u8>>) = self
            .run("lock the session", |mut link| async move {
                pipeline.query_async(&mut link).await
            })
            .await?;
        abandoned.disarm();
        Ok(granted.map(|_| content.map(entry)))
    }

    async fn unlock(&self, id: &SessionId, token: &Token) -> Result<()> {
        let keys = [&*self.lock_key(id)];
        let script = &self.0.scripts.release;
        let arguments = [token.as_str().as_bytes()];
        let _freed: i64 = self
            .script("release the lock", script, &keys, &arguments)
            .await?;
        Ok(())
    }

    pub(super) fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.0.name.clone(), action)
    }
}

#[cfg(feature = "redis-tls")]
fn certificates(options: &RedisOptions) -> Result<Certificates> {
    let tls = options.tls.as_ref();
    tls.map(super::tls::certificates).transpose()
}

#[cfg(not(feature = "redis-tls"))]
fn certificates(_: &RedisOptions) -> Result<Certificates> {
    Ok(None)
}

/// `None` if somebody else holds the lock, else the session.
type Attempt = Option<Option<Entry>>;

/// What one commit checks.
struct Write<'a> {
    id: &'a SessionId,
    token: &'a str,
    wanted: Wanted<'a>,
    keep_lock: bool,
}

/// What must be stored for a write to happen.
enum Wanted<'a> {
    None,
    Any,
    /// A content with this mark.
    Same(&'a [u8]),
}

impl Backend for RedisBackend {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn caps(&self) -> Caps {
        let mut caps = Caps::new(LockKind::FencedLease);
        caps.lock_cancel_safe = true;
        caps.cas = true;
        caps.touch = true;
        caps.native_ttl = true;
        caps.list = true;
        caps.php_layout = true;
        caps
    }

    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move {
            let key = self.key(id);
            let mut pipeline = Pipeline::with_capacity(2);
            pipeline.cmd("GET").arg(&key);
            if let Some(ttl) = options.touch {
                pipeline.cmd("PEXPIRE").arg(&key).arg(millis(ttl)).ignore();
            }
            let pipeline = &pipeline;
            let (content,): (Option<Vec<u8>>,) = self
                .run("read the session", |mut link| async move {
                    pipeline.query_async(&mut link).await
                })
                .await?;
            Ok(content.map(entry))
        })
    }

    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>> {
        Box::pin(async move {
            let token = Token::random();
            let mut backoff = Backoff::new();
            loop {
                if let Some(entry) = self.try_lock(id, &token, options.lease).await? {
                    let base = entry.as_ref().map(|entry| entry.version.clone());
                    let lease = Lease::new(id.clone(), token, options.lease, base);
                    return Ok((lease, entry));
                }
                if !backoff.sleep(options.deadline).await {
                    return Err(self.error(ErrorKind::LockTimeout, "lock the session"));
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
            let wanted = match (&change, lease.base()) {
                // A logout counts, and a touch keeps, whatever was written.
                (Change::Delete | Change::Touch, _) => Wanted::Any,
                (Change::Put(_), Some(base)) => Wanted::Same(base.as_content()),
                (Change::Put(_), None) => Wanted::None,
            };
            let write = Write {
                id: lease.id(),
                token: lease.token().as_str(),
                wanted,
                keep_lock: options.keep_lease,
            };
            let committed = self.change(write, change, options.ttl).await?;
            if committed.is_done() {
                lease.set_base(committed.stored().cloned());
            }
            Ok(committed)
        })
    }

    fn put_if<'a>(
        &'a self,
        id: &'a SessionId,
        expected: &'a Version,
        change: Change,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Committed>> {
        let write = Write {
            id,
            token: "",
            wanted: Wanted::Same(expected.as_content()),
            keep_lock: false,
        };
        Box::pin(self.change(write, change, ttl))
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>> {
        Box::pin(async move {
            let mut command = Cmd::new();
            command.arg("SET").arg(self.key(id)).arg(&bytes[..]);
            command.arg(&["NX", "PX"]).arg(millis(ttl));
            let command = &command;
            let stored: Option<String> = self
                .run("create the session", |mut link| async move {
                    command.query_async(&mut link).await
                })
                .await?;
            Ok(match stored {
                Some(_) => Created::Stored(version(&bytes)),
                None => Created::Exists,
            })
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let keys = [&*self.lock_key(lease.id())];
            let ttl = millis(lease.ttl()).to_string();
            let arguments = [lease.token().as_str().as_bytes(), ttl.as_bytes()];
            let script = &self.0.scripts.renew;
            let renewed: i64 = self
                .script("renew the lock", script, &keys, &arguments)
                .await?;
            Ok(renewed == 1)
        })
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.unlock(lease.id(), lease.token()).await })
    }

    fn purge_expired(&self, _budget: usize) -> BoxFuture<'_, Result<u64>> {
        // Redis does it.
        Box::pin(async { Ok(0) })
    }

    fn list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.scan(limit))
    }
}

impl FreeByToken for RedisBackend {
    async fn free_by_token(&self, id: &SessionId, token: &Token) {
        let _ = self.unlock(id, token).await;
    }
}

fn entry(content: Vec<u8>) -> Entry {
    let content = Bytes::from(content);
    let version = version(&content);
    Entry::new(content, version)
}

fn version(content: &Bytes) -> Version {
    Version::content(mark(content))
}

/// At least one: Redis refuses a life of zero.
fn millis(duration: Duration) -> u64 {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    millis.clamp(1, MAX_MILLIS)
}

impl fmt::Debug for RedisBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackend")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

/// A thousand years; Redis adds the current time and must not overflow.
const MAX_MILLIS: u64 = 1000 * 365 * 86_400 * 1000;
