//! What the caller of a web server connection can do.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use super::request::Request;
use super::{BeginError, CloseReason, Config, Mode, RetryClass, Reuse, SendError, Short};
use crate::record::{Format, Outgoing, Output, RecordDecoder};
use crate::values::{Assembly, ValueNames};
use crate::wire::RecordType;
use crate::{ProtocolError, RequestId};

/// The web server's side of one connection, without I/O.
///
/// See the [module](super) for how it is driven.
#[derive(Debug)]
pub struct Connection {
    pub(super) config: Config,
    pub(super) output: Output,
    pub(super) decoder: RecordDecoder,
    /// The request with id `n` is at `n - 1`.
    pub(super) requests: Vec<Option<Request>>,
    pub(super) active: usize,
    pub(super) generation: u32,
    /// What the peer said about multiplexing.
    pub(super) peer_multiplexes: bool,
    pub(super) values: Assembly,
    pub(super) close: Option<CloseReason>,
    pub(super) failed: Option<ProtocolError>,
}

/// What an abort comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbortAction {
    /// Nothing of the request had been written; it is gone as if it had never
    /// been begun, and the connection is as good as before.
    NotSent,
    /// Close the connection: the only way to abort where one request is
    /// served at a time.
    CloseConnection,
    /// An `ABORT_REQUEST` is queued. The id stays taken, and what comes for
    /// it is dropped, until the application ends the request.
    Sent,
    /// The request had ended before.
    Inactive,
}

