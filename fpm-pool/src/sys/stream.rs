//! A socket that is watched for one direction, and reading without filling
//! the buffer first.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, ReadBuf};

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

/// Reads once into what is left of `buffer`; 0 at the end of the input.
pub(crate) fn read_into(from: impl AsFd, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
    #[expect(unsafe_code, reason = "the room left is not initialised")]
    // SAFETY: nothing that was initialised is made otherwise: `read` only
    // writes to it.
    let room = unsafe { buffer.unfilled_mut() };
    #[expect(unsafe_code, reason = "as above")]
    // SAFETY: the pointer and the length are those of `room`, which `read`
    // only writes to.
    let count = unsafe {
        libc::read(
            from.as_fd().as_raw_fd(),
            room.as_mut_ptr().cast(),
            room.len(),
        )
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    #[expect(unsafe_code, reason = "the kernel initialised these bytes")]
    // SAFETY: `read` wrote `count` bytes, at most the room left.
    unsafe {
        buffer.assume_init(count);
    }
    buffer.advance(count);
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::mem::MaybeUninit;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn reads_append_and_take_no_more_than_there_is_room() {
        let (mut there, here) = UnixStream::pair().unwrap();
        let mut bytes = [MaybeUninit::uninit(); 64];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        buffer.put_slice(b"<");
        there.write_all(&[b'x'; 63 + 5]).unwrap();
        assert_eq!(read_into(&here, &mut buffer).unwrap(), 63);
        assert!(buffer.filled().starts_with(b"<xxx") && buffer.remaining() == 0);
        buffer.clear();
        assert_eq!(read_into(&here, &mut buffer).unwrap(), 5);
        drop(there);
        assert_eq!(read_into(&here, &mut buffer).unwrap(), 0);
        assert_eq!(buffer.filled(), b"xxxxx");
    }
}
