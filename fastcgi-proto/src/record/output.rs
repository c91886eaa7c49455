//! Output in the order it goes out: headers, padding and params in one
//! buffer, bodies by reference between them.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
#[cfg(feature = "std")]
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::buffer::Buffer;
use crate::wire::{RecordHeader, RecordType, padding_for};

/// Written bytes at the front of the buffer are dropped from this many on.
const COMPACT_BYTES: usize = 16 * 1024;

/// Written segments are dropped from this many on.
const COMPACT_SEGMENTS: usize = 64;

/// An empty buffer above this size is given back.
const KEEP_BYTES: usize = 64 * 1024;

/// What a connection has to say and has not said yet.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Everything that is not a body; the first `written` bytes are gone.
    buffer: Buffer,
    written: usize,
    /// Bodies, whole: the front one loses what is written.
    bodies: VecDeque<Bytes>,
    /// The first `done` are gone.
    segments: Vec<Segment>,
    done: usize,
    len: usize,
    taken: u64,
    /// Bodies that were queued when the connection ended.
    left: VecDeque<Bytes>,
}

#[derive(Clone, Copy, Debug)]
enum Segment {
    /// The next bytes of the buffer.
    Buffer(usize),
    /// The next bytes of the front body.
    Body(usize),
}

impl Output {
    /// Bytes queued.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes taken so far, over the whole connection.
    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// The place in the connection's output where the next byte will stand.
    pub(crate) const fn position(&self) -> u64 {
        self.taken + self.len as u64
    }

    /// Forgets what is queued.
    pub(crate) fn clear(&mut self) {
        self.buffer.truncate(0);
        self.bodies.clear();
        self.segments.clear();
        self.done = 0;
        self.written = 0;
        self.len = 0;
    }

    /// Forgets what is queued, for nothing is written any more; its bodies
    /// can still be taken.
    pub(crate) fn close(&mut self) {
        if !self.bodies.is_empty() {
            self.left = mem::take(&mut self.bodies);
        }
        self.clear();
    }

    /// Forgets what is queued, but for its bodies.
    pub(crate) fn take_bodies(&mut self) -> VecDeque<Bytes> {
        self.close();
        mem::take(&mut self.left)
    }

    /// Appends what `write` appends to the buffer; if it fails, nothing.
    #[inline]
    pub(crate) fn write<E>(
        &mut self,
        write: impl FnOnce(&mut Buffer) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.buffer.len();
        let outcome = write(&mut self.buffer);
        if outcome.is_err() {
            self.buffer.truncate(before);
            return outcome;
        }
        self.commit(self.buffer.len() - before);
        outcome
    }

    /// Appends what `write` appends to the buffer.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Buffer)) {
        let before = self.buffer.len();
        write(&mut self.buffer);
        self.commit(self.buffer.len() - before);
    }

    /// Appends a record with `content`.
    pub(crate) fn record(&mut self, record_type: RecordType, request_id: u16, content: &[u8; 8]) {
        let header = RecordHeader {
            record_type,
            request_id,
            content_len: 8,
            padding_len: 0,
        };
        self.buffer.put_array(&header.encode());
        self.buffer.put_array(content);
        self.commit(16);
    }

    /// Appends an empty record: the end of a stream. It has no padding,
    /// which php-fpm would read as input.
    pub(crate) fn stream_end(&mut self, record_type: RecordType, request_id: u16) {
        let header = RecordHeader {
            record_type,
            request_id,
            content_len: 0,
            padding_len: 0,
        };
        self.buffer.put_array(&header.encode());
        self.commit(RecordHeader::LEN);
    }

    /// Appends whole records, by reference.
    pub(crate) fn records(&mut self, records: Bytes) {
        if !records.is_empty() {
            self.segments.push(Segment::Body(records.len()));
            self.len += records.len();
            self.bodies.push_back(records);
        }
    }

    /// Appends `content` as records, by reference.
    pub(crate) fn stream(
        &mut self,
        record_type: RecordType,
        request_id: u16,
        content: Bytes,
        format: Format,
    ) {
        let max = usize::from(format.max_content);
        let mut left = content.len();
        while left > 0 {
            let len = left.min(max);
            self.stream_record(record_type, request_id, len, format.pad);
            left -= len;
        }
        if !content.is_empty() {
            self.bodies.push_back(content);
        }
    }

    /// A header, `len` bytes of the body that is pushed next, padding.
    #[inline]
    fn stream_record(&mut self, record_type: RecordType, request_id: u16, len: usize, pad: bool) {
        let padding_len = if pad { padding_for(len) } else { 0 };
        let header = RecordHeader {
            record_type,
            request_id,
            // Callers cut at 65535 at the latest.
            content_len: u16::try_from(len).unwrap_or(u16::MAX),
            padding_len,
        };
        self.buffer.put_array(&header.encode());
        self.commit(RecordHeader::LEN);
        self.segments.push(Segment::Body(len));
        self.len += len;
        self.buffer.put_padding(padding_len);
        self.commit(usize::from(padding_len));
    }

    #[inline]
    fn commit(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        self.len += len;
        if let Some(Segment::Buffer(last)) = self.segments[self.done..].last_mut() {
            *last += len;
        } else {
            self.segments.push(Segment::Buffer(len));
        }
    }

    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = self.written;
        let mut bodies = self.bodies.iter();
        let mut body: &[u8] = &[];
        self.segments[self.done..]
            .iter()
            .map(move |segment| match *segment {
                Segment::Buffer(len) => {
                    at += len;
                    &self.buffer.written()[at - len..at]
                }
                Segment::Body(len) => {
                    if body.is_empty() {
                        body = bodies.next().map_or(&[], |next| &next[..]);
                    }
                    let (now, later) = body.split_at(len);
                    body = later;
                    now
                }
            })
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        assert!(count <= self.len, "cannot take more than is queued");
        self.taken += count as u64;
        if count == self.len {
            self.clear();
            if self.buffer.held() > KEEP_BYTES {
                self.buffer = Buffer::default();
            }
            return;
        }
        self.len -= count;
        self.advance_within(count);
    }

    fn advance_within(&mut self, mut count: usize) {
        while count > 0 {
            let Some(segment) = self.segments.get_mut(self.done) else {
                break;
            };
            let (Segment::Buffer(len) | Segment::Body(len)) = segment;
            let step = count.min(*len);
            *len -= step;
            count -= step;
            let is_done = *len == 0;
            match segment {
                Segment::Buffer(_) => self.written += step,
                Segment::Body(_) => {
                    if let Some(body) = self.bodies.front_mut() {
                        body.advance(step);
                        if body.is_empty() {
                            self.bodies.pop_front();
                        }
                    }
                }
            }
            self.done += usize::from(is_done);
        }
        self.compact();
    }

    /// Drops what is written, once it is worth the move.
    fn compact(&mut self) {
        if self.written >= COMPACT_BYTES && self.written * 2 >= self.buffer.len() {
            self.buffer.remove_front(self.written);
            self.written = 0;
        }
        if self.done >= COMPACT_SEGMENTS && self.done * 2 >= self.segments.len() {
            self.segments.drain(..self.done);
            self.done = 0;
        }
    }
}

