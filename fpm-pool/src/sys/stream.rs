//! A socket that is watched for one direction, and reading without filling
//! the buffer first.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use bytes::{BufMut, BytesMut};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has the runtime watch a non-blocking socket for `interest` alone.
pub(crate) fn watch(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    #[expect(
        unsafe_code,
        reason = "the descriptor must stay open while it is watched"
    )]
    // SAFETY: a `UnixStream` owns its descriptor until it is dropped, and
    // nobody but the `AsyncFd` can drop it.
    let watched = unsafe { AsyncFd::register_with_interest(socket, interest) };
    Ok(watched?)
}

/// Has the runtime watch a non-blocking descriptor for input; gives it back
/// with the error if that cannot be.
pub(crate) fn watch_output(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, (OwnedFd, io::Error)> {
    #[expect(
        unsafe_code,
        reason = "the descriptor must stay open while it is watched"
    )]
    // SAFETY: an `OwnedFd` is open until it is dropped, and nobody but the
    // `AsyncFd` can drop it.
    let watched = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    watched.map_err(tokio::io::unix::AsyncFdRegisterError::into_parts)
}

/// Reads once into the spare capacity of `buffer`; 0 at the end of the input.
pub(crate) fn read_into(from: impl AsFd, buffer: &mut BytesMut) -> io::Result<usize> {
    let spare = buffer.spare_capacity_mut();
    #[expect(unsafe_code, reason = "the spare capacity is not initialised")]
    // SAFETY: the pointer and the length are those of `spare`, which `read`
    // only writes to.
    let count = unsafe {
        libc::read(
            from.as_fd().as_raw_fd(),
            spare.as_mut_ptr().cast(),
            spare.len(),
        )
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    #[expect(unsafe_code, reason = "the kernel initialised these bytes")]
    // SAFETY: `read` wrote `count` bytes, at most the spare capacity.
    unsafe {
        buffer.advance_mut(count);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn reads_append_and_take_no_more_than_there_is_room() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut buffer = BytesMut::with_capacity(64);
        buffer.extend_from_slice(b"<");
        let room = buffer.capacity() - 1;
        there.write_all(&vec![b'x'; room + 5]).unwrap();
        assert_eq!(read_into(&here, &mut buffer).unwrap(), room);
        assert!(buffer.starts_with(b"<xxx") && buffer.len() == room + 1);
        buffer.reserve(5);
        assert_eq!(read_into(&here, &mut buffer).unwrap(), 5);
        drop(there);
        assert_eq!(read_into(&here, &mut buffer).unwrap(), 0);
    }
}
