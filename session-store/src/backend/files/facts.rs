//! What the file system knows about a session file.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::stat::{FileStat, SFlag, fstat, lstat};

/// `fstat` and `lstat`: less to copy than std's `statx`, twice per request.
#[derive(Clone, Copy)]
pub(super) struct Facts(FileStat);

/// What tells a file from every other; no other file gets these numbers
/// while this one is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    device: u64,
    inode: u64,
}

/// A moment at which a file's links, name or content changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Moment {
    seconds: i64,
    nanos: i64,
}

impl Facts {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Ok(Self(fstat(file)?))
    }

    /// What stands at a path, a link itself and not where it leads.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self(lstat(path)?))
    }

    pub(super) fn place(&self) -> Place {
        Place {
            device: self.0.st_dev,
            inode: self.0.st_ino,
        }
    }

    /// How many names lead to the file.
    pub(super) fn links(&self) -> u64 {
        self.0.st_nlink
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.0.st_size).unwrap_or(0)
    }

    /// Bytes set aside for it.
    pub(super) fn allocated(&self) -> u64 {
        u64::try_from(self.0.st_blocks)
            .unwrap_or(0)
            .saturating_mul(BLOCK)
    }

    /// The time from which PHP counts the session's age.
    pub(super) fn modified(&self) -> SystemTime {
        let nanos = Duration::from_nanos(u64::try_from(self.0.st_mtime_nsec).unwrap_or(0));
        let seconds = Duration::from_secs(self.0.st_mtime.unsigned_abs());
        let whole = if self.0.st_mtime < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(seconds)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(seconds)
        };
        whole
            .and_then(|whole| whole.checked_add(nanos))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// When the file was last written, linked, unlinked or renamed.
    pub(super) fn changed(&self) -> Moment {
        Moment {
            seconds: self.0.st_ctime,
            nanos: self.0.st_ctime_nsec,
        }
    }

    /// Whether the file is one that PHP would serve: regular, and owned by
    /// root or this user, unless this process is root.
    pub(super) fn check_owner(&self) -> io::Result<()> {
        let kind = SFlag::from_bits_truncate(self.0.st_mode) & SFlag::S_IFMT;
        let denied = |what| Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        if kind != SFlag::S_IFREG {
            return denied("the session is not a regular file");
        }
        if self.0.st_uid == 0 {
            return Ok(());
        }
        let me = nix::unistd::geteuid().as_raw();
        if self.0.st_uid != me && me != 0 {
            return denied("the session file belongs to another user");
        }
        Ok(())
    }
}

/// The unit that `stat` counts blocks in, on every file system.
const BLOCK: u64 = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_times_too() {
        let file = tempfile::tempfile().unwrap();
        for time in [
            SystemTime::UNIX_EPOCH - Duration::from_millis(1500),
            SystemTime::UNIX_EPOCH + Duration::from_millis(1500),
        ] {
            file.set_modified(time).unwrap();
            assert_eq!(Facts::of(&file).unwrap().modified(), time);
        }
    }

    #[test]
    fn renaming_and_unlinking_leave_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        let file = File::create(&here).unwrap();
        let old = SystemTime::UNIX_EPOCH;
        file.set_modified(old).unwrap();
        let first = Facts::of(&file).unwrap();
        assert_eq!(first.place(), Facts::at(&here).unwrap().place());
        while Facts::of(&file).unwrap().changed() == first.changed() {
            // The clock of file systems ticks every few milliseconds.
            std::fs::rename(&here, &there).unwrap();
            std::fs::rename(&there, &here).unwrap();
        }
        std::fs::remove_file(&here).unwrap();
        assert_eq!(Facts::of(&file).unwrap().links(), 0);
    }
}
