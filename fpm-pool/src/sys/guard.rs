//! The guard: a tiny process that ends the workers and all that they started
//! when the supervisor is gone, however suddenly.
//!
//! The kernel tells only the supervisor's own children of its death; what a
//! worker started would live on. The guard knows the workers from memory that
//! it shares with the supervisor, waits until that ends or lets it go, kills
//! every process that is left of them, and exits.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::Pid;

use super::descendants::kill_wanted;
use super::roll::{Roll, Table};
use super::{PidFd, memory};

/// How long a new guard may take to say that it is there.
const START: Duration = Duration::from_secs(10);
/// How often what is left is looked for, with longer and longer pauses, in
/// all half a minute: a process in the kernel may take its time to die.
const ROUNDS: c_int = 250;
const LONGEST_PAUSE_MS: c_int = 125;

/// The supervisor's end. Letting it go ends the guard.
#[derive(Debug)]
pub(crate) struct Guard {
    life: UnixStream,
    pid: Pid,
}

impl Guard {
    /// Starts a guard over the workers that `roll` names, in a process that
    /// is nobody's child and that no signal but `SIGKILL` reaches.
    pub(crate) fn start(roll: &Roll, proc_dir: BorrowedFd<'_>) -> io::Result<Self> {
        let (life, end) = UnixStream::pair()?;
        let supervisor = PidFd::open(Pid::this())?;
        let post = Post {
            end: end.as_raw_fd(),
            supervisor: supervisor.as_fd().as_raw_fd(),
            proc_dir: proc_dir.as_raw_fd(),
        };
        // The handlers that it inherits are the host's, and must not run.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let first = fork();
        if first == Ok(None) {
            post.enter(roll.table());
        }
        mask.thread_set_mask()?;
        drop(end);
        if let Some(first) = first? {
            wait_for(first);
        }
        let pid = said(&life)?;
        Ok(Self { life, pid })
    }

    /// Whether it is still there.
    pub(crate) fn is_alive(&self) -> bool {
        !is_readable(&self.life, Duration::ZERO)
    }

    /// Lets it go and waits until it is gone, for at most `limit`. Blocks.
    pub(crate) fn end(self, limit: Duration) -> io::Result<()> {
        // Also for those that inherited the descriptor and have not closed it.
        self.life.shutdown(std::net::Shutdown::Write)?;
        if !is_readable(&self.life, limit) {
            let pid = self.pid;
            return Err(io::Error::other(format!("the guard {pid} does not end")));
        }
        // The first process of a container is everybody's parent.
        if Pid::this().as_raw() == 1 || nix::sys::prctl::get_child_subreaper().unwrap_or(false) {
            wait_for(self.pid);
        }
        Ok(())
    }
}

/// Whether input or the end of it comes within `limit`.
fn is_readable(stream: &UnixStream, limit: Duration) -> bool {
    let until = Instant::now().checked_add(limit);
    loop {
        let left = until.map_or(Duration::MAX, |until| {
            until.saturating_duration_since(Instant::now())
        });
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Err(Errno::EINTR) => {}
            result => return result.is_ok_and(|ready| ready > 0),
        }
    }
}

/// The number that a new guard says when it stands.
fn said(life: &UnixStream) -> io::Result<Pid> {
    let mut number = [0; size_of::<libc::pid_t>()];
    if !is_readable(life, START) {
        return Err(io::Error::other("it does not answer"));
    }
    io::Read::read_exact(&mut &*life, &mut number)
        .map_err(|_| io::Error::other("it ended at once"))?;
    Ok(Pid::from_raw(libc::pid_t::from_ne_bytes(number)))
}

/// Forks without running the handlers of libraries, which may lock or
/// allocate; `None` in the new process, which sends no signal when it ends.
fn fork() -> Result<Option<Pid>, Errno> {
    #[expect(unsafe_code, reason = "a fork without handlers")]
    // SAFETY: without flags it copies the process; all zeros mean the same in
    // every order that architectures have for the arguments. The new process
    // goes on in `Post::enter` alone, which keeps to what is allowed there.
    let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    let pid = Errno::result(pid)?;
    Ok((pid != 0).then(|| Pid::from_raw(i32::try_from(pid).unwrap_or(0))))
}

