//! What the application can do with its connection.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::Config;
use super::request::Request;
use crate::record::{Format, Outgoing, Output, RecordDecoder};
use crate::values::Assembly;
use crate::wire::{EndBody, ProtocolStatus, RecordType};
use crate::{ProtocolError, RequestId};

/// The application's side of one connection, without I/O.
///
/// See the [module](super) for how it is driven.
#[derive(Debug)]
pub struct Connection {
    pub(super) config: Config,
    pub(super) output: Output,
    pub(super) decoder: RecordDecoder,
    pub(super) requests: Vec<Request>,
    pub(super) generation: u32,
    pub(super) values: Assembly,
    /// Input bytes handed out and not yet consumed, of all requests.
    unread: usize,
    /// A request without `KEEP_CONN` has ended.
    pub(super) closing: bool,
    pub(super) eof: bool,
    /// Nobody reads what is written.
    pub(super) left: bool,
    pub(super) failed: Option<ProtocolError>,
}

/// What is to become of the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disposition {
    /// More may come.
    KeepOpen,
    /// Write what is queued, close the sending side, read and drop what the
    /// peer still sends, up to this many bytes, then close. Closing with
    /// input unread would reset the connection and with it the answer.
    CloseAfterFlush {
        /// Bytes to read at most.
        drain_bytes: u64,
    },
    /// Close now: the peer broke the protocol, or left.
    Close,
}

/// The request has ended, or never was one of this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the request is not active")]
pub struct InactiveRequest;

impl Connection {
    /// A connection that was just accepted.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            output: Output::default(),
            decoder: RecordDecoder::new(),
            requests: Vec::new(),
            generation: 0,
            values: Assembly::default(),
            unread: 0,
            closing: false,
            eof: false,
            left: false,
            failed: None,
        }
    }

    /// Queues output of a request, by reference. Empty `content` queues
    /// nothing: only [`end`](Self::end) ends the stream.
    ///
    /// # Errors
    ///
    /// [`InactiveRequest`] after its end; drop the output.
    pub fn stdout(&mut self, request: RequestId, content: Bytes) -> Result<(), InactiveRequest> {
        self.find(request)?;
        self.queue(RecordType::STDOUT, request, content);
        Ok(())
    }

    /// Queues a message for the web server's log, by reference.
    ///
    /// # Errors
    ///
    /// [`InactiveRequest`] after the request's end.
    pub fn stderr(&mut self, request: RequestId, content: Bytes) -> Result<(), InactiveRequest> {
        self.find(request)?.stderr_used |= !content.is_empty();
        self.queue(RecordType::STDERR, request, content);
        Ok(())
    }

    /// Ends a request: its output streams, then `END_REQUEST` with
    /// `app_status`, once, also after an abort.
    ///
    /// # Errors
    ///
    /// [`InactiveRequest`] if it has ended before.
    pub fn end(&mut self, request: RequestId, app_status: u32) -> Result<(), InactiveRequest> {
        let stderr_used = self.find(request)?.stderr_used;
        if !self.is_mute() {
            if stderr_used {
                self.output.stream_end(RecordType::STDERR, request.get());
            }
            self.output.stream_end(RecordType::STDOUT, request.get());
        }
        self.put_end(request.get(), app_status, ProtocolStatus::REQUEST_COMPLETE);
        self.release(request.get());
        Ok(())
    }

    /// Refuses a request, for example as
    /// [`OVERLOADED`](ProtocolStatus::OVERLOADED).
    ///
    /// # Errors
    ///
    /// [`InactiveRequest`] after the request's end.
    pub fn reject(
        &mut self,
        request: RequestId,
        status: ProtocolStatus,
    ) -> Result<(), InactiveRequest> {
        self.find(request)?;
        self.put_end(request.get(), 0, status);
        self.release(request.get());
        Ok(())
    }

    /// Reports `len` bytes of `Stdin` or `Data` as taken by the application.
    /// As long as [`unread_input`](crate::ConnectionLimits::unread_input) is
    /// reached, the connection wants no more input.
    pub fn consumed(&mut self, request: RequestId, len: usize) {
        if let Ok(request) = self.find(request) {
            let len = len.min(request.unread);
            request.unread -= len;
            self.unread -= len;
        }
    }

    /// Bytes that can be queued before
    /// [`queued_output`](crate::ConnectionLimits::queued_output) is reached; at
    /// 0 write first.
    #[must_use]
    pub const fn send_capacity(&self) -> usize {
        self.config
            .limits
            .queued_output
            .saturating_sub(self.output.len())
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

    /// Whether to read: not while the application holds as much unread
    /// input, or the peer as many unread answers, as the limits allow.
    #[must_use]
    pub const fn wants_read(&self) -> bool {
        !self.eof
            && self.failed.is_none()
            && self.unread < self.config.limits.unread_input
            && self.send_capacity() > 0
    }

    /// How many more bytes the current record needs: a size for the next
    /// read.
    #[must_use]
    pub fn read_hint(&self) -> usize {
        self.decoder.hint()
    }

    /// What is to become of the transport.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        if self.failed.is_some() {
            return Disposition::Close;
        }
        if !self.requests.is_empty() {
            return Disposition::KeepOpen;
        }
        if self.eof {
            return if self.output.is_empty() {
                Disposition::Close
            } else {
                Disposition::CloseAfterFlush { drain_bytes: 0 }
            };
        }
        if self.closing {
            return Disposition::CloseAfterFlush {
                drain_bytes: self.config.limits.drain_bytes,
            };
        }
        Disposition::KeepOpen
    }

    /// The number of requests that have not ended.
    #[must_use]
    pub const fn active(&self) -> usize {
        self.requests.len()
    }

    /// Whether the peer is known to send no more.
    #[cfg(feature = "tokio")]
    pub(crate) const fn is_at_eof(&self) -> bool {
        self.eof
    }

    /// The request with this id and generation, if its params are complete.
    fn find(&mut self, id: RequestId) -> Result<&mut Request, InactiveRequest> {
        self.requests
            .iter_mut()
            .find(|request| request.id == id)
            .ok_or(InactiveRequest)
    }

    /// Books input that is handed out.
    pub(super) fn hand_out(&mut self, index: usize, len: usize) {
        self.requests[index].unread += len;
        self.unread += len;
    }

    /// Forgets a request that has been ended.
    pub(super) fn release(&mut self, request_id: u16) {
        if let Some(index) = self.position(request_id) {
            let request = self.requests.swap_remove(index);
            self.unread -= request.unread;
            self.closing |= !request.keep_conn;
        }
    }

    pub(super) fn position(&self, request_id: u16) -> Option<usize> {
        self.requests
            .iter()
            .position(|request| request.id.get() == request_id)
    }

    pub(super) fn put_end(&mut self, request_id: u16, app_status: u32, status: ProtocolStatus) {
        if self.is_mute() {
            return;
        }
        let body = EndBody {
            app_status,
            protocol_status: status,
        };
        self.output
            .record(RecordType::END_REQUEST, request_id, &body.encode());
    }

    /// Whether output is dropped, as nobody is to get it.
    const fn is_mute(&self) -> bool {
        self.left || self.failed.is_some()
    }

    fn queue(&mut self, record_type: RecordType, request: RequestId, content: Bytes) {
        if self.is_mute() {
            return;
        }
        let format = Format {
            max_content: self.config.max_content.max(1),
            pad: self.config.pad,
        };
        self.output
            .stream(record_type, request.get(), content, format);
    }
}
