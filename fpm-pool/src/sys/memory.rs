//! Giving back the memory of the program that a process was forked from.

use nix::libc::{self, c_int, c_void};

/// What a program holds in mappings smaller than this is left alone.
const LARGE: usize = 1 << 20;
/// What of its stack a thread may be about to use.
const BELOW: usize = 128 << 10;
/// No less than the stack, and what belongs to the thread above it.
const ABOVE: usize = 4 << 20;
/// The largest size of a page, less one.
const ALIGNED: usize = (64 << 10) - 1;

/// Gives back what the calling process, which must have been forked by a
/// thread with a stack of at most 1 MiB and have no other, shares with its parent: otherwise every page that the
/// parent changes is kept twice from then on. Only its own stack and small
/// mappings stay. Neither allocates nor takes a lock.
///
/// The pages are emptied, not unmapped: should anything look at one, it reads
/// zeros.
pub(super) fn give_back() {
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: a constant path.
    let maps = unsafe {
        libc::open(
            c"/proc/self/maps".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        )
    };
    if maps < 0 {
        return;
    }
    let mut line = Line::default();
    let here = (&raw const line).addr();
    let mut chunk = [0_u8; 1024];
    loop {
        #[expect(unsafe_code, reason = "must not allocate")]
        // SAFETY: the kernel writes at most the length of `chunk`.
        let count = unsafe { libc::read(maps, chunk.as_mut_ptr().cast(), chunk.len()) };
        let Ok(count @ 1..) = usize::try_from(count) else {
            break;
        };
        for &byte in chunk.iter().take(count) {
            if let Some((start, end)) = line.push(byte) {
                for (start, end) in around(here, start, end) {
                    empty(start, end);
                }
            }
        }
    }
    close(maps);
}

/// The mapping without the stack and the thread's own data, if they are in
/// it: the system joins mappings that happen to be neighbours.
fn around(here: usize, start: usize, end: usize) -> [(usize, usize); 2] {
    if !(start..end).contains(&here) {
        return [(start, end), (end, end)];
    }
    // The stack grows down: what lies below is not used yet.
    let below = here.saturating_sub(BELOW) & !ALIGNED;
    let above = here.saturating_add(ABOVE) & !ALIGNED;
    [(start, below.max(start)), (above.min(end), end)]
}

fn empty(start: usize, end: usize) {
    if start >= end {
        return;
    }
    let memory: *mut c_void = std::ptr::with_exposed_provenance_mut(start);
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: a mapping of the host's heap or of another thread's stack. This
    // process has one thread, and what it runs uses its own stack and what
    // programs and libraries brought along, which are files or small.
    unsafe {
        libc::madvise(memory, end.saturating_sub(start), libc::MADV_DONTNEED);
    }
}

fn close(fd: c_int) {
    #[expect(unsafe_code, reason = "must not allocate")]
    // SAFETY: opened by the caller, and not used again.
    unsafe {
        libc::close(fd);
    }
}

/// A line of `maps(5)`: `start-end perms offset device inode path`.
#[derive(Default)]
struct Line {
    field: u8,
    start: usize,
    end: usize,
    private: bool,
    writable: bool,
    inode: bool,
    /// The first byte of the path, after its `[` if it has one: `h`eap and
    /// `a`non are memory.
    path: Option<u8>,
    /// Where the last mapping of a file ended: what follows is its `bss`.
    file_end: usize,
}

impl Line {
    /// Takes the next byte; at the end of a line, the mapping if it is large,
    /// private, writable and no file's.
    fn push(&mut self, byte: u8) -> Option<(usize, usize)> {
        match (byte, self.field) {
            (b'\n', _) => return self.finish(),
            (b'-', 0) | (b' ', 1..=4) => self.field = self.field.saturating_add(1),
            (b' ', _) => {}
            (_, 0) => self.start = hex(self.start, byte),
            (_, 1) => self.end = hex(self.end, byte),
            (_, 2) => {
                self.private |= byte == b'p';
                self.writable |= byte == b'w';
            }
            (_, 5) if self.path.is_none() && byte.is_ascii_digit() => self.inode |= byte != b'0',
            (b'[', 5) if self.path.is_none() => self.path = Some(0),
            (_, 5) => self.path = Some(self.path.filter(|&path| path != 0).unwrap_or(byte)),
            _ => {}
        }
        None
    }

    fn finish(&mut self) -> Option<(usize, usize)> {
        let line = std::mem::take(self);
        self.file_end = line.file_end;
        if line.inode || line.path.is_some_and(|path| !matches!(path, b'h' | b'a')) {
            self.file_end = line.end;
            return None;
        }
        let large = line.end.saturating_sub(line.start) >= LARGE;
        let own = line.private && line.writable && line.start != line.file_end;
        (large && own).then_some((line.start, line.end))
    }
}

fn hex(number: usize, byte: u8) -> usize {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => 0,
    };
    number.wrapping_mul(16).wrapping_add(usize::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &[u8] = b"\
55d000000000-55d000400000 r-xp 00002000 08:01 1234    /usr/bin/host
55d000400000-55d000800000 rw-p 00000000 00:00 0
55d001000000-55d009000000 rw-p 00000000 00:00 0       [heap]
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
7f0000100000-7f0000180000 rw-p 00000000 00:00 0
7f0000200000-7f0000400000 rw-s 00000000 00:01 99      /dev/zero (deleted)
7f0000500000-7f0000700000 ---p 00000000 00:00 0
7f0000800000-7f0000a00000 rw-p 00000000 00:00 0       [anon:arena]
7ffc00000000-7ffc00200000 rw-p 00000000 00:00 0       [stack]
";

    #[test]
    fn the_stack_stays_whatever_it_is_joined_with() {
        let (start, end) = (1 << 30, 2 << 30);
        assert_eq!(around(start - 1, start, end), [(start, end), (end, end)]);
        let here = start + (100 << 20) + 77;
        let [below, above] = around(here, start, end);
        assert_eq!((below.0, above.1), (start, end));
        assert!(below.1 <= here - BELOW && above.0 >= here + ABOVE - ALIGNED - 1);
        assert_eq!((below.1 | above.0) & ALIGNED, 0);
        assert_eq!(
            around(start + 5, start, start + 9),
            [(start, start), (start + 9, start + 9)]
        );
    }

    #[test]
    fn only_large_memory_of_no_file_is_given_back() {
        let mut line = Line::default();
        let found: Vec<_> = MAPS.iter().filter_map(|&byte| line.push(byte)).collect();
        assert_eq!(
            found,
            [
                (0x55d0_0100_0000, 0x55d0_0900_0000),
                (0x7f00_0000_0000, 0x7f00_0010_0000),
                (0x7f00_0080_0000, 0x7f00_00a0_0000),
            ]
        );
    }
}
