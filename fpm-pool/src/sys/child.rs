//! What happens in a new process between `fork` and `exec`.

use std::ffi::CString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use nix::sys::resource::{Resource, rlim_t, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Pid, Uid, chdir, chroot, getppid, setgid, setgroups, setuid};

use super::{Roll, mark};

/// The world that a worker is put into, found out before the fork: after it
/// nothing may be looked up or allocated.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChildSetup {
    pub(crate) limits: Vec<(Resource, rlim_t)>,
    pub(crate) nice: Option<i32>,
    pub(crate) batch: bool,
    pub(crate) umask: Option<Mode>,
    pub(crate) chroot: Option<CString>,
    pub(crate) chdir: Option<CString>,
    pub(crate) groups: Option<Vec<Gid>>,
    pub(crate) gid: Option<Gid>,
    pub(crate) uid: Option<Uid>,
}

/// Has `command` apply `setup` in the new process, last thing before `exec`.
pub(crate) fn prepare(command: &mut Command, setup: ChildSetup, roll: Arc<Roll>) {
    let supervisor = Pid::this();
    #[expect(unsafe_code, reason = "runs in the forked process")]
    // SAFETY: `begin` stores a number, and `apply` makes system calls on what
    // exists already; they neither allocate nor take a lock.
    unsafe {
        command.pre_exec(move || {
            // Everything that it starts inherits this.
            roll.begin(mark::set()?);
            use_default_signals();
            setup.apply(supervisor)
        });
    }
}

impl ChildSetup {
    fn apply(&self, supervisor: Pid) -> io::Result<()> {
        for &(resource, limit) in &self.limits {
            setrlimit(resource, limit, limit)?;
        }
        if let Some(nice) = self.nice {
            set_priority(nice)?;
        }
        if self.batch {
            schedule_in_batches();
        }
        if let Some(mask) = self.umask {
            umask(mask);
        }
        if let Some(root) = &self.chroot {
            chroot(root.as_c_str())?;
            chdir(c"/")?;
        }
        if let Some(folder) = &self.chdir {
            chdir(folder.as_c_str())?;
        }
        if let Some(groups) = &self.groups {
            setgroups(groups)?;
        }
        if let Some(gid) = self.gid {
            setgid(gid)?;
        }
        if let Some(uid) = self.uid {
            setuid(uid)?;
        }
        // After the change of user, which clears it.
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != supervisor {
            // The supervisor died before the signal was asked for.
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        close_others()
    }
}

/// Takes back what the host ignores: `exec` would pass it on, and a worker
/// that ignores the signals that stop it, or the ends of its children, does
/// not work as it should.
fn use_default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        #[expect(unsafe_code, reason = "nix knows no real-time signals")]
        // SAFETY: no handler is installed. Numbers that cannot be changed are
        // refused, which changes nothing.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

fn set_priority(nice: i32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "nix has no setpriority")]
    // SAFETY: takes numbers only.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Changes the usual scheduling policy to `SCHED_BATCH`. A system that does
/// not allow it runs the worker no worse than before.
fn schedule_in_batches() {
    let parameters = libc::sched_param { sched_priority: 0 };
    #[expect(unsafe_code, reason = "nix has no sched_setscheduler")]
    // SAFETY: reads `parameters`, which outlives the calls, and changes the
    // forked process alone.
    unsafe {
        if libc::sched_getscheduler(0) == libc::SCHED_OTHER {
            libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters);
        }
    }
}

/// Has every descriptor above 2 closed by `exec`, whoever opened it: until
/// then one of them is needed to report a failed `exec`.
fn close_others() -> io::Result<()> {
    #[expect(unsafe_code, reason = "nix has no close_range")]
    // SAFETY: takes numbers only; marks descriptors of the forked process.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3_u32,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
