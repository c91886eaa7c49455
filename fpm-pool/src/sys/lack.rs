//! Errors that say that something is missing here, not there.

use std::io;

/// Whether the error comes from a lack of descriptors or memory of our own,
/// or from a peer that has too many connections to accept: it passes, and
/// nothing is wrong with the peer.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    let lacks = [
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::ENOBUFS,
        // The most descriptors that a user may have watched.
        libc::ENOSPC,
        libc::EAGAIN,
    ];
    match error.raw_os_error() {
        Some(number) => lacks.contains(&number),
        None => error.kind() == io::ErrorKind::WouldBlock,
    }
}
