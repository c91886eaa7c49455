//! One session file, open and locked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc::{O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_TMPFILE};
use nix::unistd::linkat;

use super::facts::{Facts, Moment, Place};

/// Holds the lock of a session until it is dropped.
#[derive(Debug)]
pub(super) struct LockedFile {
    file: File,
    path: PathBuf,
    place: Place,
    /// When it was known to be in its place, and had one link.
    in_place: Option<Moment>,
    /// Bytes that the file system has set aside for it.
    allocated: u64,
    /// What the file held when it was locked or last written.
    pub(super) bytes: Bytes,
    /// Made only to have something to lock: no session yet.
    placeholder: bool,
}

/// How a lock was granted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Granted {
    /// With the file, which this made.
    Made,
    /// Without waiting. A file that is deleted just then has no link left;
    /// one that is moved away just then is noticed by the commit, as it must
    /// be later too.
    AtOnce,
    /// After somebody else, who may have put another file in its place.
    Later,
}

/// Opens for reading; `None` if there is no such file.
pub(super) fn open_to_read(path: &Path) -> io::Result<Option<File>> {
    open(OpenOptions::new().read(true), path)
}

/// Opens for writing; `None` if there is no such file.
pub(super) fn open_to_write(path: &Path) -> io::Result<Option<File>> {
    open(OpenOptions::new().read(true).write(true), path)
}

/// Opens as PHP does, never through a link; and a FIFO in place of a session
/// must not stop anybody.
///
/// Nobody asks when a session was last read, but noting it costs a third of
/// reading one. Only the owner may ask for that.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<Option<File>> {
    let flags = O_NOFOLLOW | O_NONBLOCK;
    let mut opened = options.custom_flags(flags | O_NOATIME).open(path);
    if let Err(error) = &opened
        && error.raw_os_error() == Some(Errno::EPERM as i32)
    {
        opened = options.custom_flags(flags).open(path);
    }
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the file so that it appears in its place already locked; `None` if
/// somebody was faster.
///
/// A file that could be seen before it is locked could be taken by another
/// request for an existing, empty session.
pub(super) fn make_locked(path: &Path, mode: u32) -> io::Result<Option<File>> {
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    let mut nameless = OpenOptions::new();
    nameless.read(true).write(true).mode(mode);
    let file = nameless.custom_flags(O_TMPFILE).open(folder)?;
    file.lock()?;
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    let follow = AtFlags::AT_SYMLINK_FOLLOW;
    match linkat(AT_FDCWD, source.as_str(), AT_FDCWD, path, follow) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::EEXIST) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads up to `limit` bytes; more are an error.
pub(super) fn read(file: &File, facts: &Facts, limit: usize) -> io::Result<Bytes> {
    let length = usize::try_from(facts.len()).unwrap_or(usize::MAX);
    if length > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

/// Tries to lock without waiting.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl LockedFile {
    /// Takes over a file whose lock was just granted. `Err(path)` if that
    /// leads elsewhere by now: the file was deleted while this waited, so
    /// open it again. PHP does not look, and serves the dead data.
    pub(super) fn adopt(
        file: File,
        path: PathBuf,
        granted: Granted,
        limit: usize,
    ) -> io::Result<Result<(Self, SystemTime), PathBuf>> {
        let facts = Facts::of(&file)?;
        facts.check_owner()?;
        let place = facts.place();
        if facts.links() == 0 || (granted == Granted::Later && !is_at(place, &path)?) {
            return Ok(Err(path));
        }
        let locked = Self {
            bytes: read(&file, &facts, limit)?,
            in_place: (facts.links() == 1).then(|| facts.changed()),
            allocated: facts.allocated(),
            placeholder: granted == Granted::Made,
            file,
            path,
            place,
        };
        Ok(Ok((locked, facts.modified())))
    }

    /// Whether this made the file and nothing was stored yet.
    pub(super) fn is_placeholder(&self) -> bool {
        self.placeholder
    }

    /// Whether the session is still in its place.
    ///
    /// Taking away or moving a file's only name changes the file too, which
    /// is cheaper to see than to look its name up again.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        if let Some(then) = self.in_place {
            let facts = Facts::of(&self.file)?;
            if facts.links() == 1 && facts.changed() == then {
                return Ok(true);
            }
        }
        is_at(self.place, &self.path)
    }

    /// Replaces the content; whatever fails, the old content stays.
    pub(super) fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        super::write::replace(&self.file, &self.bytes, &bytes, self.allocated)?;
        if bytes.is_empty() && self.bytes.is_empty() {
            // Nothing was written that would have moved it.
            self.set_modified(SystemTime::now())?;
        }
        if bytes.len() < self.bytes.len() {
            // Cutting it off gave space back.
            self.allocated = 0;
        }
        self.bytes = bytes;
        self.placeholder = false;
        Ok(())
    }

    /// Sets the time from which PHP counts the session's age.
    pub(super) fn set_modified(&mut self, time: SystemTime) -> io::Result<()> {
        self.file.set_modified(time)
    }

    /// Unlinks the file while it is locked, then empties it for PHP
    /// processes that wait with the old file open: they would serve it.
    pub(super) fn delete(&mut self) -> io::Result<()> {
        self.placeholder = false;
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.file.set_len(0)
    }
}

/// An id that only asked for a lock must not exist afterwards.
impl Drop for LockedFile {
    fn drop(&mut self) {
        if self.placeholder
            && let Ok(true) = self.is_in_place()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "an empty session file stays behind");
        }
    }
}

/// Whether a path leads to this very file.
fn is_at(place: Place, path: &Path) -> io::Result<bool> {
    match Facts::at(path) {
        Ok(there) => Ok(there.place() == place),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
