//! Writing in place so that no failure truncates a session.
//!
//! PHP shares these files, so a new file cannot be renamed into place:
//! whoever waits for the lock has the old one open.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

/// Replaces `old`, the whole content of `file`, by `new`.
///
/// Space is reserved before the first byte changes, unless the file has
/// `allocated` enough already, and a shorter content is written before the
/// rest is cut off. If writing fails all the same, the old content is put
/// back into the space it already has.
pub(super) fn replace(file: &File, old: &[u8], new: &[u8], allocated: u64) -> io::Result<()> {
    if new.len() > old.len() && new.len() as u64 > allocated {
        reserve(file, old.len(), new.len())?;
    }
    let written = file.write_all_at(new, 0).and_then(|()| {
        if new.len() < old.len() {
            file.set_len(new.len() as u64)
        } else {
            Ok(())
        }
    });
    if let Err(error) = written {
        put_back(file, old);
        return Err(error);
    }
    Ok(())
}

/// Makes sure that the file can grow, without changing its length.
fn reserve(file: &File, from: usize, to: usize) -> io::Result<()> {
    let start = offset(from)?;
    let length = offset(to)? - start;
    match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, start, length) {
        Ok(()) => Ok(()),
        // File systems without it: the growth is tried first, byte by byte.
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => grow_first(file, from, to),
        Err(errno) => Err(errno.into()),
    }
}

/// Takes the space by writing zeros behind the content and cuts them off
/// again only if there is not enough.
fn grow_first(file: &File, from: usize, to: usize) -> io::Result<()> {
    let grown = file.write_all_at(&vec![0; to - from], from as u64);
    if grown.is_err() {
        file.set_len(from as u64)?;
    }
    grown
}

fn put_back(file: &File, old: &[u8]) {
    let back = file
        .write_all_at(old, 0)
        .and_then(|()| file.set_len(old.len() as u64));
    if let Err(error) = back {
        tracing::error!(%error, "a failed write could not be undone, the session may be damaged");
    }
}

fn offset(length: usize) -> io::Result<i64> {
    i64::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &File) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn longer_equal_and_shorter_contents_leave_no_remains() {
        let file = tempfile::tempfile().unwrap();
        let mut old: &[u8] = b"";
        for new in [&b"a|i:1;"[..], b"a|i:2;", b"a|i:2;b|N;", b"b|N;", b""] {
            replace(&file, old, new, 0).unwrap();
            assert_eq!(read(&file), new);
            old = new;
        }
    }

    #[test]
    fn reserving_by_hand_keeps_the_content_in_front() {
        let file = tempfile::tempfile().unwrap();
        replace(&file, b"", b"a|i:1;", 0).unwrap();
        grow_first(&file, 6, 10).unwrap();
        assert_eq!(read(&file), b"a|i:1;\0\0\0\0");
        put_back(&file, b"a|i:1;");
        assert_eq!(read(&file), b"a|i:1;");
    }
}
