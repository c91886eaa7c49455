//! What an errno means for a session.

use std::io;

use nix::errno::Errno;

use crate::ErrorKind;

pub(crate) fn kind(error: &io::Error) -> ErrorKind {
    let Some(errno) = error.raw_os_error().map(Errno::from_raw) else {
        return ErrorKind::Backend;
    };
    match errno {
        Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG => ErrorKind::Full,
        Errno::EROFS => ErrorKind::ReadOnly,
        // A symbolic link in place of a session is somebody's trap.
        Errno::EACCES | Errno::EPERM | Errno::ELOOP => ErrorKind::Denied,
        Errno::ENOENT | Errno::ENOTDIR | Errno::EIO | Errno::ESTALE => ErrorKind::Unavailable,
        Errno::ETIMEDOUT => ErrorKind::Timeout,
        _ => ErrorKind::Backend,
    }
}
