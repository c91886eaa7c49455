//! What comes from the web server.

use bytes::{Bytes, BytesMut};

use super::request::Request;
use super::{Connection, Event, PeerClose};
use crate::record::Part;
use crate::values::ValueNames;
use crate::wire::{BeginBody, ProtocolStatus, RecordType, Role};
use crate::{ProtocolError, RequestId};

type Outcome = Result<Option<Event>, ProtocolError>;

impl Connection {
    /// Takes input off the front of `input` up to the next event. `None`: all
    /// of it is used, read more.
    ///
    /// Content is split off without copying; params that come in one record
    /// and one read are not copied either.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`]: close the connection and drop its requests. Every
    /// later call returns it again.
    pub fn handle_input(&mut self, input: &mut BytesMut) -> Outcome {
        if let Some(error) = self.failed {
            return Err(error);
        }
        loop {
            let outcome = match self.decoder.decode(input) {
                Ok(Some(part)) => self.part(part),
                Ok(None) => return Ok(None),
                Err(error) => Err(error.into()),
            };
            match outcome {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                Err(error) => {
                    self.failed = Some(error);
                    self.output.clear();
                    return Err(error);
                }
            }
        }
    }

    /// Takes note that the peer has closed its side; call it until it returns
    /// `None`, and again when more is known about the peer.
    ///
    /// Requests whose input is not complete are aborted. The others are if
    /// `close`, with [`half_close`](super::Config::half_close), says that
    /// nobody waits for them. After [`PeerClose::Full`] there is nothing to
    /// write any more; output is dropped.
    pub fn handle_eof(&mut self, close: PeerClose) -> Option<Event> {
        self.eof = true;
        let all = match close {
            PeerClose::Half => false,
            PeerClose::Unknown => !self.config.half_close,
            PeerClose::Full => {
                self.left = true;
                self.output.clear();
                true
            }
        };
        // Without their params these were never requests.
        self.requests.retain(|request| request.params.is_none());
        let request = self
            .requests
            .iter_mut()
            .find(|request| !request.aborted && (all || !request.input_complete()))?;
        request.aborted = true;
        Some(Event::Abort {
            request: request.id,
        })
    }

    fn part(&mut self, part: Part<Bytes>) -> Outcome {
        match part {
            Part::Stream {
                record_type: record_type @ (RecordType::STDIN | RecordType::DATA),
                request_id,
                content,
            } => self.input(record_type, request_id, content),
            Part::Stream {
                record_type: RecordType::PARAMS,
                request_id,
                content,
            } => self.params(request_id, content),
            Part::StreamEnd {
                record_type: RecordType::PARAMS,
                request_id,
            } => self.params_end(request_id),
            Part::StreamEnd {
                record_type: record_type @ (RecordType::STDIN | RecordType::DATA),
                request_id,
            } => self.input_end(record_type, request_id),
            Part::Begin { request_id, body } => self.begin(request_id, body),
            Part::Abort { request_id } => Ok(self.abort(request_id)),
            Part::Values {
                record_type: RecordType::GET_VALUES,
                content,
                remaining,
            } => self.get_values(&content, remaining),
            Part::Unknown {
                record_type,
                request_id,
            } => {
                if request_id == 0 {
                    let content = [record_type.0, 0, 0, 0, 0, 0, 0, 0];
                    self.output.record(RecordType::UNKNOWN_TYPE, 0, &content);
                }
                Ok(None)
            }
            Part::Stream { record_type, .. }
            | Part::StreamEnd { record_type, .. }
            | Part::Values { record_type, .. } => Err(ProtocolError::WrongSide { record_type }),
            Part::End { .. } => Err(ProtocolError::WrongSide {
                record_type: RecordType::END_REQUEST,
            }),
            Part::UnknownType(_) => Err(ProtocolError::WrongSide {
                record_type: RecordType::UNKNOWN_TYPE,
            }),
        }
    }

    fn begin(&mut self, request_id: u16, body: BeginBody) -> Outcome {
        if self.position(request_id).is_some() {
            return Err(ProtocolError::DuplicateBegin { request_id });
        }
        if self.closing {
            // The peer said that no more would come; it gets no answer here.
            return Ok(None);
        }
        let keep_conn = body.flags.is_keep_conn();
        let limits = &self.config.limits;
        let half_open = self.requests.iter().filter(|r| r.params.is_some()).count();
        let refusal = if !self.config.multiplex && !self.requests.is_empty() {
            Some(ProtocolStatus::CANT_MPX_CONN)
        } else if !self.config.roles.contains(body.role) {
            Some(ProtocolStatus::UNKNOWN_ROLE)
        } else if self.requests.len() >= limits.requests || half_open >= limits.half_open_requests {
            Some(ProtocolStatus::OVERLOADED)
        } else {
            None
        };
        if let Some(status) = refusal {
            self.put_end(request_id, 0, status);
            self.closing |= !keep_conn;
            return Ok(None);
        }
        let id = RequestId::new(request_id, self.generation);
        self.generation = self.generation.wrapping_add(1);
        self.requests.push(Request::new(id, body.role, keep_conn));
        Ok(None)
    }

