//! What an errno means for a session.

use std::io;

use nix::errno::Errno;

use crate::{Error, ErrorKind};

pub(super) fn kind(error: &io::Error) -> ErrorKind {
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

/// The error of a system call, under the name of the place.
pub(super) fn wrap(name: &str, action: &'static str, source: io::Error) -> Error {
    Error::new(kind(&source), name.to_owned(), action).with_source(source)
}
