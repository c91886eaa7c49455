//! The mark by which all descendants of a worker are known, whatever process
//! group they move to and whoever becomes their parent.
//!
//! Every process inherits its resource limits, and hardly any changes the one
//! for the processor time of real-time processes between two waits: a worker's
//! is a number so high that it limits nothing, made of its process id and its
//! session. A session of its own for each worker would tell the same, but the
//! kernel's scheduler gives each session an equal share of the processors
//! (`sched(7)`, autogroup): beside its workers' sessions a busy supervisor
//! would come to half of its speed.
//!
//! The guard uses this after a fork: nothing here allocates, takes a lock or
//! can panic.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc::{self, pid_t, rlim_t};
use nix::unistd::{Pid, getpid, getsid};

/// Set in every mark: 146,000 years in microseconds.
const MARKED: rlim_t = 1 << 62;
/// As many as a process id may have (`PID_MAX_LIMIT`).
const BITS: u32 = 22;
const MASK: rlim_t = (1 << BITS) - 1;

/// The line of `/proc/PID/limits` with the mark (`proc(5)`).
const LINE: &[u8] = b"Max realtime timeout";
/// That file has some 1,300 bytes.
const LIMITS_BYTES: usize = 4096;

/// Marks the calling process, fresh from the fork, as a worker. Returns its
/// process id.
pub(super) fn set() -> io::Result<Pid> {
    let worker = getpid();
    let session = getsid(None)?;
    let mut limit = limit_of(0).map_err(io::Error::from)?;
    limit.rlim_cur = MARKED | number(session.as_raw()) << BITS | number(worker.as_raw());
    #[expect(unsafe_code, reason = "nix has no RLIMIT_RTTIME")]
    // SAFETY: reads the limit, which outlives the call.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_RTTIME, &raw const limit) };
    Errno::result(set)?;
    Ok(worker)
}

fn number(id: pid_t) -> rlim_t {
    rlim_t::from(id.unsigned_abs()) & MASK
}

/// The worker that a process is or descends from, 0 if there is none, or if
/// it has left on purpose: for another session than the worker's.
///
/// `proc_dir` is a descriptor of `/proc`.
pub(super) fn worker_of(proc_dir: RawFd, process: pid_t) -> pid_t {
    let mark = match limit_of(process) {
        Ok(limit) => limit.rlim_cur,
        // Another user's, and the right to see its limits was taken from us.
        Err(Errno::EPERM) => read_mark(proc_dir, process),
        Err(_) => 0,
    };
    if mark & MARKED == 0 || mark == libc::RLIM_INFINITY {
        return 0;
    }
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: takes a number only.
    let session = unsafe { libc::getsid(process) };
    if session < 0 || number(session) != (mark >> BITS) & MASK {
        return 0;
    }
    pid_t::try_from(mark & MASK).unwrap_or(0)
}

/// The limit of a process, or the caller's for 0.
fn limit_of(process: pid_t) -> Result<libc::rlimit, Errno> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    #[expect(unsafe_code, reason = "nix has no prlimit")]
    // SAFETY: the call writes the limit, or fails.
    let limit = unsafe {
        let read = libc::prlimit(
            process,
            libc::RLIMIT_RTTIME,
            std::ptr::null(),
            limit.as_mut_ptr(),
        );
        Errno::result(read)?;
        limit.assume_init()
    };
    Ok(limit)
}

/// The mark as `/proc` shows it to everybody, 0 if there is none.
fn read_mark(proc_dir: RawFd, process: pid_t) -> rlim_t {
    let mut path = [0_u8; 24];
    if !write_path(&mut path, process) {
        return 0;
    }
    let mut text = [0_u8; LIMITS_BYTES];
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: `path` ends with a NUL, and `text` has room for what is read;
    // the descriptor is closed once.
    let length = unsafe {
        let fd = libc::openat(
            proc_dir,
            path.as_ptr().cast(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        );
        if fd < 0 {
            return 0;
        }
        let length = libc::read(fd, text.as_mut_ptr().cast(), text.len());
        libc::close(fd);
        length
    };
    let length = usize::try_from(length).unwrap_or(0);
    find_mark(text.get(..length).unwrap_or_default())
}

/// Writes `PID/limits` and a NUL.
fn write_path(path: &mut [u8; 24], process: pid_t) -> bool {
    let mut digits = [0_u8; 10];
    let mut rest = process.unsigned_abs();
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        // Below 10.
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    let number = digits.iter().skip(digits.len() - count);
    let bytes = number.chain(b"/limits\0");
    let mut written = false;
    for (to, from) in path.iter_mut().zip(bytes) {
        *to = *from;
        written = *from == 0;
    }
    written
}

/// The first number of the line, which is the soft limit.
fn find_mark(text: &[u8]) -> rlim_t {
    let mut lines = text.split(|&byte| byte == b'\n');
    let Some(rest) = lines.find_map(|line| line.strip_prefix(LINE)) else {
        return 0;
    };
    let mut mark: rlim_t = 0;
    for &byte in rest.trim_ascii_start() {
        if !byte.is_ascii_digit() {
            break;
        }
        let digit = rlim_t::from(byte - b'0');
        mark = mark.saturating_mul(10).saturating_add(digit);
    }
    mark
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::os::fd::AsRawFd;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use nix::sys::signal::{Signal, kill};

    use super::*;

    fn marked(program: &str) -> Command {
        let mut command = Command::new(program);
        #[expect(unsafe_code, reason = "runs in the forked process")]
        // SAFETY: `set` makes system calls only.
        unsafe {
            command.pre_exec(|| set().map(drop));
        }
        command
    }

    #[test]
    fn what_a_worker_starts_has_its_mark() {
        let proc_dir = File::open("/proc").unwrap();
        let mut worker = marked("sh")
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(worker.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let child: pid_t = line.trim().parse().unwrap();
        let id = pid_t::try_from(worker.id()).unwrap();
        for process in [id, child] {
            assert_eq!(worker_of(proc_dir.as_raw_fd(), process), id);
            let mark = read_mark(proc_dir.as_raw_fd(), process);
            assert_eq!(
                mark,
                limit_of(process).unwrap().rlim_cur,
                "both ways to read it"
            );
        }
        let own = getpid().as_raw();
        assert_eq!(worker_of(proc_dir.as_raw_fd(), own), 0);
        worker.kill().unwrap();
        worker.wait().unwrap();
        kill(Pid::from_raw(child), Signal::SIGKILL).unwrap();
    }

    #[test]
    fn limits_that_are_no_mark_are_left_out() {
        let line = |value: &str| format!("Limit   Soft\nMax realtime timeout      {value} us\n");
        assert_eq!(
            find_mark(line("4611686018427387904  unlimited").as_bytes()),
            MARKED
        );
        assert_eq!(find_mark(line("unlimited").as_bytes()), 0);
        assert_eq!(find_mark(b""), 0);
    }

    #[test]
    fn paths_end_with_nul() {
        for (process, path) in [(1, "1/limits\0"), (4_194_303, "4194303/limits\0")] {
            let mut buffer = [0xff; 24];
            assert!(write_path(&mut buffer, process));
            assert!(buffer.starts_with(path.as_bytes()));
        }
    }
}
