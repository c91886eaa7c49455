//! Request bodies on disk, within a bound for all of them.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::upload::UploadError;

/// How much is read at once.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Where bodies wait that are too large for memory, and how many bytes of
/// them may.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    left: Arc<AtomicU64>,
    /// `None`: the system's folder for temporary files.
    folder: Option<PathBuf>,
}

/// Bytes taken from a [`Disk`]; given back when dropped.
#[derive(Debug)]
struct Claim {
    left: Arc<AtomicU64>,
    bytes: u64,
}

impl Disk {
    pub(super) fn new(bytes: u64, folder: Option<PathBuf>) -> Self {
        let left = Arc::new(AtomicU64::new(bytes));
        Self { left, folder }
    }

    pub(super) const fn folder(&self) -> Option<&PathBuf> {
        self.folder.as_ref()
    }

    /// The same room in another folder.
    pub(super) fn in_folder(&self, folder: PathBuf) -> Self {
        Self {
            left: Arc::clone(&self.left),
            folder: Some(folder),
        }
    }
}

impl Claim {
    fn grow(&mut self, bytes: u64) -> Result<(), UploadError> {
        let take = |left: u64| left.checked_sub(bytes);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_| UploadError::NoRoom)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// A nameless file that a body is written to.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    claim: Claim,
}

impl Writer {
    /// A file that starts with `data`, which is emptied.
    pub(super) async fn create(
        disk: &Disk,
        mut data: BytesMut,
    ) -> Result<(Self, BytesMut), UploadError> {
        let mut claim = Claim {
            left: Arc::clone(&disk.left),
            bytes: 0,
        };
        claim.grow(data.len() as u64)?;
        let folder = disk.folder.clone();
        let created = blocking(move || {
            let mut file = match folder {
                Some(folder) => tempfile::tempfile_in(folder)?,
                None => tempfile::tempfile()?,
            };
            file.write_all(&data)?;
            data.clear();
            Ok((Self { file, claim }, data))
        });
        created.await.map_err(UploadError::Disk)
    }

    /// Writes `data` and empties it.
    pub(super) async fn write(
        mut self,
        mut data: BytesMut,
    ) -> Result<(Self, BytesMut), UploadError> {
        self.claim.grow(data.len() as u64)?;
        let written = blocking(move || {
            self.file.write_all(&data)?;
            data.clear();
            Ok((self, data))
        });
        written.await.map_err(UploadError::Disk)
    }

    pub(super) fn finish(self) -> Spooled {
        let len = self.claim.bytes;
        Spooled(Arc::new(self), len)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// A body on disk, whole; the file goes with its last user.
#[derive(Clone, Debug)]
pub(super) struct Spooled(Arc<Writer>, u64);

impl Spooled {
    pub(super) const fn len(&self) -> u64 {
        self.1
    }

    pub(super) fn into_body(self) -> SpooledBody {
        SpooledBody {
            spooled: self,
            offset: 0,
            reading: None,
        }
    }
}

/// A body as it is read from disk.
#[derive(Debug)]
pub(super) struct SpooledBody {
    spooled: Spooled,
    offset: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl SpooledBody {
    fn left(&self) -> u64 {
        self.spooled.len().saturating_sub(self.offset)
    }

    fn start(&self) -> JoinHandle<io::Result<Bytes>> {
        let (writer, offset) = (Arc::clone(&self.spooled.0), self.offset);
        let wanted = usize::try_from(self.left().min(CHUNK_BYTES)).unwrap_or(usize::MAX);
        spawn_blocking(move || {
            let mut buffer = BytesMut::zeroed(wanted);
            writer.file.read_exact_at(&mut buffer, offset)?;
            Ok(buffer.freeze())
        })
    }
}

impl Body for SpooledBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => self.start(),
        };
        let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
            self.reading = Some(reading);
            return Poll::Pending;
        };
        let chunk = read.unwrap_or_else(|error| Err(io::Error::other(error)));
        let chunk = chunk.map_err(UploadError::Disk);
        self.offset += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(Some(chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
