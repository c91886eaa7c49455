//! What the caller of a web server connection can do.

use alloc::vec::Vec;

use bytes::Bytes;

use super::request::{InputStream, Request};
use super::{BeginError, BodyLen, CloseReason, Config, Mode, RetryClass, Reuse, SendError, Short};
use crate::buffer::Buffer;
use crate::params::{Declared, Framing, Params, ParamsEncoder};
use crate::record::{Format, Outgoing, Output, RecordDecoder};
use crate::values::{Assembly, ValueNames};
use crate::wire::{BeginBody, BeginFlags, RecordHeader, RecordType, Role, padding_for};
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
    generation: u32,
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

    /// Begins a request: queues `BEGIN_REQUEST` and the params, and for an
    /// empty body the end of it.
    ///
    /// For the Filter role the length of `DATA` is what `FCGI_DATA_LENGTH`
    /// says. `CONTENT_LENGTH` must say what `body` says.
    ///
    /// # Errors
    ///
    /// [`BeginError`]; nothing is queued then.
    pub fn begin(
        &mut self,
        role: Role,
        params: &Params,
        body: BodyLen,
    ) -> Result<RequestId, BeginError> {
        params.check_nul()?;
        if params.as_encoded().len() > usize::from(self.config.max_content) {
            return self.begin_with(role, body, |encoder| {
                params
                    .iter()
                    .try_for_each(|(name, value)| encoder.push(name, value))?;
                Ok(())
            });
        }
        let declared = Declared {
            stdin: params.content_length(),
            data: match role {
                Role::FILTER => params.data_length(),
                _ => Ok(None),
            },
        };
        let pad = self.config.pad;
        self.begin_encoded(role, body, |out, framing| {
            let content = params.as_encoded();
            let header = |len: usize, padding_len| RecordHeader {
                record_type: RecordType::PARAMS,
                request_id: framing.request_id,
                // At most `max_content`, as seen above.
                content_len: u16::try_from(len).unwrap_or(u16::MAX),
                padding_len,
            };
            if !content.is_empty() {
                let padding_len = if pad { padding_for(content.len()) } else { 0 };
                out.put_array(&header(content.len(), padding_len).encode());
                out.put(content);
                out.put_padding(padding_len);
            }
            out.put_array(&header(0, 0).encode());
            Ok(declared)
        })
    }

    /// Begins a request whose params `write` pushes straight into the output:
    /// no copy, no allocation once the connection has served a request.
    ///
    /// # Errors
    ///
    /// [`BeginError`], or what `write` returns; nothing is queued then.
    ///
    /// # Examples
    ///
    /// ```
    /// use fastcgi_proto::Role;
    /// use fastcgi_proto::client::{BeginError, BodyLen, Config, Connection};
    ///
    /// let mut connection = Connection::new(Config::default());
    /// let refused = connection.begin_with(Role::RESPONDER, BodyLen::Exact(3), |params| {
    ///     params.push(b"REQUEST_METHOD", b"PUT")?;
    ///     params.push(b"CONTENT_LENGTH", b"5")?;
    ///     Ok(())
    /// });
    /// let (declared, body) = (Some(5), BodyLen::Exact(3));
    /// assert_eq!(refused, Err(BeginError::ContentLength { declared, body }));
    /// assert!(!connection.wants_write());
    /// ```
    pub fn begin_with<E: From<BeginError>>(
        &mut self,
        role: Role,
        body: BodyLen,
        write: impl FnOnce(&mut ParamsEncoder<'_>) -> Result<(), E>,
    ) -> Result<RequestId, E> {
        self.begin_encoded(role, body, |out, framing| {
            let mut encoder = ParamsEncoder::framed(out, framing);
            write(&mut encoder)?;
            let declared = encoder.declared();
            encoder.finish().map_err(BeginError::from)?;
            Ok(declared)
        })
    }

    #[inline]
    fn begin_encoded<E: From<BeginError>>(
        &mut self,
        role: Role,
        body: BodyLen,
        write: impl FnOnce(&mut Buffer, Framing) -> Result<Declared, E>,
    ) -> Result<RequestId, E> {
        let index = self.free_index()?;
        // `free_index` stays below the `u16` of the mode.
        let request_id = u16::try_from(index + 1).unwrap_or(u16::MAX);
        let (keep, position) = (self.config.keep_conn, self.output.position());
        let framing = Framing {
            request_id,
            max_content: self.config.max_content.max(1),
            pad: self.config.pad,
            split: self.config.pair_split,
        };
        let unknown_length = self.config.unknown_length;
        let mut data = BodyLen::Empty;
        self.output.write(|out| {
            let body_content = BeginBody {
                role,
                flags: BeginFlags::keep_conn(keep),
            };
            let header = RecordHeader {
                record_type: RecordType::BEGIN_REQUEST,
                request_id,
                content_len: 8,
                padding_len: 0,
            };
            out.put_array(&header.encode());
            out.put_array(&body_content.encode());
            let declared = write(out, framing)?;
            check_lengths(role, body, declared, unknown_length)?;
            let end = |record_type| RecordHeader {
                record_type,
                content_len: 0,
                ..header
            };
            if role != Role::AUTHORIZER && body == BodyLen::Empty {
                out.put_array(&end(RecordType::STDIN).encode());
            }
            if role == Role::FILTER {
                data = match declared.data {
                    Ok(Some(len)) => BodyLen::Exact(len),
                    _ => BodyLen::Unknown,
                };
            }
            Ok::<(), E>(())
        })?;
        let id = RequestId::new(request_id, self.generation);
        self.generation = self.generation.wrapping_add(1);
        self.active += 1;
        let request = Request {
            id,
            stdin: InputStream::new(body),
            data: InputStream::new(data),
            position,
            responded: false,
            stdout_ended: false,
            stderr_ended: false,
            aborted: false,
        };
        if index == self.requests.len() {
            self.requests.push(Some(request));
        } else {
            self.requests[index] = Some(request);
        }
        Ok(id)
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
        }
        Ok(())
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

    /// Bytes that can be sent before [`Limits::queued_output`] is reached;
    /// at 0 write first.
    ///
    /// [`Limits::queued_output`]: crate::Limits::queued_output
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

    fn free_index(&self) -> Result<usize, BeginError> {
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

/// Refuses lengths that the application would misread.
fn check_lengths(
    role: Role,
    body: BodyLen,
    declared: Declared,
    unknown_allowed: bool,
) -> Result<(), BeginError> {
    if role == Role::AUTHORIZER && body != BodyLen::Empty {
        return Err(BeginError::AuthorizerBody);
    }
    let matches = match body {
        BodyLen::Empty => matches!(declared.stdin, Ok(None | Some(0))),
        BodyLen::Exact(0) => matches!(declared.stdin, Ok(None | Some(0))),
        BodyLen::Exact(len) => declared.stdin == Ok(Some(len)),
        BodyLen::Unknown if !unknown_allowed => return Err(BeginError::UnknownLength),
        BodyLen::Unknown => declared.stdin == Ok(None),
    };
    if matches {
        return Ok(());
    }
    Err(BeginError::ContentLength {
        declared: declared.stdin.ok().flatten(),
        body,
    })
}
