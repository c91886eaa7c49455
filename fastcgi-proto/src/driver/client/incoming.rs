//! Input on its way in: how much is read at once, and into what.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A read takes what there is, up to this much while answers are small.
const FEW_BYTES: usize = 16 * 1024;

/// And up to this much of an answer that fills every read.
const MUCH_BYTES: usize = 256 * 1024;

/// A buffer is used until less than this part of what a read may take is
/// left in it, so that what is held of an answer is most of its buffers.
const LEAST_PART: usize = 4;

/// An idle connection keeps a buffer of this size at most.
const KEEP_BYTES: usize = 64 * 1024;

/// What was read and not taken yet.
#[derive(Debug)]
pub(super) struct Incoming {
    bytes: BytesMut,
    /// The size of the buffer that `bytes` is a part of.
    buffer: usize,
    /// What the next read may take.
    size: usize,
    received: u64,
}

impl Default for Incoming {
    fn default() -> Self {
        Self {
            bytes: BytesMut::new(),
            buffer: 0,
            size: FEW_BYTES,
            received: 0,
        }
    }
}

impl Incoming {
    pub(super) const fn bytes_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    pub(super) const fn buffer_bytes(&self) -> usize {
        self.buffer
    }

    pub(super) fn shrink(&mut self) {
        if self.buffer > KEEP_BYTES && self.bytes.is_empty() {
            *self = Self {
                received: self.received,
                ..Self::default()
            };
        }
    }

    /// Reads once, behind what is there.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<usize>> {
        let room = self.make_room();
        let read = pin!(stream.read_buf(&mut self.bytes)).poll(cx);
        if let Poll::Ready(Ok(count)) = read {
            self.received += count as u64;
            self.size = if count >= room {
                (self.size * 2).min(MUCH_BYTES)
            } else {
                FEW_BYTES.max(count.next_power_of_two().min(self.size))
            };
        }
        read
    }

    /// Pieces that were handed out keep their buffer alive; with none left
    /// it is used again.
    fn make_room(&mut self) -> usize {
        let room = self.bytes.capacity() - self.bytes.len();
        if room >= self.size / LEAST_PART {
            return room;
        }
        self.bytes.reserve(self.size);
        self.buffer = self.bytes.capacity();
        self.bytes.capacity() - self.bytes.len()
    }
}
