//! The start of a request.

use super::request::{InputStream, Request};
use super::{BeginError, BodyLen, Connection, RequestHead};
use crate::RequestId;
use crate::buffer::Buffer;
use crate::params::{Declared, Framing, Params, ParamsEncoder};
use crate::wire::{BeginBody, BeginFlags, RecordHeader, RecordType, Role, padding_for};

impl Connection {
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

    /// Begins a request whose head was encoded before, and queues that by
    /// reference: what is sent is what [`begin`](Self::begin) would send.
    ///
    /// The head's `KEEP_CONN` gives way to [`Config::keep_conn`]. Where that
    /// differs, or another id than 1 is free, or the configuration cuts
    /// records differently, the head is encoded once more.
    ///
    /// [`Config::keep_conn`]: super::Config::keep_conn
    ///
    /// # Errors
    ///
    /// [`BeginError`]; nothing is queued then.
    ///
    /// # Examples
    ///
    /// ```
    /// use fastcgi_proto::Role;
    /// use fastcgi_proto::client::{BodyLen, Config, Connection, RequestHeadBuilder};
    ///
    /// let mut head = RequestHeadBuilder::new(Role::RESPONDER);
    /// let mut params = head.params();
    /// params.push(b"REQUEST_METHOD", b"GET")?;
    /// params.finish()?;
    /// let head = head.build()?;
    ///
    /// // On as many connections as it takes.
    /// for _ in 0..2 {
    ///     let mut connection = Connection::new(Config::default());
    ///     connection.begin_head(&head, BodyLen::Empty)?;
    ///     assert!(connection.wants_write());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin_head(
        &mut self,
        head: &RequestHead,
        body: BodyLen,
    ) -> Result<RequestId, BeginError> {
        let role = head.role();
        let index = self.free_index()?;
        if index > 0 || !head.is_as_sent_by(&self.config) {
            return self.begin_with(role, body, |params| {
                for (name, value) in head.params() {
                    params.push(name, value)?;
                }
                Ok(())
            });
        }
        let declared = head.declared();
        check_lengths(role, body, declared, self.config.unknown_length)?;
        let position = self.output.position();
        self.output.records(head.as_bytes().clone());
        if role != Role::AUTHORIZER && body == BodyLen::Empty {
            self.output
                .stream_end(RecordType::STDIN, RequestHead::REQUEST_ID);
        }
        let streams = (body, data_len(role, declared));
        let id = self.admit(index, RequestHead::REQUEST_ID, position, streams);
        if let Some(Some(request)) = self.requests.get_mut(index) {
            request.head_queued = true;
        }
        Ok(id)
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
            data = data_len(role, declared);
            Ok::<(), E>(())
        })?;
        Ok(self.admit(index, request_id, position, (body, data)))
    }

    /// Notes a request whose head is queued.
    #[inline]
    fn admit(
        &mut self,
        index: usize,
        request_id: u16,
        position: u64,
        (stdin, data): (BodyLen, BodyLen),
    ) -> RequestId {
        let id = RequestId::new(request_id, self.generation);
        self.generation = self.generation.wrapping_add(1);
        self.active += 1;
        let request = Request {
            id,
            stdin: InputStream::new(stdin),
            data: InputStream::new(data),
            position,
            end: self.output.position(),
            head_queued: false,
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
        id
    }
}

/// The length of `DATA`, which only a Filter has.
fn data_len(role: Role, declared: Declared) -> BodyLen {
    match (role, declared.data) {
        (Role::FILTER, Ok(Some(len))) => BodyLen::Exact(len),
        (Role::FILTER, _) => BodyLen::Unknown,
        _ => BodyLen::Empty,
    }
}

/// Refuses lengths that the application would misread.
pub(super) fn check_lengths(
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