/// How streams are cut into records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    pub(crate) max_content: u16,
    pub(crate) pad: bool,
}

/// The output of a connection, ready to be written: a [`Buf`] whose chunks
/// are record headers and, by reference, the bodies given to the connection.
///
/// Write as much as the transport takes, all chunks in one vectored write if
/// it can, then [`advance`](Buf::advance) by that. Taking it and dropping it
/// untouched changes nothing.
#[derive(Debug)]
pub struct Outgoing<'a>(&'a mut Output);

impl<'a> Outgoing<'a> {
    pub(crate) const fn new(output: &'a mut Output) -> Self {
        Self(output)
    }

    /// The chunks in order, for transports without `std`'s `IoSlice`.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.0.slices()
    }
}

impl Buf for Outgoing<'_> {
    fn remaining(&self) -> usize {
        self.0.len
    }

    fn chunk(&self) -> &[u8] {
        self.0.slices().next().unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.0.advance(count);
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'s>(&'s self, slices: &mut [IoSlice<'s>]) -> usize {
        let mut count = 0;
        for (slot, chunk) in slices.iter_mut().zip(self.0.slices()) {
            *slot = IoSlice::new(chunk);
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format {
        max_content: 4,
        pad: true,
    };

    fn filled() -> Output {
        let mut output = Output::default();
        output.stream_end(RecordType::PARAMS, 1);
        output.stream(RecordType::STDIN, 1, Bytes::from_static(b"hello!"), FORMAT);
        output.stream(RecordType::STDIN, 1, Bytes::new(), FORMAT);
        output.stream_end(RecordType::STDIN, 1);
        output
    }

    fn wire() -> Vec<u8> {
        [
            &b"\x01\x04\0\x01\0\0\0\0"[..],
            b"\x01\x05\0\x01\0\x04\x04\0hell\0\0\0\0",
            b"\x01\x05\0\x01\0\x02\x06\0o!\0\0\0\0\0\0",
            b"\x01\x05\0\x01\0\0\0\0",
        ]
        .concat()
    }

    #[test]
    fn taken_in_any_pieces_it_is_the_same_bytes() {
        let wire = wire();
        for piece in 1..=wire.len() {
            let mut output = filled();
            assert_eq!(output.len(), wire.len());
            let mut seen = Vec::new();
            while !output.is_empty() {
                let all: Vec<u8> = output.slices().flatten().copied().collect();
                let step = piece.min(all.len());
                seen.extend_from_slice(&all[..step]);
                Outgoing::new(&mut output).advance(step);
            }
            assert_eq!(seen, wire, "{piece} bytes at a time");
            assert!(output.bodies.is_empty() && output.segments.is_empty() && output.done == 0);
        }
    }

    #[test]
    fn bodies_are_not_copied() {
        let body = Bytes::from(alloc::vec![7; 3]);
        let at = body.as_ptr();
        let mut output = Output::default();
        output.stream(RecordType::STDIN, 1, body, FORMAT);
        assert!(output.slices().any(|chunk| chunk.as_ptr() == at));
    }

    #[test]
    fn a_buffer_that_is_never_empty_does_not_grow() {
        let mut output = Output::default();
        for _ in 0..100_000 {
            output.stream_end(RecordType::STDIN, 1);
            output.stream_end(RecordType::STDIN, 1);
            let most = output.len() - 8;
            output.advance(most);
        }
        assert!(output.buffer.held() < 4 * COMPACT_BYTES);
        assert!(output.segments.capacity() < 4 * COMPACT_SEGMENTS);
    }
}