    fn params(&mut self, request_id: u16, content: Bytes) -> Outcome {
        let limit = self.config.limits.params_bytes;
        let Some(index) = self.position(request_id) else {
            return Ok(None);
        };
        let Some(params) = &mut self.requests[index].params else {
            return Err(ProtocolError::AfterStreamEnd {
                record_type: RecordType::PARAMS,
                request_id,
            });
        };
        if params.len() + content.len() > limit {
            self.refuse(request_id);
            return Ok(None);
        }
        params.push(content);
        Ok(None)
    }

    fn params_end(&mut self, request_id: u16) -> Outcome {
        let Some(index) = self.position(request_id) else {
            return Ok(None);
        };
        let request = &mut self.requests[index];
        let Some(params) = request.params.take() else {
            return Ok(None);
        };
        let params = params.finish().map_err(|source| ProtocolError::Pairs {
            record_type: RecordType::PARAMS,
            source,
        })?;
        if params.len() > self.config.limits.params_pairs {
            self.refuse(request_id);
            return Ok(None);
        }
        // A length that is no number is no declaration.
        request
            .stdin
            .declare(params.content_length().ok().flatten());
        if request.role == Role::FILTER {
            request.data.declare(params.data_length().ok().flatten());
        }
        Ok(Some(Event::Request {
            request: request.id,
            role: request.role,
            params,
            keep_conn: request.keep_conn,
        }))
    }

    fn input(&mut self, record_type: RecordType, request_id: u16, mut content: Bytes) -> Outcome {
        let Some(index) = self.reading(record_type, request_id)? else {
            return Ok(None);
        };
        let request = &mut self.requests[index];
        let id = request.id;
        let is_data = record_type == RecordType::DATA;
        let stream = if is_data {
            &mut request.data
        } else {
            &mut request.stdin
        };
        if stream.ended {
            return Err(ProtocolError::AfterStreamEnd {
                record_type,
                request_id,
            });
        }
        stream.receive(&mut content);
        if content.is_empty() {
            return Ok(None);
        }
        self.hand_out(index, content.len());
        Ok(Some(if is_data {
            Event::Data {
                request: id,
                content,
            }
        } else {
            Event::Stdin {
                request: id,
                content,
            }
        }))
    }

    fn input_end(&mut self, record_type: RecordType, request_id: u16) -> Outcome {
        let Some(index) = self.reading(record_type, request_id)? else {
            return Ok(None);
        };
        let request = &mut self.requests[index];
        let id = request.id;
        // Some web servers end a stream twice: that is no news.
        Ok(if record_type == RecordType::DATA {
            let check = request.data.end();
            check.map(|check| Event::DataEnd { request: id, check })
        } else {
            let check = request.stdin.end();
            check.map(|check| Event::StdinEnd { request: id, check })
        })
    }

    /// The request that reads this stream, unless the record is to be
    /// ignored.
    fn reading(
        &self,
        record_type: RecordType,
        request_id: u16,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(index) = self.position(request_id) else {
            return Ok(None);
        };
        let request = &self.requests[index];
        if request.params.is_some() {
            return Err(ProtocolError::BeforeParamsEnd {
                record_type,
                request_id,
            });
        }
        let has_stream = match record_type {
            RecordType::DATA => request.role == Role::FILTER,
            _ => request.role != Role::AUTHORIZER,
        };
        Ok((has_stream && !request.aborted).then_some(index))
    }

    fn abort(&mut self, request_id: u16) -> Option<Event> {
        let index = self.position(request_id)?;
        let request = &mut self.requests[index];
        if request.params.is_some() {
            // The application never heard of it.
            self.put_end(request_id, 0, ProtocolStatus::REQUEST_COMPLETE);
            self.release(request_id);
            return None;
        }
        if core::mem::replace(&mut request.aborted, true) {
            return None;
        }
        Some(Event::Abort {
            request: request.id,
        })
    }

    fn get_values(&mut self, piece: &Bytes, remaining: u16) -> Outcome {
        let limit = self.config.limits.management_bytes;
        let Some(content) = self.values.push(piece, remaining, limit)? else {
            return Ok(None);
        };
        let names = ValueNames::decode(&content).map_err(|source| ProtocolError::Pairs {
            record_type: RecordType::GET_VALUES,
            source,
        })?;
        let values = self.config.values();
        self.output.append(|out| values.encode(names, out));
        Ok(None)
    }

    /// Answers a request whose params exceed the limits; the rest of it is
    /// ignored.
    fn refuse(&mut self, request_id: u16) {
        self.put_end(request_id, 0, ProtocolStatus::OVERLOADED);
        self.release(request_id);
    }
}
