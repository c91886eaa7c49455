//! A database that can be read where it cannot be written: on a full disk,
//! or on one that takes no writes.
//!
//! A file that was not closed properly is repaired when it is opened, and
//! that writes. Here the repair, like every other write, stays in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// What lies over the file: changed blocks and another length.
#[derive(Debug)]
struct Overlay {
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
    len: u64,
    /// Where the file itself ends: what lies behind reads as zeros.
    file_len: u64,
}

/// The file, never written to.
#[derive(Debug)]
pub(super) struct View {
    file: FileBackend,
    overlay: Mutex<Overlay>,
}

impl View {
    pub(super) fn new(file: File) -> Result<Self, DatabaseError> {
        let len = file.metadata()?.len();
        let overlay = Overlay {
            blocks: BTreeMap::new(),
            len,
            file_len: len,
        };
        Ok(Self {
            file: FileBackend::new(file)?,
            overlay: Mutex::new(overlay),
        })
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overlay {
    /// What the file holds of a range, zeros where it holds nothing.
    fn read_file(&self, file: &FileBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = self.file_len.saturating_sub(offset);
        let there = usize::try_from(there).map_or(out.len(), |there| there.min(out.len()));
        let (old, new) = out.split_at_mut(there);
        new.fill(0);
        if old.is_empty() {
            return Ok(());
        }
        file.read(offset, old)
    }
}

/// The parts of a range that lie in one block each: the block's number, the
/// start in it, and the part of the range.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let start = usize::try_from(at % BLOCK as u64).unwrap_or(0);
        let count = (BLOCK - start).min(len - done);
        let range = done..done + count;
        done += count;
        Some((at / BLOCK as u64, start, range))
    })
}

impl StorageBackend for View {
    fn len(&self) -> io::Result<u64> {
        Ok(self.overlay().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let overlay = self.overlay();
        if offset + out.len() as u64 > overlay.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        overlay.read_file(&self.file, offset, out)?;
        for (block, start, range) in parts(offset, out.len()) {
            if let Some(changed) = overlay.blocks.get(&block) {
                let changed = &changed[start..start + range.len()];
                out[range].copy_from_slice(changed);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut overlay = self.overlay();
        if len < overlay.len {
            let kept = len.div_ceil(BLOCK as u64);
            overlay.blocks.retain(|block, _| *block < kept);
            overlay.file_len = overlay.file_len.min(len);
            let tail = usize::try_from(len % BLOCK as u64).unwrap_or(0);
            if let Some(last) = overlay.blocks.get_mut(&(len / BLOCK as u64)) {
                last[tail..].fill(0);
            }
        }
        overlay.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut overlay = self.overlay();
        for (block, start, range) in parts(offset, data.len()) {
            if !overlay.blocks.contains_key(&block) {
                if overlay.blocks.len() >= MAX_BLOCKS {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let mut old = Box::new([0; BLOCK]);
                overlay.read_file(&self.file, block * BLOCK as u64, &mut old[..])?;
                overlay.blocks.insert(block, old);
            }
            if let Some(changed) = overlay.blocks.get_mut(&block) {
                let len = range.len();
                changed[start..start + len].copy_from_slice(&data[range]);
            }
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

const BLOCK: usize = 4096;

/// A repair writes the header and little more; this is 64 MB.
const MAX_BLOCKS: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn read(view: &View, offset: u64, len: usize) -> Vec<u8> {
        let mut out = vec![0xff; len];
        view.read(offset, &mut out).unwrap();
        out
    }

    #[test]
    fn what_is_written_is_read_and_the_file_stays() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; 3 * BLOCK], 0).unwrap();
        let view = View::new(file.try_clone().unwrap()).unwrap();
        let at = BLOCK as u64 - 2;
        view.write(at, &[2; BLOCK + 4]).unwrap();
        let mut expected = vec![1, 1];
        expected.extend([2; BLOCK + 4]);
        expected.extend([1, 1]);
        assert_eq!(read(&view, at - 2, BLOCK + 8), expected);
        let mut whole = vec![0; 3 * BLOCK];
        file.read_exact_at(&mut whole, 0).unwrap();
        assert_eq!(whole, [1; 3 * BLOCK]);
    }

    #[test]
    fn what_is_cut_off_comes_back_as_zeros() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; 2 * BLOCK], 0).unwrap();
        let view = View::new(file).unwrap();
        view.write(0, &[2; 10]).unwrap();
        view.set_len(5).unwrap();
        assert!(view.read(0, &mut [0; 6]).is_err());
        view.set_len(3 * BLOCK as u64).unwrap();
        assert_eq!(read(&view, 3, 4), [2, 2, 0, 0]);
        assert_eq!(read(&view, BLOCK as u64, 1), [0]);
        view.write(3 * BLOCK as u64 - 1, &[7]).unwrap();
        assert_eq!(read(&view, 3 * BLOCK as u64 - 2, 2), [0, 7]);
    }
}
