//! Writing what a state machine has queued.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;

use super::Transport;
use crate::record::Outgoing;

/// Chunks of one vectored write.
const SLICES: usize = 16;

/// Writes once, as much as the stream takes: all chunks together if it can.
///
/// # Errors
///
/// Those of the stream; `WriteZero` for one that takes nothing any more.
pub(super) fn poll_write<S: Transport>(
    stream: &mut S,
    cx: &mut Context<'_>,
    mut outgoing: Outgoing<'_>,
) -> Poll<io::Result<()>> {
    let stream = Pin::new(stream);
    let written = if stream.is_write_vectored() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = outgoing.chunks_vectored(&mut slices);
        stream.poll_write_vectored(cx, &slices[..count])
    } else {
        stream.poll_write(cx, outgoing.chunk())
    };
    match ready!(written)? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        count => {
            outgoing.advance(count);
            Poll::Ready(Ok(()))
        }
    }
}
