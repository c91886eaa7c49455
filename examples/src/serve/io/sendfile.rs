//! Files sent by the kernel, without a copy in this process.
//!
//! The HTTP library writes bytes, not files. So the body of an answer hands
//! it bytes that stand for a piece of a file, and the stream below, which
//! gets them back in order, sends that piece instead. What the bytes hold is
//! never read: they are recognised by their address.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// The longest piece that [`FileQueue::push`] takes.
pub(crate) const PIECE_BYTES: usize = 512 * 1024;

/// Never touched after its allocation, so that it takes no memory.
static PLACEHOLDER: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; PIECE_BYTES]));

/// The pieces of files that the stream of one connection is to send next.
#[derive(Debug, Default)]
pub(crate) struct FileQueue(Mutex<VecDeque<FilePiece>>);

#[derive(Debug)]
struct FilePiece {
    file: Arc<File>,
    range: Range<u64>,
}

impl FileQueue {
    /// Queues up to [`PIECE_BYTES`] of `file` from the start of `range`;
    /// returns the bytes that stand for them.
    pub(crate) fn push(&self, file: &Arc<File>, range: Range<u64>) -> Bytes {
        let length = usize::try_from(range.end.saturating_sub(range.start))
            .map_or(PIECE_BYTES, |length| length.min(PIECE_BYTES));
        let piece = FilePiece {
            file: Arc::clone(file),
            range: range.start..range.start + length as u64,
        };
        self.pieces().push_back(piece);
        PLACEHOLDER.slice(..length)
    }

    fn pieces(&self) -> std::sync::MutexGuard<'_, VecDeque<FilePiece>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends up to `limit` bytes of the first piece.
    fn send(&self, socket: impl AsFd, limit: usize) -> io::Result<usize> {
        let mut pieces = self.pieces();
        let piece = pieces.front_mut().ok_or(io::ErrorKind::InvalidData)?;
        let left = piece.range.end - piece.range.start;
        let wanted = usize::try_from(left).map_or(limit, |left| left.min(limit));
        match rustix::fs::sendfile(socket, &piece.file, Some(&mut piece.range.start), wanted)? {
            // The length is promised already: the connection has to end.
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            sent => {
                if piece.range.is_empty() {
                    pieces.pop_front();
                }
                Ok(sent)
            }
        }
    }
}

/// Whether `bytes` stand for a piece of a file.
fn is_placeholder(bytes: &[u8]) -> bool {
    LazyLock::get(&PLACEHOLDER)
        .is_some_and(|all| all.as_ptr_range().contains(&bytes.as_ptr()) && !bytes.is_empty())
}

/// A socket that the kernel can send files through.
pub(crate) trait Socket: AsyncRead + AsyncWrite + AsFd + Unpin + Send {
    /// Waits for room.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Runs `send` if there may be room; `WouldBlock` clears that.
    fn try_send(&self, send: impl FnOnce() -> io::Result<usize>) -> io::Result<usize>;
}

impl Socket for TcpStream {
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(cx)
    }

    fn try_send(&self, send: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, send)
    }
}

impl Socket for UnixStream {
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(cx)
    }

    fn try_send(&self, send: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, send)
    }
}

/// A socket that sends the pieces of a [`FileQueue`] where their bytes come.
#[derive(Debug)]
pub(crate) struct FileSender<S> {
    socket: S,
    files: Arc<FileQueue>,
}

impl<S> FileSender<S> {
    pub(crate) const fn new(socket: S, files: Arc<FileQueue>) -> Self {
        Self { socket, files }
    }
}

impl<S: Socket> FileSender<S> {
    /// Runs `send` until it need not wait for room.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        send: impl Fn(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_room(cx))?;
            match self.socket.try_send(|| send(&self.socket)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl<S: Socket> AsyncRead for FileSender<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: Socket> AsyncWrite for FileSender<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let plain = slices.iter().take_while(|slice| !is_placeholder(slice));
        let (plain, rest) = slices.split_at(plain.count());
        match rest.first() {
            None => Pin::new(&mut self.socket).poll_write_vectored(cx, plain),
            Some(piece) if plain.is_empty() => {
                self.poll_send(cx, |socket| self.files.send(socket, piece.len()))
            }
            // What comes next starts in the same packet, so that the receiver
            // is woken once.
            Some(_) => self.poll_send(cx, |socket| {
                let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
                Ok(sendmsg(
                    socket,
                    plain,
                    &mut SendAncillaryBuffer::default(),
                    flags,
                )?)
            }),
        }
    }

    fn is_write_vectored(&self) -> bool {
        // A library that may not write pieces of memory in place would copy
        // the bytes that stand for files.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn file(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    #[tokio::test]
    async fn pieces_of_files_come_where_their_bytes_were_written() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let files = Arc::new(FileQueue::default());
        let mut sender = FileSender::new(ours, Arc::clone(&files));
        let content: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        let content_file = file(&content);
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).await.map(|_| all)
        });
        let long = files.push(&content_file, 5..300_000);
        let short = files.push(&content_file, 0..3);
        let slices = &mut [
            IoSlice::new(b"head"),
            IoSlice::new(&long),
            IoSlice::new(b"middle"),
            IoSlice::new(&short),
        ];
        let mut slices = &mut slices[..];
        while !slices.is_empty() {
            let count = sender.write_vectored(slices).await.unwrap();
            IoSlice::advance_slices(&mut slices, count);
        }
        sender.shutdown().await.unwrap();
        let expected = [b"head", &content[5..], b"middle", &content[..3]].concat();
        assert!(reader.await.unwrap().unwrap() == expected);
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_an_error() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let files = Arc::new(FileQueue::default());
        let mut sender = FileSender::new(ours, Arc::clone(&files));
        let bytes = files.push(&file(b"1234"), 4..10);
        let error = sender.write_all(&bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn bytes_that_stand_for_nothing_are_never_sent() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut sender = FileSender::new(ours, Arc::default());
        let error = sender.write_all(&PLACEHOLDER[..1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
