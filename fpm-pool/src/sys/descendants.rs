//! Ending all that a worker has started.
//!
//! The guard uses this after a fork: nothing here allocates, takes a lock or
//! can panic.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::libc::{self, c_int, pid_t};
use nix::unistd::getpid;

use super::mark::worker_of;

/// Room for some 200 entries of `/proc` at a time.
const ENTRIES: usize = 8 << 10;
/// Bytes of an entry before its name: inode, offset, length, type.
const NAME_AT: usize = 19;

/// Kills the living descendants of all workers that `wanted` says yes to, and
/// them, and tells `found` the worker of each; one that was killed before and
/// is still on its way out is found again. `wanted` is told the worker and the
/// process.
///
/// `proc_dir` is a descriptor of `/proc` that nobody else reads from now.
pub(super) fn kill_wanted(
    proc_dir: RawFd,
    wanted: &dyn Fn(pid_t, pid_t) -> bool,
    found: &mut dyn FnMut(pid_t),
) -> Result<(), Errno> {
    let own = getpid().as_raw();
    for_each_process(proc_dir, &mut |process| {
        let worker = worker_of(proc_dir, process);
        if worker > 0
            && process != own
            && wanted(worker, process)
            && kill_descendant(proc_dir, process, worker)
        {
            found(worker);
        }
    })
}

/// [`kill_wanted`] for those who are not the guard.
pub(crate) fn kill_descendants(
    proc_dir: BorrowedFd<'_>,
    wanted: &dyn Fn(pid_t, pid_t) -> bool,
    found: &mut dyn FnMut(pid_t),
) -> io::Result<()> {
    Ok(kill_wanted(proc_dir.as_raw_fd(), wanted, found)?)
}

/// Kills a process if it lives and has that worker's mark; whether it did.
fn kill_descendant(proc_dir: RawFd, process: pid_t, worker: pid_t) -> bool {
    let has_mark = || worker_of(proc_dir, process) == worker;
    #[expect(unsafe_code, reason = "nix has no pidfd_open")]
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    let Ok(fd) = c_int::try_from(fd) else {
        return false;
    };
    if fd < 0 {
        return match Errno::last() {
            // No descriptor for it: the number alone is a moment less sure.
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM if has_mark() => {
                #[expect(unsafe_code, reason = "must not allocate")]
                // SAFETY: takes numbers only.
                unsafe {
                    libc::kill(process, libc::SIGKILL);
                }
                true
            }
            _ => false,
        };
    }
    // Asked again now that the descriptor holds the process: the number may
    // have been another's before.
    let still = has_mark();
    let lives = still && !is_over(fd);
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: numbers, null pointers that the calls allow, and a descriptor
    // that was opened above and is not used again.
    unsafe {
        if lives {
            let nothing: *const libc::siginfo_t = std::ptr::null();
            libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGKILL, nothing, 0);
        } else if still && process != worker {
            // Its parent is gone; ours it is if we are everybody's, as the
            // first process of a container is, or asked to be. The worker's
            // end is for others to know.
            let nowhere = std::ptr::null_mut();
            libc::waitpid(process, nowhere, libc::WNOHANG | libc::__WALL);
        }
        libc::close(fd);
    }
    lives
}

/// Whether the process behind a pidfd has ended.
fn is_over(fd: RawFd) -> bool {
    let mut poll = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: one entry, which outlives the call.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready > 0
}

/// Tells `visit` the number of every process that `/proc` lists.
fn for_each_process(proc_dir: RawFd, visit: &mut dyn FnMut(pid_t)) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: takes numbers only.
    let start = unsafe { libc::lseek(proc_dir, 0, libc::SEEK_SET) };
    Errno::result(start)?;
    let mut buffer = [0_u64; ENTRIES / 8];
    loop {
        #[expect(unsafe_code, reason = "neither std nor nix lists without allocating")]
        // SAFETY: the kernel writes at most `ENTRIES` bytes, which the buffer
        // has, and numbers have no invalid values.
        let filled =
            unsafe { libc::syscall(libc::SYS_getdents64, proc_dir, buffer.as_mut_ptr(), ENTRIES) };
        let filled = usize::try_from(Errno::result(filled)?).unwrap_or(0);
        if filled == 0 {
            return Ok(());
        }
        #[expect(unsafe_code, reason = "must not allocate")]
        // SAFETY: the same memory as bytes; any alignment and value will do.
        let bytes = unsafe {
            std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), filled.min(ENTRIES))
        };
        entries(bytes, visit);
    }
}

/// Tells `visit` the names that are numbers (`struct linux_dirent64`).
fn entries(mut bytes: &[u8], visit: &mut dyn FnMut(pid_t)) {
    while let (Some(&[low, high]), Some(name)) = (
        bytes.get(16..18).and_then(|len| len.first_chunk::<2>()),
        bytes.get(NAME_AT..),
    ) {
        if let Some(process) = number(name) {
            visit(process);
        }
        let len = usize::from(u16::from_ne_bytes([low, high]));
        match bytes.get(len..) {
            Some(rest) if len > 0 => bytes = rest,
            _ => return,
        }
    }
}

/// A name of digits up to its NUL.
fn number(name: &[u8]) -> Option<pid_t> {
    let mut number: pid_t = 0;
    for (place, &byte) in name.iter().enumerate() {
        match byte {
            0 if place > 0 => return Some(number),
            b'0'..=b'9' => {
                number = number
                    .checked_mul(10)?
                    .checked_add(pid_t::from(byte - b'0'))?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn every_process_is_visited_once() {
        let proc_dir = File::open("/proc").unwrap();
        for _ in 0..2 {
            let mut seen = Vec::new();
            for_each_process(proc_dir.as_raw_fd(), &mut |process| seen.push(process)).unwrap();
            let own = i32::try_from(std::process::id()).unwrap();
            assert_eq!(seen.iter().filter(|&&process| process == own).count(), 1);
            assert!(seen.iter().all(|&process| process > 0));
        }
    }

    #[test]
    fn names_that_are_no_numbers_are_left_out() {
        assert_eq!(number(b"12\0"), Some(12));
        assert_eq!(number(b"\0"), None);
        assert_eq!(number(b"1x\0"), None);
        assert_eq!(number(b"99999999999\0"), None);
        assert_eq!(number(b"12"), None);
        let mut none = |_| panic!("there is none");
        entries(&[0; 40], &mut none);
        entries(&[1; 18], &mut none);
    }
}
