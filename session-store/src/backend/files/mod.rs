//! PHP's own session files, shared with PHP.

mod facts;
mod layout;
mod locked;
mod scan;
mod wait;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use self::facts::Facts;
pub use self::layout::FilesLayout;
use self::locked::{Granted, LockedFile};
use self::wait::Waiters;
use crate::backend::errno;
use crate::{
    Backend, BoxFuture, Caps, Change, Clock, CommitOptions, Committed, Created, Entry, Error,
    ErrorKind, Lease, Limits, LockKind, LockOptions, ReadOptions, Result, SessionId, Token,
    Version,
};

/// PHP's `files` save handler: the same files, the same `flock`.
///
/// PHP and this exclude each other. Beyond PHP: a file deleted while a
/// request waited is noticed, a full disk leaves the old session, an expired
/// session is not served, and collecting spares sessions in use.
///
/// A session lives for the lifetime given here after its last write or
/// touch. Another time to live is kept by moving the modification time.
///
/// Run it as the user that PHP runs as: PHP refuses files of other users
/// than root and itself, whatever their mode.
///
/// System calls run on the calling thread: from the page cache each takes a
/// microsecond or two, a fraction of what handing it to another thread costs.
/// Only waiting for a lock and walking the folder leave the thread.
///
/// # Examples
///
/// ```
/// use session_store::backend::{Files, FilesLayout};
/// use session_store::{SessionId, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let store = Store::new(Files::new(FilesLayout::new(folder.path())));
/// let id = SessionId::parse("abc")?;
/// assert!(store.lock(&id).await?.commit("user|i:7;").await?.is_done());
/// assert_eq!(std::fs::read(folder.path().join("sess_abc"))?, b"user|i:7;");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Files {
    layout: FilesLayout,
    name: String,
    lifetime: Duration,
    clock: Clock,
    max_bytes: usize,
    waiters: Waiters,
}

impl Files {
    /// Sessions that live for 1440 seconds, PHP's default.
    pub fn new(layout: FilesLayout) -> Self {
        Self {
            name: layout.name(),
            layout,
            lifetime: Duration::from_secs(1440),
            clock: Clock::system(),
            max_bytes: Limits::default().max_session_bytes,
            waiters: Waiters::new(),
        }
    }

    /// The life of a session: PHP's `session.gc_maxlifetime`.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    fn fail(&self, action: &'static str) -> impl Fn(io::Error) -> Error {
        move |error| {
            if error.kind() == io::ErrorKind::FileTooLarge {
                let error = Error::new(ErrorKind::TooLarge, self.name.clone(), action);
                return error.with_source("the file is larger than the limit");
            }
            if error.raw_os_error().is_none() && error.kind() == io::ErrorKind::PermissionDenied {
                let denied = Error::new(ErrorKind::Denied, self.name.clone(), action);
                return denied.with_source(error);
            }
            Error::new(errno::kind(&error), self.name.clone(), action).with_source(error)
        }
    }

    fn read(&self, path: &Path, touch: Option<Duration>) -> io::Result<Option<Entry>> {
        let Some(file) = locked::open_to_read(path)? else {
            // Without the folder there is no telling whether the session exists.
            std::fs::metadata(&self.layout.base)?;
            return Ok(None);
        };
        // A holder writes only at its end, so what stands there is whole;
        // if it writes just now, two readings differ.
        let is_free = file.try_lock_shared().is_ok();
        let mut facts = Facts::of(&file)?;
        facts.check_owner()?;
        let mut bytes = locked::read(&file, &facts, self.max_bytes)?;
        for _ in 0..if is_free { 0 } else { MAX_READINGS } {
            std::thread::yield_now();
            facts = Facts::of(&file)?;
            let again = locked::read(&file, &facts, self.max_bytes)?;
            if again == bytes {
                break;
            }
            bytes = again;
        }
        let Some(remaining) = self.remaining(facts.modified()) else {
            return Ok(None);
        };
        if let Some(ttl) = touch {
            file.set_modified(self.modified_for(ttl))?;
        }
        let version = Version::content(bytes.clone());
        Ok(Some(Entry::new(bytes, version).with_remaining(remaining)))
    }

    async fn lock(
        &self,
        mut path: PathBuf,
        options: &LockOptions,
    ) -> Result<(LockedFile, SystemTime)> {
        let fail = self.fail("lock session");
        loop {
            let (file, granted) = match locked::open_to_write(&path).map_err(&fail)? {
                Some(file) if locked::try_lock(&file).map_err(&fail)? => (file, Granted::AtOnce),
                Some(file) => match self.waiters.lock(file, options).await.map_err(&fail)? {
                    Some(file) => (file, Granted::Later),
                    None => return Err(self.lock_timeout()),
                },
                None => match self.make(&path).map_err(&fail)? {
                    Some(file) => (file, Granted::Made),
                    None => continue,
                },
            };
            let adopted = LockedFile::adopt(file, path, granted, self.max_bytes);
            match adopted.map_err(&fail)? {
                Ok(locked) => return Ok(locked),
                Err(elsewhere) => path = elsewhere,
            }
        }
    }

    fn lock_timeout(&self) -> Error {
        Error::new(ErrorKind::LockTimeout, self.name.clone(), "lock session")
    }

    fn make(&self, path: &Path) -> io::Result<Option<std::fs::File>> {
        let mode = self.layout.mode;
        match locked::make_locked(path, mode) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.layout.make_folders(path).map_err(|_| error)?;
                locked::make_locked(path, mode)
            }
            made => made,
        }
    }

    /// What a locked file holds: no session if it is a placeholder or expired.
    fn entry(&self, file: &LockedFile, modified: SystemTime) -> Option<Entry> {
        if file.is_placeholder() {
            return None;
        }
        let remaining = self.remaining(modified)?;
        let version = Version::content(file.bytes.clone());
        Some(Entry::new(file.bytes.clone(), version).with_remaining(remaining))
    }

    fn write(&self, file: &mut LockedFile, change: Change, ttl: Duration) -> io::Result<Committed> {
        match change {
            Change::Put(bytes) => {
                file.write(bytes)?;
                if ttl != self.lifetime || self.clock.is_manual() {
                    file.set_modified(self.modified_for(ttl))?;
                }
            }
            Change::Touch => file.set_modified(self.modified_for(ttl))?,
            Change::Delete => {
                file.delete()?;
                return Ok(Committed::Deleted);
            }
        }
        Ok(Committed::Stored(Version::content(file.bytes.clone())))
    }

    /// The modification time of a session that lives for `ttl` from now.
    fn modified_for(&self, ttl: Duration) -> SystemTime {
        let now = self.clock.now();
        (now + ttl)
            .checked_sub(self.lifetime)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// How long a session lives; `None` if it is expired.
    fn remaining(&self, modified: SystemTime) -> Option<Duration> {
        (modified + self.lifetime)
            .duration_since(self.clock.now())
            .ok()
    }

    /// Locks for a single step of this process.
    async fn lock_now(&self, id: &SessionId) -> Result<(LockedFile, Option<Entry>)> {
        let options = LockOptions::until(std::time::Instant::now() + SHORT_WAIT);
        let (file, modified) = self.lock(self.layout.path(id)?, &options).await?;
        let entry = self.entry(&file, modified);
        Ok((file, entry))
    }

    async fn walk<T: Send + 'static>(
        &self,
        action: &'static str,
        walk: impl FnOnce(&FilesLayout, Duration, SystemTime) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (layout, lifetime, now) = (self.layout.clone(), self.lifetime, self.clock.now());
        let walked = tokio::task::spawn_blocking(move || walk(&layout, lifetime, now)).await;
        walked
            .unwrap_or_else(|panic| Err(io::Error::other(panic)))
            .map_err(self.fail(action))
    }
}