/// Waits for a child that sends no signal when it ends; also if it is none.
fn wait_for(pid: Pid) {
    loop {
        #[expect(unsafe_code, reason = "nix takes no __WALL here")]
        // SAFETY: a number, and a null pointer that the call allows.
        let waited = unsafe { libc::waitpid(pid.as_raw(), std::ptr::null_mut(), libc::__WALL) };
        if waited >= 0 || Errno::last() != Errno::EINTR {
            return;
        }
    }
}

/// What the guard has of the supervisor. From here on nothing allocates,
/// takes a lock or can panic: the process was forked from one of many threads.
/// Nor may anything be on the heap, which is given back: only the stack, and
/// the shared table.
#[derive(Clone, Copy)]
struct Post {
    end: RawFd,
    supervisor: RawFd,
    proc_dir: RawFd,
}

impl Post {
    /// In the first process: forks again, so that the guard has no parent
    /// here, and ends.
    fn enter(self, table: &Table) -> ! {
        match fork() {
            Ok(None) => self.stand(table),
            Ok(Some(_)) => exit(0),
            Err(_) => exit(1),
        }
    }

    fn stand(self, table: &Table) -> ! {
        let Some(post) = self.alone() else {
            exit(1);
        };
        memory::give_back();
        #[expect(unsafe_code, reason = "must not allocate")]
        // SAFETY: reads the number, which outlives the call.
        let said = unsafe {
            let pid = libc::getpid();
            libc::write(post.end, (&raw const pid).cast(), size_of_val(&pid))
        };
        if said < 0 {
            exit(1);
        }
        post.wait();
        post.clear(table);
        exit(0);
    }

    /// Leaves the supervisor's session, folder and descriptors.
    fn alone(self) -> Option<Self> {
        #[expect(unsafe_code, reason = "must not allocate")]
        // SAFETY: numbers and constant strings only.
        unsafe {
            libc::setsid();
            libc::prctl(libc::PR_SET_NAME, c"fpm-pool guard".as_ptr());
            libc::chdir(c"/".as_ptr());
            // Out of the way first, for they may be low already.
            let high = [self.end, self.supervisor, self.proc_dir]
                .map(|fd| libc::fcntl(fd, libc::F_DUPFD, 3));
            let low = [0, 1, 2].map(|to| {
                let from = high.get(usize::try_from(to).unwrap_or(0)).copied();
                libc::dup2(from.unwrap_or(-1), to)
            });
            let closed = libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0);
            (low == [0, 1, 2] && closed == 0).then_some(Self {
                end: 0,
                supervisor: 1,
                proc_dir: 2,
            })
        }
    }

    /// Waits until the supervisor has let go or is gone. Another process may
    /// have inherited the other end, so that its death alone closes nothing.
    fn wait(self) {
        let mut fds = [self.end, self.supervisor].map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        loop {
            #[expect(unsafe_code, reason = "must not allocate")]
            // SAFETY: two entries, which outlive the call.
            let ready = unsafe { libc::poll(fds.as_mut_ptr(), 2, -1) };
            if ready > 0 || (ready < 0 && Errno::last() != Errno::EINTR) {
                return;
            }
        }
    }

    /// Kills what is left of the workers.
    fn clear(self, table: &Table) {
        for round in 0..ROUNDS {
            let mut left = false;
            let known = |worker, _| table.contains(worker);
            let listed = kill_wanted(self.proc_dir, &known, &mut |_| left = true);
            if listed.is_ok() && !left {
                return;
            }
            #[expect(unsafe_code, reason = "must not allocate")]
            // SAFETY: no entries, and a pause.
            unsafe {
                libc::poll(std::ptr::null_mut(), 0, round.min(LONGEST_PAUSE_MS));
            }
        }
    }
}

fn exit(status: c_int) -> ! {
    #[expect(unsafe_code, reason = "must not run handlers")]
    // SAFETY: ends the forked process.
    unsafe {
        libc::_exit(status)
    }
}

/// `/proc`, to look for processes in.
pub(crate) fn open_proc() -> io::Result<OwnedFd> {
    let opened = std::fs::File::open("/proc");
    let opened = opened.map_err(|error| {
        let text = format!("cannot open /proc, which workers are supervised with: {error}");
        io::Error::new(error.kind(), text)
    })?;
    Ok(opened.into())
}
