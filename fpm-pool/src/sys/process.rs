//! Processes by descriptor.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::ExitReason;

/// A process of our own by a descriptor that becomes readable when it ends.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// Opens a process that has been started here and not been waited for.
    pub(crate) fn open(pid: Pid) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "nix has no pidfd_open")]
        // SAFETY: takes numbers only.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        let fd = RawFd::try_from(Errno::result(fd)?).map_err(io::Error::other)?;
        #[expect(unsafe_code, reason = "pidfd_open returns a bare number")]
        // SAFETY: the descriptor is new, and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self(fd))
    }

    /// Has the runtime watch it.
    pub(crate) fn watch(this: Arc<Self>) -> io::Result<AsyncFd<Arc<Self>>> {
        #[expect(unsafe_code, reason = "the runtime keeps the bare number")]
        // SAFETY: the descriptor is opened once, never replaced, and closed
        // only when the last owner is gone, of whom the runtime is one.
        let fd = unsafe { AsyncFd::register_with_interest(this, Interest::READABLE) };
        Ok(fd?)
    }

    /// Whether the process has ended; it stays, and keeps its number.
    pub(crate) fn is_over(&self) -> io::Result<bool> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        loop {
            match waitid(Id::PIDFd(self.as_fd()), flags) {
                Ok(WaitStatus::StillAlive) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the end of the process for a while; whether it came. Blocks.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, limit).is_ok_and(|ready| ready > 0)
    }

    /// How the process ended, once it has; it is gone afterwards.
    pub(crate) fn reap(&self) -> io::Result<Option<ExitReason>> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        loop {
            match waitid(Id::PIDFd(self.as_fd()), flags) {
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(WaitStatus::Exited(_, code)) => return Ok(Some(ExitReason::Exited(code))),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    return Ok(Some(ExitReason::Signaled(signal as i32)));
                }
                Ok(_) => return Ok(Some(ExitReason::Unknown)),
                Err(Errno::EINTR) => {}
                // Somebody else in this program has waited for it.
                Err(Errno::ECHILD) => return Ok(Some(ExitReason::Unknown)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PidFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Ends both directions of a connection, for all that hold it.
pub(crate) fn shut_down_socket(socket: &OwnedFd) {
    // It fails when the peer was faster, which is the same to us.
    let _ = shutdown(socket.as_raw_fd(), Shutdown::Both);
}