/// Readings beside a holder that keeps writing, before the last one counts.
const MAX_READINGS: usize = 20;

/// How long `create` and `put_if` wait for a holder.
const SHORT_WAIT: Duration = Duration::from_secs(4);

impl Backend for Files {
    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        let mut caps = Caps::new(LockKind::OwnedByConnection);
        caps.cas = true;
        caps.touch = true;
        caps.list = true;
        caps.durable = true;
        caps.php_layout = true;
        caps
    }

    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move {
            let path = self.layout.path(id)?;
            self.read(&path, options.touch)
                .map_err(self.fail("read session"))
        })
    }

    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>> {
        Box::pin(async move {
            let path = self.layout.path(id)?;
            let (file, modified) = self.lock(path, &options).await?;
            let entry = self.entry(&file, modified);
            let base = entry.as_ref().map(|entry| entry.version.clone());
            let lease = Lease::new(id.clone(), Token::random(), options.lease, base);
            Ok((lease.with_guard(file), entry))
        })
    }

    fn commit<'a>(
        &'a self,
        lease: &'a mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move {
            let fail = self.fail("write session");
            let known = lease.base().is_some();
            let Some(file) = lease.guard_mut::<LockedFile>() else {
                return Ok(Committed::Conflict);
            };
            let outcome = if !file.is_in_place().map_err(&fail)? {
                // Deleted beside the lock, by PHP's collector for instance.
                match change {
                    Change::Delete => Committed::Deleted,
                    _ if known => Committed::Gone,
                    _ => Committed::Conflict,
                }
            } else if !known && change == Change::Touch {
                Committed::Gone
            } else {
                self.write(file, change, options.ttl).map_err(&fail)?
            };
            lease.set_base(outcome.stored().cloned());
            if !options.keep_lease || !outcome.is_done() {
                lease.take_guard::<LockedFile>();
            }
            Ok(outcome)
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
            let (mut file, entry) = self.lock_now(id).await?;
            match entry {
                None if change == Change::Delete => Ok(Committed::Deleted),
                None => Ok(Committed::Gone),
                Some(entry) if entry.version != *expected => Ok(Committed::Conflict),
                Some(_) => self
                    .write(&mut file, change, ttl)
                    .map_err(self.fail("write session")),
            }
        })
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>> {
        Box::pin(async move {
            let (mut file, entry) = self.lock_now(id).await?;
            if entry.is_some() {
                return Ok(Created::Exists);
            }
            let written = self.write(&mut file, Change::Put(bytes), ttl);
            Ok(match written.map_err(self.fail("create session"))? {
                Committed::Stored(version) => Created::Stored(version),
                _ => Created::Exists,
            })
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(lease.guard::<LockedFile>().is_some()) })
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>> {
        drop(lease);
        Box::pin(async { Ok(()) })
    }

    fn purge_expired(&self, budget: usize) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.walk("purge sessions", move |layout, lifetime, now| {
            scan::purge(layout, budget, lifetime, now)
        }))
    }

    fn list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.walk("list sessions", move |layout, lifetime, now| {
            scan::names(layout, limit, lifetime, now)
        }))
    }
}
