//! Lines that workers write, on their way to the log.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::{Generation, Shared};
use crate::request::find_param;
use crate::text::Printable;
use crate::{Output, OutputSource, WorkerId};

/// Cuts bytes into lines, and lines that are too long into pieces.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    held: BytesMut,
}

impl Splitter {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub(super) fn next(&mut self, limit: usize) -> Option<Bytes> {
        let window = &self.held[..self.held.len().min(limit)];
        if let Some(end) = window.iter().position(|&byte| byte == b'\n') {
            let mut line = self.held.split_to(end);
            self.held.advance(1);
            if line.last() == Some(&b'\r') {
                line.truncate(line.len() - 1);
            }
            return Some(line.freeze());
        }
        (self.held.len() >= limit).then(|| self.held.split_to(limit).freeze())
    }

    /// What is left without an end.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        (!self.held.is_empty()).then(|| self.held.split().freeze())
    }
}

/// One of a process's output descriptors.
#[derive(Debug)]
pub(super) struct Pipe {
    reader: Option<pipe::Receiver>,
    lines: Splitter,
    limit: usize,
    pub(super) source: OutputSource,
}

impl Pipe {
    pub(super) fn new(fd: Option<OwnedFd>, source: OutputSource, limit: usize) -> io::Result<Self> {
        let reader = fd.map(pipe::Receiver::from_owned_fd).transpose()?;
        Ok(Self {
            reader,
            lines: Splitter::default(),
            limit: limit.max(1),
            source,
        })
    }

    /// The next line; pending for ever once there is no more.
    pub(super) fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        loop {
            if let Some(line) = self.lines.next(self.limit) {
                return Poll::Ready(line);
            }
            let Some(reader) = &mut self.reader else {
                return Poll::Pending;
            };
            let mut chunk = [0; 4096];
            match pin!(reader.read(&mut chunk)).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(count @ 1..)) => self.lines.push(&chunk[..count]),
                Poll::Ready(_) => {
                    self.reader = None;
                    if let Some(line) = self.lines.rest() {
                        return Poll::Ready(line);
                    }
                }
            }
        }
    }

    /// A line of what has been written by now, whether or not the runtime
    /// has noticed it yet.
    pub(super) fn written_line(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.next(self.limit) {
                return Some(line);
            }
            let mut chunk = [0; 4096];
            let count = nix::unistd::read(self.reader.as_ref()?.as_fd(), &mut chunk).unwrap_or(0);
            if count == 0 {
                return None;
            }
            self.lines.push(&chunk[..count]);
        }
    }

    /// What came after the last line end, when nothing more will come.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        self.lines.rest()
    }
}

/// The STDERR of one request, line by line.
pub(crate) struct RequestLines {
    lines: Splitter,
}

impl RequestLines {
    pub(crate) fn new() -> Self {
        Self {
            lines: Splitter::default(),
        }
    }
}

impl Shared {
    /// Logs what a request wrote to its STDERR; `end`: nothing more comes.
    pub(crate) fn request_stderr(
        &self,
        lines: &mut RequestLines,
        bytes: &[u8],
        end: bool,
        origin: &Origin<'_>,
    ) {
        lines.lines.push(bytes);
        let limit = origin.generation.limits.line_bytes.max(1);
        while let Some(line) = lines.lines.next(limit) {
            self.line(origin, OutputSource::RequestStderr, &line);
        }
        if end && let Some(line) = lines.lines.rest() {
            self.line(origin, OutputSource::RequestStderr, &line);
        }
    }

    /// Logs a line of a worker's process.
    pub(super) fn process_line(
        &self,
        worker: WorkerId,
        process_id: u32,
        source: OutputSource,
        line: &[u8],
    ) {
        let (generation, request) = {
            let inner = self.lock();
            match inner.slots.get(&worker) {
                Some(slot) => (Arc::clone(&slot.generation), slot.request.clone()),
                None => (Arc::clone(&inner.newest), None),
            }
        };
        let origin = Origin {
            worker,
            process_id,
            generation: &generation,
            request: request.as_deref(),
        };
        self.line(&origin, source, line);
    }

    fn line(&self, origin: &Origin<'_>, source: OutputSource, line: &[u8]) {
        let param = |name: &[u8]| origin.request.and_then(|records| find_param(records, name));
        let script = param(b"SCRIPT_FILENAME");
        let output = Output {
            pool: &self.name,
            worker: origin.worker,
            process_id: origin.process_id,
            source,
            script,
            uri: param(b"REQUEST_URI"),
            line,
        };
        if let Some(sink) = &origin.generation.output {
            sink(&output);
        }
        tracing::warn!(
            target: "fpm_pool::output",
            pool = &*self.name,
            pid = origin.process_id,
            source = ?source,
            script = script.map(|script| tracing::field::display(Printable(script))),
            "{}",
            Printable(line),
        );
    }
}

/// Who wrote a line.
pub(crate) struct Origin<'a> {
    pub(crate) worker: WorkerId,
    pub(crate) process_id: u32,
    pub(crate) generation: &'a Generation,
    pub(crate) request: Option<&'a [u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_long_ones_in_pieces() {
        let mut lines = Splitter::default();
        lines.push(b"one\r\ntw");
        assert_eq!(lines.next(8).unwrap(), "one");
        assert_eq!(lines.next(8), None);
        lines.push(b"o\n0123456789\nx");
        assert_eq!(lines.next(8).unwrap(), "two");
        assert_eq!(lines.next(8).unwrap(), "01234567");
        assert_eq!(lines.next(8).unwrap(), "89");
        assert_eq!(lines.next(8), None);
        assert_eq!(lines.rest().unwrap(), "x");
        assert_eq!(lines.rest(), None);
    }
}
