//! Why a database file cannot be written.
//!
//! SQLite reports every failure of its file system as one of a few I/O
//! errors and keeps the cause to itself, so the file system is asked again.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::libc::O_TMPFILE;

use crate::ErrorKind;
use crate::backend::errno;

/// As much as a journal's first write takes.
const PROBE_BYTES: usize = 8192;

/// How much further than its end a transaction may have written.
const REACH: u64 = 1 << 20;

/// What stands in the way of writing the file at `path`, or beside it;
/// `None` if nothing does any more.
///
/// The probe has no name and leaves nothing behind.
pub(super) fn obstacle(path: &Path) -> Option<ErrorKind> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A file as long as this one would be meets the same limits.
    let end = std::fs::metadata(path).map_or(0, |metadata| metadata.len()) + REACH;
    let probed = OpenOptions::new()
        .write(true)
        .custom_flags(O_TMPFILE)
        .open(folder)
        .and_then(|probe| probe.write_all_at(&[b'x'; PROBE_BYTES], end));
    let error = probed.err()?;
    Some(errno::kind(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(obstacle(&folder.path().join("a.db")), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let missing = folder.path().join("no/a.db");
        assert_eq!(obstacle(&missing), Some(ErrorKind::Unavailable));
    }
}
