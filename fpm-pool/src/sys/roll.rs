//! The workers of a spawner, where the guard sees them.

use std::io;
use std::mem::size_of;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use nix::libc::pid_t;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::unistd::Pid;

/// The kernel's own limit for numbers of processes (`PID_MAX_LIMIT`).
const PROCESSES: usize = 4 << 20;

/// Memory that is shared with the processes forked from here: one bit per
/// possible process, so that it is never full, and the one that is about to
/// begin. The kernel gives it pages as they are touched.
#[derive(Debug)]
pub(crate) struct Roll {
    table: NonNull<Table>,
}

/// What the processes share; the guard has nothing else of the supervisor's.
pub(super) struct Table {
    starting: AtomicI32,
    workers: [AtomicU32; PROCESSES / 32],
}

#[expect(unsafe_code, reason = "holds a pointer")]
// SAFETY: the memory behind it is atomics only, and its owner unmaps it.
unsafe impl Send for Roll {}
#[expect(unsafe_code, reason = "holds a pointer")]
// SAFETY: as above.
unsafe impl Sync for Roll {}

impl Roll {
    pub(crate) fn new() -> io::Result<Self> {
        const LEN: NonZeroUsize =
            NonZeroUsize::new(size_of::<Table>()).expect("a table has entries");
        #[expect(unsafe_code, reason = "shared memory")]
        // SAFETY: a new mapping; nothing that exists is replaced.
        let memory = unsafe {
            mmap_anonymous(
                None,
                LEN,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE,
            )
        };
        // It is page-aligned, and zeros are a valid table.
        Ok(Self {
            table: memory?.cast(),
        })
    }

    pub(super) fn table(&self) -> &Table {
        #[expect(unsafe_code, reason = "shared memory")]
        // SAFETY: mapped until this is dropped, aligned, and valid from the
        // start on; all writing is atomic.
        unsafe {
            self.table.as_ref()
        }
    }

    /// The calling process, fresh from the fork, is a worker now.
    pub(super) fn begin(&self, worker: Pid) {
        self.table()
            .starting
            .store(worker.as_raw(), Ordering::SeqCst);
    }

    /// What began goes on.
    pub(crate) fn keep(&self, worker: Pid) {
        if let Some((word, bit)) = self.table().place(worker.as_raw()) {
            word.fetch_or(bit, Ordering::SeqCst);
        }
        self.fail();
    }

    /// What began, if anything, is gone.
    pub(crate) fn fail(&self) {
        self.table().starting.store(0, Ordering::SeqCst);
    }

    /// The worker is gone with all that it started; its number may mean another
    /// process from now on.
    pub(crate) fn forget(&self, worker: Pid) {
        if let Some((word, bit)) = self.table().place(worker.as_raw()) {
            word.fetch_and(!bit, Ordering::SeqCst);
        }
    }
}

impl Table {
    /// Whether this is a worker.
    pub(super) fn contains(&self, worker: pid_t) -> bool {
        let kept = self.place(worker);
        kept.is_some_and(|(word, bit)| word.load(Ordering::SeqCst) & bit != 0)
            || self.starting.load(Ordering::SeqCst) == worker
    }

    fn place(&self, worker: pid_t) -> Option<(&AtomicU32, u32)> {
        let number = usize::try_from(worker).ok()?;
        let word = self.workers.get(number / 32)?;
        Some((word, 1 << (number % 32)))
    }
}

impl Drop for Roll {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "shared memory")]
        // SAFETY: mapped in `new` with this length; no reference outlives
        // the owner.
        let unmapped = unsafe { munmap(self.table.cast(), size_of::<Table>()) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_known_from_their_beginning_to_their_end() {
        let roll = Roll::new().unwrap();
        let (one, two) = (Pid::from_raw(33), Pid::from_raw(4_194_303));
        roll.begin(one);
        assert!(roll.table().contains(33) && !roll.table().contains(34));
        roll.keep(one);
        roll.begin(two);
        assert!(roll.table().contains(33) && roll.table().contains(4_194_303));
        roll.fail();
        assert!(roll.table().contains(33) && !roll.table().contains(4_194_303));
        roll.forget(one);
        assert!(!roll.table().contains(33));
        for odd in [-1, 0, i32::MAX] {
            roll.keep(Pid::from_raw(odd));
            assert!(odd == 0 || !roll.table().contains(odd));
        }
    }
}
