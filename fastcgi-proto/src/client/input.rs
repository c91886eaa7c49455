//! What comes from the application.

use bytes::{Bytes, BytesMut};

use super::request::Request;
use super::{CloseReason, Connection, EndSource, Event, MissingEnd, UnknownRecords};
use crate::ProtocolError;
use crate::record::{Found, Part};
use crate::values::Values;
use crate::wire::{EndBody, ProtocolStatus, RecordHeader, RecordType};

impl Connection {
    /// Takes input off the front of `input` up to the next event. `None`: all
    /// of it is used, read more.
    ///
    /// Content is split off without copying.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`]: close the connection; its requests have failed.
    /// Every later call returns it again.
    pub fn handle_input(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        while !input.is_empty() {
            let step = match self.decoder.step(input) {
                Ok(step) => step,
                Err(error) => return Err(self.fail(error.into())),
            };
            let content = step.take(input);
            let event = match step.found {
                None => return Ok(None),
                Some(Found::Stream) => self.content(content),
                Some(found) => {
                    let part = self.decoder.part(found, content);
                    self.other(part, input)
                }
            };
            match event {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(None)
    }

    /// Takes note that the peer has closed its side; call it until it returns
    /// `None`.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::UnexpectedEof`] if a request was active or a record
    /// incomplete: what came of the answer is not all of it.
    pub fn handle_eof(&mut self) -> Result<Option<Event>, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.close.get_or_insert(CloseReason::PeerClosed);
        self.output.close();
        let accept = self.config.missing_end == MissingEnd::AcceptAfterStdoutEnd;
        let Some(request) = self.requests.iter_mut().find_map(Option::as_mut) else {
            return Ok(None);
        };
        let (id, aborted) = (request.id, request.aborted);
        let (responded, stdout_ended) = (request.responded, request.stdout_ended);
        if aborted {
            self.release(id);
            return self.handle_eof();
        }
        if accept && stdout_ended && self.decoder.is_at_boundary() {
            self.release(id);
            return Ok(Some(Event::End {
                request: id,
                app_status: 0,
                protocol_status: ProtocolStatus::REQUEST_COMPLETE,
                source: EndSource::Eof,
            }));
        }
        Err(self.fail(ProtocolError::UnexpectedEof {
            responded,
            stdout_ended,
        }))
    }

    /// Content of a stream; the header is the decoder's.
    #[inline(always)]
    fn content(&mut self, content: Bytes) -> Result<Option<Event>, ProtocolError> {
        let RecordHeader {
            record_type,
            request_id,
            ..
        } = self.decoder.header();
        let output = Output::of(record_type)?;
        let Some(request) = self.answering(request_id) else {
            return Ok(self.stray(record_type, request_id));
        };
        if request.aborted {
            return Ok(None);
        }
        if output.is_ended(request) {
            return Err(ProtocolError::AfterStreamEnd {
                record_type,
                request_id,
            });
        }
        request.responded = true;
        let request = request.id;
        Ok(Some(match output {
            Output::Stdout => Event::Stdout { request, content },
            Output::Stderr => Event::Stderr { request, content },
        }))
    }

    fn stream_end(
        &mut self,
        record_type: RecordType,
        request_id: u16,
    ) -> Result<Option<Event>, ProtocolError> {
        let output = Output::of(record_type)?;
        let Some(request) = self.answering(request_id) else {
            return Ok(self.stray(record_type, request_id));
        };
        // Ended twice, or an answer that nobody waits for: no news.
        if request.aborted || output.is_ended(request) {
            return Ok(None);
        }
        request.responded = true;
        let request_id = request.id;
        Ok(Some(match output {
            Output::Stdout => {
                request.stdout_ended = true;
                Event::StdoutEnd {
                    request: request_id,
                }
            }
            Output::Stderr => {
                request.stderr_ended = true;
                Event::StderrEnd {
                    request: request_id,
                }
            }
        }))
    }

    fn end(&mut self, request_id: u16, body: EndBody, rest: &BytesMut) -> Option<Event> {
        let Some(request) = self.answering(request_id) else {
            return self.stray(RecordType::END_REQUEST, request_id);
        };
        let (id, input_complete) = (request.id, request.input_complete());
        self.release(id);
        if !self.is_multiplexed() {
            if !input_complete || !self.output.is_empty() {
                // Whoever reads on would take the rest for something else.
                self.output.clear();
                self.close.get_or_insert(CloseReason::InputIncomplete);
            }
            // All that may follow is the padding of this record.
            if rest.len() + 8 > self.decoder.hint() {
                self.close.get_or_insert(CloseReason::TrailingBytes);
            }
        }
        if !self.config.keep_conn {
            self.close.get_or_insert(CloseReason::NoKeep);
        }
        Some(Event::End {
            request: id,
            app_status: body.app_status,
            protocol_status: body.protocol_status,
            source: EndSource::Record,
        })
    }

    fn other(
        &mut self,
        part: Part<Bytes>,
        rest: &BytesMut,
    ) -> Result<Option<Event>, ProtocolError> {
        match part {
            Part::End { request_id, body } => Ok(self.end(request_id, body, rest)),
            Part::StreamEnd {
                record_type,
                request_id,
            } => self.stream_end(record_type, request_id),
            Part::Values {
                record_type: RecordType::GET_VALUES_RESULT,
                content,
                remaining,
            } => self.values(&content, remaining),
            Part::Values { record_type, .. } => Err(ProtocolError::WrongSide { record_type }),
            Part::UnknownType(record_type) => Ok(Some(Event::UnknownType(record_type))),
            Part::Unknown {
                record_type,
                request_id,
            } => match self.config.unknown_records {
                UnknownRecords::Skip => Ok(Some(Event::Ignored {
                    record_type,
                    request_id,
                })),
                UnknownRecords::Fail => Err(ProtocolError::UnknownRecord { record_type }),
            },
            Part::Begin { .. } => Err(ProtocolError::WrongSide {
                record_type: RecordType::BEGIN_REQUEST,
            }),
            Part::Abort { .. } => Err(ProtocolError::WrongSide {
                record_type: RecordType::ABORT_REQUEST,
            }),
            Part::Stream { record_type, .. } => Err(ProtocolError::WrongSide { record_type }),
        }
    }

    fn values(&mut self, piece: &Bytes, remaining: u16) -> Result<Option<Event>, ProtocolError> {
        let limit = self.config.limits.management_bytes;
        let Some(content) = self.values.push(piece, remaining, limit)? else {
            return Ok(None);
        };
        let values = Values::decode(&content).map_err(|source| ProtocolError::Pairs {
            record_type: RecordType::GET_VALUES_RESULT,
            source,
        })?;
        self.peer_multiplexes = values.mpxs_conns == Some(true);
        Ok(Some(Event::Values(values)))
    }

    /// The request that a record belongs to, aborted or not.
    #[inline]
    fn answering(&mut self, request_id: u16) -> Option<&mut Request> {
        self.requests
            .get_mut(usize::from(request_id).checked_sub(1)?)?
            .as_mut()
    }

    /// A record of no active request: told, and outside multiplexing a sign
    /// that the peer is out of step.
    #[cold]
    fn stray(&mut self, record_type: RecordType, request_id: u16) -> Option<Event> {
        if !self.is_multiplexed() {
            self.close.get_or_insert(CloseReason::StrayRecord);
        }
        Some(Event::Ignored {
            record_type,
            request_id,
        })
    }

    #[cold]
    fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.failed = Some(error);
        self.close = Some(CloseReason::Error);
        self.output.close();
        error
    }
}

/// The two streams from an application.
#[derive(Clone, Copy)]
enum Output {
    Stdout,
    Stderr,
}

impl Output {
    #[inline]
    fn of(record_type: RecordType) -> Result<Self, ProtocolError> {
        match record_type {
            RecordType::STDOUT => Ok(Self::Stdout),
            RecordType::STDERR => Ok(Self::Stderr),
            _ => Err(ProtocolError::WrongSide { record_type }),
        }
    }

    const fn is_ended(self, request: &Request) -> bool {
        match self {
            Self::Stdout => request.stdout_ended,
            Self::Stderr => request.stderr_ended,
        }
    }
}
