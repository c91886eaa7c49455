//! The streaming record decoder that both connections use.

use bytes::{Buf, Bytes, BytesMut};

use super::Part;
use crate::DecodeError;
use crate::wire::{BeginBody, EndBody, RecordHeader, RecordType};

/// A part whose content is a slice of the input.
pub type BorrowedPart<'a> = Part<&'a [u8]>;

/// Takes records apart, from input in any pieces.
///
/// Content is handed out as it arrives, never assembled: what the decoder
/// holds is 8 bytes of a header or body that is cut off. The padding of
/// records is skipped whatever it holds.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::{Part, RecordDecoder, RecordType};
///
/// let wire = b"\x01\x06\x00\x01\x00\x05\x03\x00hello\0\0\0";
/// let mut decoder = RecordDecoder::new();
///
/// // A read that ends inside the record: its bytes do not wait for the rest.
/// let (used, part) = decoder.decode_slice(&wire[..11])?;
/// let (record_type, request_id) = (RecordType::STDOUT, 1);
/// assert_eq!(part, Some(Part::Stream { record_type, request_id, content: &b"hel"[..] }));
///
/// let (used, part) = decoder.decode_slice(&wire[used..])?;
/// assert_eq!(part, Some(Part::Stream { record_type, request_id, content: &b"lo"[..] }));
/// # Ok::<(), fastcgi_proto::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RecordDecoder {
    state: State,
    header: RecordHeader,
    /// Content of the current record that was not handed out.
    content: u16,
    /// Bytes to skip before the next header.
    skip: u32,
    carry: [u8; 8],
    carried: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Skipping, then reading a header.
    Header,
    /// Reading the 8 bytes of a discrete record.
    Body,
    /// Handing out content.
    Content,
    /// Out of step for good.
    Failed(DecodeError),
}

/// How one step went: `before` bytes are used up, then `content` bytes
/// belong to the part.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) before: usize,
    pub(crate) content: usize,
    pub(crate) found: Option<Found>,
}

/// What a part is made of, besides the header and the content.
#[derive(Clone, Copy)]
pub(crate) enum Found {
    Discrete([u8; 8]),
    Abort,
    Stream,
    StreamEnd,
    Values,
    Unknown,
}

