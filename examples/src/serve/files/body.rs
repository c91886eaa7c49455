//! The content of a file as a response body with bounded memory.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::JoinHandle;

use crate::serve::io::{FileQueue, PIECE_BYTES};

/// Smaller pieces are not worth a system call of their own.
const KERNEL_FROM_BYTES: u64 = 64 * 1024;

/// How much is read at once. Two of these are in memory for each download:
/// one being read, one being sent.
const CHUNK_BYTES: usize = 128 * 1024;

/// A part of a body: bytes at hand, or a piece of the file.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    File(Range<u64>),
}

/// Sends pieces of a file in order.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: Arc<File>,
    pieces: VecDeque<Piece>,
    buffers: Arc<Spares>,
    /// Where the connection takes pieces that the kernel sends.
    kernel: Option<Arc<FileQueue>>,
    /// A read that has to wait for the disk.
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl FileBody {
    pub(crate) fn new(file: File, pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self {
            file: Arc::new(file),
            pieces: pieces.into_iter().collect(),
            buffers: Arc::default(),
            kernel: None,
            reading: None,
        }
    }

    /// Has the kernel send what is in the page cache, on the connection that
    /// `queue` belongs to.
    pub(crate) fn send_through(&mut self, queue: &Arc<FileQueue>) {
        self.kernel = Some(Arc::clone(queue));
    }

    /// How many bytes are still to come.
    pub(crate) fn remaining(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::File(range) => range.end - range.start,
            })
            .sum()
    }

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of reading, and `UnexpectedEof` when the file has become
    /// shorter: the length is promised already, so end the connection.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(cx));
            self.reading = None;
            let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
            return Poll::Ready(Some(read.and_then(|buffer| self.filled(buffer))));
        }
        match self.pieces.front() {
            None => Poll::Ready(None),
            Some(Piece::Bytes(_)) => match self.pieces.pop_front() {
                Some(Piece::Bytes(bytes)) => Poll::Ready(Some(Ok(bytes))),
                _ => Poll::Ready(None),
            },
            Some(Piece::File(range)) => {
                if let Some(bytes) = self.queue(range.clone()) {
                    self.advance(bytes.len() as u64);
                    return Poll::Ready(Some(Ok(bytes)));
                }
                let wanted = usize::try_from(range.end - range.start)
                    .map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
                let offset = range.start;
                self.read(cx, offset, wanted)
            }
        }
    }

    /// Leaves the start of `range` to the kernel, unless it would have to wait
    /// for the disk there: the page cache brings in pages in order, so its
    /// first and last one tell.
    fn queue(&self, range: Range<u64>) -> Option<Bytes> {
        let queue = self.kernel.as_ref()?;
        if range.end - range.start < KERNEL_FROM_BYTES {
            return None;
        }
        let end = range.end.min(range.start + PIECE_BYTES as u64);
        let cached = [range.start, end - 1].into_iter().all(|offset| {
            let byte = &mut [0];
            let slices = &mut [IoSliceMut::new(byte)];
            preadv2(&*self.file, slices, offset, ReadWriteFlags::NOWAIT) == Ok(1)
        });
        cached.then(|| queue.push(&self.file, range.start..end))
    }

    /// Reads what the page cache holds at once; a thread waits for the disk.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        offset: u64,
        wanted: usize,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let mut buffer = self.buffers.take();
        buffer.resize(wanted, 0);
        let slices = &mut [IoSliceMut::new(&mut buffer)];
        match preadv2(&*self.file, slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(length) => {
                buffer.truncate(length);
                Poll::Ready(Some(self.filled(buffer)))
            }
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => {
                let file = Arc::clone(&self.file);
                self.reading = Some(tokio::task::spawn_blocking(move || {
                    let length = file.read_at(&mut buffer, offset)?;
                    buffer.truncate(length);
                    Ok(buffer)
                }));
                self.poll_chunk(cx)
            }
            Err(error) => Poll::Ready(Some(Err(error.into()))),
        }
    }

    fn advance(&mut self, count: u64) {
        if let Some(Piece::File(range)) = self.pieces.front_mut() {
            range.start += count;
            if range.start >= range.end {
                self.pieces.pop_front();
            }
        }
    }

    fn filled(&mut self, buffer: Vec<u8>) -> io::Result<Bytes> {
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.advance(buffer.len() as u64);
        Ok(Bytes::from_owner(Buffer {
            content: buffer,
            spares: Arc::clone(&self.buffers),
        }))
    }
}

/// Buffers of one download that were sent and can be filled again, so that
/// no chunk costs fresh pages.
#[derive(Debug, Default)]
struct Spares(Mutex<Vec<Vec<u8>>>);

impl Spares {
    fn take(&self) -> Vec<u8> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.pop().unwrap_or_default()
    }
}

struct Buffer {
    content: Vec<u8>,
    spares: Arc<Spares>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let content = std::mem::take(&mut self.content);
        let mut spares = self.spares.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.push(content);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;

    use super::*;

    async fn collect(mut body: FileBody) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = poll_fn(|cx| body.poll_chunk(cx)).await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all)
    }

    fn file(size: usize) -> (File, Vec<u8>) {
        let content: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0]).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        (file, content)
    }

    #[tokio::test]
    async fn large_file_comes_whole_and_in_order() {
        let (file, content) = file(3 * CHUNK_BYTES + 17);
        let body = FileBody::new(file, [Piece::File(0..content.len() as u64)]);
        assert_eq!(body.remaining(), content.len() as u64);
        assert_eq!(collect(body).await.unwrap(), content);
    }

    #[tokio::test]
    async fn pieces_are_sent_in_order() {
        let (file, content) = file(100);
        let pieces = [
            Piece::Bytes(Bytes::from_static(b"head")),
            Piece::File(90..100),
            Piece::File(0..5),
            Piece::Bytes(Bytes::from_static(b"tail")),
        ];
        let body = FileBody::new(file, pieces);
        let expected = [b"head", &content[90..], &content[..5], b"tail"].concat();
        assert_eq!(body.remaining(), expected.len() as u64);
        assert_eq!(collect(body).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn shrunken_file_is_an_error() {
        let (file, _) = file(10);
        let body = FileBody::new(file, [Piece::File(0..20)]);
        let error = collect(body).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