impl Connection {
    /// A connection that is open and idle.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            output: Output::default(),
            decoder: RecordDecoder::new(),
            requests: Vec::new(),
            active: 0,
            generation: 0,
            peer_multiplexes: false,
            values: Assembly::default(),
            close: None,
            failed: None,
        }
    }

    /// Queues the next bytes of a request's body, by reference.
    ///
    /// The caller heeds [`send_capacity`](Self::send_capacity); what it sends
    /// beyond is queued all the same.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing of `content` is queued then.
    pub fn send(&mut self, request: RequestId, content: Bytes) -> Result<(), SendError> {
        let active = active(&mut self.requests, request).ok_or(SendError::Inactive)?;
        active.stdin.send(content.len())?;
        self.queue(RecordType::STDIN, request, content);
        Ok(())
    }

    /// Ends a request's body. Ending it twice does nothing.
    ///
    /// # Errors
    ///
    /// [`Short::Missing`] if bytes that were declared are missing: nothing is
    /// sent, [`abort`](Self::abort) is what remains.
    pub fn finish(&mut self, request: RequestId) -> Result<(), Short> {
        let active = active(&mut self.requests, request).ok_or(Short::Inactive)?;
        if active.stdin.finish()? {
            self.output.stream_end(RecordType::STDIN, request.get());
            active.end = self.output.position();
        }
        Ok(())
    }

    /// Whether all of an active request is written: its head, its body, and
    /// their ends. From here on the application can run it to its end;
    /// before, it may have to wait. `false` after its end.
    #[must_use]
    pub fn is_input_complete(&self, request: RequestId) -> bool {
        self.get(request)
            .is_some_and(|active| active.input_complete() && active.end <= self.output.taken())
    }

    /// Whether more of a request's body, or its end, is still to be given to
    /// the connection.
    #[must_use]
    pub fn is_sending(&self, request: RequestId) -> bool {
        self.get(request)
            .is_some_and(|active| !active.aborted && !active.stdin.is_ended())
    }

    /// Queues the next bytes of a Filter's `DATA`, by reference.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendError::StdinOpen`] before
    /// [`finish`](Self::finish).
    pub fn send_data(&mut self, request: RequestId, content: Bytes) -> Result<(), SendError> {
        let active = active(&mut self.requests, request).ok_or(SendError::Inactive)?;
        if !active.stdin.is_ended() {
            return Err(SendError::StdinOpen);
        }
        active.data.send(content.len())?;
        self.queue(RecordType::DATA, request, content);
        Ok(())
    }

    /// Ends a Filter's `DATA`. For other roles it does nothing.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_data(&mut self, request: RequestId) -> Result<(), Short> {
        let active = active(&mut self.requests, request).ok_or(Short::Inactive)?;
        if !active.stdin.is_ended() {
            return Err(Short::StdinOpen);
        }
        if active.data.finish()? {
            self.output.stream_end(RecordType::DATA, request.get());
            active.end = self.output.position();
        }
        Ok(())
    }

    /// Gives a request up.
    ///
    /// Where one request is served at a time the connection is to be closed,
    /// for applications do not read `ABORT_REQUEST` there.
    pub fn abort(&mut self, request: RequestId) -> AbortAction {
        let Some(active) = active(&mut self.requests, request) else {
            return AbortAction::Inactive;
        };
        if self.active == 1 && active.position == self.output.taken() {
            self.output.clear();
            self.release(request);
            return AbortAction::NotSent;
        }
        active.aborted = true;
        if self.is_multiplexed() {
            self.put_header(RecordType::ABORT_REQUEST, request);
            return AbortAction::Sent;
        }
        self.output.clear();
        self.close.get_or_insert(CloseReason::Aborted);
        AbortAction::CloseConnection
    }

    /// Takes a request back of which nothing was written, to send it over
    /// another connection: returns what was queued of its body, in order.
    /// Works after the peer closed or failed, too.
    ///
    /// `None`: some of it was written, or the connection carries others; then
    /// nothing changes.
    pub fn recall(&mut self, request: RequestId) -> Option<VecDeque<Bytes>> {
        let active = self.get(request)?;
        if self.active != 1 || active.position != self.output.taken() {
            return None;
        }
        let head_queued = active.head_queued;
        let mut pieces = self.output.take_bodies();
        if head_queued {
            pieces.pop_front();
        }
        self.release(request);
        Some(pieces)
    }

    /// Bytes that can be sent before [`queued_output`] is reached; at 0 write
    /// first.
    ///
    /// [`queued_output`]: crate::ConnectionLimits::queued_output
    #[must_use]
    pub const fn send_capacity(&self) -> usize {
        self.config
            .limits
            .queued_output
            .saturating_sub(self.output.len())
    }

    /// Asks the application for its limits; the answer is an
    /// [`Event::Values`](super::Event::Values), or
    /// [`Event::UnknownType`](super::Event::UnknownType).
    ///
    /// Ask on an idle connection: php-fpm misreads the question inside a
    /// request.
    pub fn query_values(&mut self, names: ValueNames) {
        self.output.append(|out| names.encode(out));
    }

    /// What is to be written.
    pub fn outgoing(&mut self) -> Outgoing<'_> {
        Outgoing::new(&mut self.output)
    }

    /// Whether there is something to write.
    #[must_use]
    pub const fn wants_write(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether input is of use: until the peer has closed or failed.
    #[must_use]
    pub const fn wants_read(&self) -> bool {
        self.failed.is_none() && !matches!(self.close, Some(CloseReason::PeerClosed))
    }

    /// How many more bytes the current record needs: a size for the next
    /// read.
    #[must_use]
    pub fn read_hint(&self) -> usize {
        self.decoder.hint()
    }

    /// Whether the connection can carry another request.
    #[must_use]
    pub fn reuse(&self) -> Reuse {
        if let Some(reason) = self.close {
            return Reuse::Close(reason);
        }
        if self.active >= self.max_requests() {
            return Reuse::Busy;
        }
        Reuse::Ready
    }

    /// How far an active request got; `None` once it has ended.
    #[must_use]
    pub fn retry_class(&self, request: RequestId) -> Option<RetryClass> {
        self.get(request)
            .map(|active| active.retry_class(self.output.taken()))
    }

    /// The number of requests that have not ended, aborted ones included.
    #[must_use]
    pub const fn active(&self) -> usize {
        self.active
    }

    pub(super) const fn is_multiplexed(&self) -> bool {
        match self.config.mode {
            Mode::Exclusive => false,
            Mode::Negotiated { .. } => self.peer_multiplexes,
            Mode::Multiplexed { .. } => true,
        }
    }

    fn get(&self, id: RequestId) -> Option<&Request> {
        self.requests
            .get(usize::from(id.get()).checked_sub(1)?)?
            .as_ref()
            .filter(|request| request.id == id)
    }

    /// Frees the id of a request.
    pub(super) fn release(&mut self, request: RequestId) {
        let index = usize::from(request.get()) - 1;
        if let Some(slot) = self.requests.get_mut(index)
            && slot.take().is_some()
        {
            self.active -= 1;
        }
    }

    fn max_requests(&self) -> usize {
        match self.config.mode {
            Mode::Negotiated { max } | Mode::Multiplexed { max } if self.is_multiplexed() => {
                usize::from(max.max(1))
            }
            _ => 1,
        }
    }

    pub(super) fn free_index(&self) -> Result<usize, BeginError> {
        match self.reuse() {
            Reuse::Ready => Ok(self
                .requests
                .iter()
                .position(Option::is_none)
                .unwrap_or(self.requests.len())),
            Reuse::Busy => Err(BeginError::Busy),
            Reuse::Close(reason) => Err(BeginError::Closing(reason)),
        }
    }

    fn queue(&mut self, record_type: RecordType, request: RequestId, content: Bytes) {
        let format = Format {
            max_content: self.config.max_content.max(1),
            pad: self.config.pad,
        };
        self.output
            .stream(record_type, request.get(), content, format);
    }

    fn put_header(&mut self, record_type: RecordType, request: RequestId) {
        self.output.stream_end(record_type, request.get());
    }
}

/// The active request `id`, unless it is aborted.
pub(super) fn active(requests: &mut [Option<Request>], id: RequestId) -> Option<&mut Request> {
    requests
        .get_mut(usize::from(id.get()).checked_sub(1)?)?
        .as_mut()
        .filter(|request| request.id == id && !request.aborted)
}