impl Default for RecordDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordDecoder {
    /// A decoder at the start of a connection.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Header,
            header: RecordHeader {
                record_type: RecordType(0),
                request_id: 0,
                content_len: 0,
                padding_len: 0,
            },
            content: 0,
            skip: 0,
            carry: [0; 8],
            carried: 0,
        }
    }

    /// Takes the next part off the front of `input`; content is split off
    /// without copying it. `None`: all input is used, read more.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]: close the connection. Every later call returns it
    /// again.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Part<Bytes>>, DecodeError> {
        let step = self.step(input)?;
        let Some(found) = step.found else {
            input.advance(step.before);
            return Ok(None);
        };
        Ok(Some(self.part(found, step.take(input))))
    }

    /// Takes the next part off the front of `input` without any allocation,
    /// and says how many bytes were used. `None`: all input is used.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_slice<'a>(
        &mut self,
        input: &'a [u8],
    ) -> Result<(usize, Option<BorrowedPart<'a>>), DecodeError> {
        let step = self.step(input)?;
        let end = step.before + step.content;
        let part = step
            .found
            .map(|found| self.part(found, &input[step.before..end]));
        Ok((end, part))
    }

    /// Bytes that are still wanted for the current header or record: a good
    /// size for the next read.
    #[must_use]
    pub fn hint(&self) -> usize {
        match self.state {
            State::Header => self.skip as usize + RecordHeader::LEN - usize::from(self.carried),
            State::Body => 8 - usize::from(self.carried) + self.skip as usize,
            State::Content => usize::from(self.content) + self.skip as usize,
            State::Failed(_) => 0,
        }
    }

    /// Whether the input so far ends between two records.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        self.state == State::Header && self.skip == 0 && self.carried == 0
    }

    /// The header of the current record.
    #[inline]
    pub(crate) const fn header(&self) -> RecordHeader {
        self.header
    }

    /// Puts a part together.
    pub(crate) fn part<B>(&self, found: Found, content: B) -> Part<B> {
        let RecordHeader {
            record_type,
            request_id,
            ..
        } = self.header;
        match found {
            Found::Stream => Part::Stream {
                record_type,
                request_id,
                content,
            },
            Found::StreamEnd => Part::StreamEnd {
                record_type,
                request_id,
            },
            Found::Values => Part::Values {
                record_type,
                content,
                remaining: self.content,
            },
            Found::Abort => Part::Abort { request_id },
            Found::Unknown => Part::Unknown {
                record_type,
                request_id,
            },
            Found::Discrete(bytes) => match record_type {
                RecordType::BEGIN_REQUEST => Part::Begin {
                    request_id,
                    body: BeginBody::decode(bytes),
                },
                RecordType::END_REQUEST => Part::End {
                    request_id,
                    body: EndBody::decode(bytes),
                },
                _ => Part::UnknownType(RecordType(bytes[0])),
            },
        }
    }

    /// Finds the next part in `input`.
    #[inline(always)]
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Step, DecodeError> {
        // By far the most frequent: a stream record whose header is at hand.
        let before = self.skip as usize + RecordHeader::LEN;
        if self.state == State::Header
            && self.carried == 0
            && input.len() > before
            && let Some(bytes) = input[self.skip as usize..].first_chunk::<8>()
            && let Ok(header) = RecordHeader::decode(*bytes)
            && header.record_type.is_stream()
            && header.request_id != 0
            && header.content_len != 0
        {
            self.header = header;
            self.skip = u32::from(header.padding_len);
            let content = usize::from(header.content_len).min(input.len() - before);
            // At most `content_len`.
            self.content = header.content_len - u16::try_from(content).unwrap_or(u16::MAX);
            if self.content > 0 {
                self.state = State::Content;
            }
            return Ok(Step {
                before,
                content,
                found: Some(Found::Stream),
            });
        }
        // Then, content that continues.
        if self.state == State::Content && !input.is_empty() {
            return Ok(self.take_content(0, input.len()));
        }
        self.step_any(input)
    }

    fn step_any(&mut self, input: &[u8]) -> Result<Step, DecodeError> {
        let mut used = 0;
        if self.state == State::Header {
            // A `u32` of skipped bytes: `usize` is at least that wide here.
            let skip = input.len().min(self.skip as usize);
            self.skip -= u32::try_from(skip).unwrap_or(self.skip);
            used = skip;
            let Some(bytes) = self.take8(input, &mut used) else {
                return Ok(Step::nothing(used));
            };
            if let Some(found) = self.read_header(bytes)? {
                return Ok(Step::found(used, found));
            }
        }
        match self.state {
            State::Body => match self.take8(input, &mut used) {
                Some(bytes) => {
                    self.state = State::Header;
                    Ok(Step::found(used, Found::Discrete(bytes)))
                }
                None => Ok(Step::nothing(used)),
            },
            State::Content => Ok(self.take_content(used, input.len() - used)),
            State::Failed(error) => Err(error),
            State::Header => Ok(Step::nothing(used)),
        }
    }

    /// 8 bytes, some of which may have come earlier.
    #[inline]
    fn take8(&mut self, input: &[u8], used: &mut usize) -> Option<[u8; 8]> {
        let rest = &input[*used..];
        if self.carried == 0
            && let Some(bytes) = rest.first_chunk::<8>()
        {
            *used += 8;
            return Some(*bytes);
        }
        let have = usize::from(self.carried);
        let take = rest.len().min(8 - have);
        self.carry[have..have + take].copy_from_slice(&rest[..take]);
        *used += take;
        let have = have + take;
        // At most 8.
        self.carried = u8::try_from(have).unwrap_or(8);
        (have == 8).then(|| {
            self.carried = 0;
            self.carry
        })
    }

    /// Decides what follows a header; a part if the record needs no more.
    fn read_header(&mut self, bytes: [u8; 8]) -> Result<Option<Found>, DecodeError> {
        let decoded = RecordHeader::decode(bytes).and_then(|header| check(header).map(|()| header));
        let header = match decoded {
            Ok(header) => header,
            Err(error) => {
                self.state = State::Failed(error);
                return Err(error);
            }
        };
        self.header = header;
        self.skip = u32::from(header.padding_len);
        self.content = header.content_len;
        Ok(match header.record_type {
            RecordType::BEGIN_REQUEST | RecordType::END_REQUEST | RecordType::UNKNOWN_TYPE => {
                self.state = State::Body;
                // `check` saw at least 8 bytes; what exceeds them is skipped.
                self.skip += u32::from(header.content_len) - 8;
                None
            }
            RecordType::GET_VALUES | RecordType::GET_VALUES_RESULT => {
                self.state = State::Content;
                None
            }
            RecordType::ABORT_REQUEST => Some(Found::Abort),
            record_type if !record_type.is_stream() => {
                self.skip += u32::from(header.content_len);
                Some(Found::Unknown)
            }
            _ if header.content_len == 0 => Some(Found::StreamEnd),
            _ => {
                self.state = State::Content;
                None
            }
        })
    }

    #[inline(always)]
    fn take_content(&mut self, before: usize, available: usize) -> Step {
        let stream = self.header.record_type.is_stream();
        // An empty GET_VALUES is a part too.
        if available == 0 && (stream || self.content > 0) {
            return Step::nothing(before);
        }
        let content = u16::try_from(available).map_or(self.content, |n| n.min(self.content));
        self.content -= content;
        if self.content == 0 {
            self.state = State::Header;
        }
        Step {
            before,
            content: usize::from(content),
            found: Some(if stream { Found::Stream } else { Found::Values }),
        }
    }
}

/// Lengths and ids that the specification fixes.
fn check(header: RecordHeader) -> Result<(), DecodeError> {
    let RecordHeader {
        record_type,
        request_id,
        content_len: got,
        ..
    } = header;
    if record_type.is_management() {
        if request_id != 0 {
            return Err(DecodeError::ManagementId {
                record_type,
                request_id,
            });
        }
    } else if request_id == 0 && record_type.is_known() {
        return Err(DecodeError::NullId { record_type });
    }
    match record_type {
        RecordType::BEGIN_REQUEST if got != 8 => Err(DecodeError::BeginLength { got }),
        RecordType::END_REQUEST if got < 8 => Err(DecodeError::EndLength { got }),
        RecordType::ABORT_REQUEST if got != 0 => Err(DecodeError::AbortLength { got }),
        RecordType::UNKNOWN_TYPE if got < 8 => Err(DecodeError::UnknownTypeLength { got }),
        _ => Ok(()),
    }
}

impl Step {
    /// Takes the step off the front of `input`; what remains is its content.
    #[inline(always)]
    pub(crate) fn take(&self, input: &mut BytesMut) -> Bytes {
        if self.content == 0 {
            input.advance(self.before);
            return Bytes::new();
        }
        let mut content = input.split_to(self.before + self.content).freeze();
        content.advance(self.before);
        content
    }

    const fn nothing(before: usize) -> Self {
        Self {
            before,
            content: 0,
            found: None,
        }
    }

    const fn found(before: usize, found: Found) -> Self {
        Self {
            before,
            content: 0,
            found: Some(found),
        }
    }
}
