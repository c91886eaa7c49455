//! Request heads that are encoded once and sent as often as it takes.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use thiserror::Error;

use super::begin::check_lengths;
use super::{BeginError, BodyLen, Config};
use crate::params::{Declared, Framing, InvalidContentLength, ParamsEncoder, ParamsIter};
use crate::wire::{BeginBody, BeginFlags, RecordHeader, RecordType, Role, padding_for};

/// The record that starts every request.
const BEGIN_LEN: usize = RecordHeader::LEN + 8;

/// Room for the params of a usual request, so that one allocation holds them.
const USUAL_BYTES: usize = 2048;

/// Writes a [`RequestHead`].
///
/// ```
/// use fastcgi_proto::Role;
/// use fastcgi_proto::client::RequestHeadBuilder;
///
/// let mut head = RequestHeadBuilder::new(Role::RESPONDER);
/// let mut params = head.params();
/// params.push(b"REQUEST_METHOD", b"POST")?;
/// params.push(b"CONTENT_LENGTH", b"3")?;
/// params.finish()?;
/// assert_eq!(head.param(b"CONTENT_LENGTH"), Some(&b"3"[..]));
/// let head = head.build()?;
/// assert_eq!(head.content_length(), Ok(Some(3)));
///
/// // Params that were not finished are none.
/// let mut head = RequestHeadBuilder::new(Role::RESPONDER);
/// head.params().push(b"REQUEST_METHOD", b"GET")?;
/// assert!(head.build().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RequestHeadBuilder {
    /// `BEGIN_REQUEST`, and the `PARAMS` records once they are finished.
    bytes: Vec<u8>,
    /// `None` until they are.
    declared: Option<Declared>,
    role: Role,
}

/// The params of a request head were never finished: their end is missing,
/// and an application would wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the params of the request were not finished")]
#[non_exhaustive]
pub struct Unfinished;

impl RequestHeadBuilder {
    /// A head without params that asks the application to keep the
    /// connection (`KEEP_CONN`).
    #[must_use]
    pub fn new(role: Role) -> Self {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        let header = RecordHeader {
            record_type: RecordType::BEGIN_REQUEST,
            request_id: RequestHead::REQUEST_ID,
            content_len: 8,
            padding_len: 0,
        };
        let begin = BeginBody {
            role,
            flags: BeginFlags::KEEP_CONN,
        };
        bytes.extend_from_slice(&header.encode());
        bytes.extend_from_slice(&begin.encode());
        Self {
            bytes,
            declared: None,
            role,
        }
    }

    /// Whether the connection is to be kept, as the connection that sends it
    /// wants it; the same saves it a copy.
    #[must_use]
    pub fn keep_conn(mut self, keep: bool) -> Self {
        let begin = BeginBody {
            role: self.role,
            flags: BeginFlags::keep_conn(keep),
        };
        self.bytes[RecordHeader::LEN..BEGIN_LEN].copy_from_slice(&begin.encode());
        self
    }

    /// Writes the params, in place of what was written before. Call
    /// [`finish`](ParamsEncoder::finish) on it, even without a param, or
    /// there is no head to [`build`](Self::build).
    pub fn params(&mut self) -> ParamsEncoder<'_> {
        self.bytes.truncate(BEGIN_LEN);
        self.declared = None;
        ParamsEncoder::head(&mut self.bytes, RequestHead::REQUEST_ID, &mut self.declared)
    }

    /// A param that was written; of several the last, as in PHP.
    #[must_use]
    pub fn param(&self, name: &[u8]) -> Option<&[u8]> {
        HeadParams::new(&self.bytes).find_last(name)
    }

    /// The head, ready to be sent.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] if no params were finished.
    pub fn build(mut self) -> Result<RequestHead, Unfinished> {
        let declared = self.declared.ok_or(Unfinished)?;
        // Without a spare byte the buffer is shared as it is.
        self.bytes.shrink_to_fit();
        Ok(RequestHead {
            bytes: self.bytes.into(),
            declared,
            role: self.role,
        })
    }
}

impl fmt::Debug for RequestHeadBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHeadBuilder")
            .field("role", &self.role)
            .field("bytes", &self.bytes.len())
            .field("is_finished", &self.declared.is_some())
            .finish()
    }
}

/// `BEGIN_REQUEST` and the params of a request, encoded: what
/// [`Connection::begin_head`](super::Connection::begin_head) queues by
/// reference. Made by a [`RequestHeadBuilder`]; cloning is cheap.
#[derive(Clone)]
pub struct RequestHead {
    bytes: Bytes,
    declared: Declared,
    role: Role,
}

impl RequestHead {
    /// The id in its records: the one that an idle connection uses.
    pub(super) const REQUEST_ID: u16 = 1;

    /// The role that it asks for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether it asks the application to keep the connection.
    #[must_use]
    pub fn keep_conn(&self) -> bool {
        self.bytes[RecordHeader::LEN + 2] & 1 != 0
    }

    /// What its last `CONTENT_LENGTH` says; `None` if it is absent or empty.
    ///
    /// # Errors
    ///
    /// [`InvalidContentLength`].
    pub const fn content_length(&self) -> Result<Option<u64>, InvalidContentLength> {
        self.declared.stdin
    }

    /// Its records.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its params in order.
    #[must_use]
    pub fn params(&self) -> HeadParams<'_> {
        HeadParams::new(&self.bytes)
    }

    /// A param; of several the last, as in PHP.
    #[must_use]
    pub fn param(&self, name: &[u8]) -> Option<&[u8]> {
        self.params().find_last(name)
    }

    /// Says before there is a connection whether a body of this length fits
    /// the head. [`BodyLen::Unknown`] fits one without a length; whether it
    /// may be sent is the connection's to say.
    ///
    /// # Errors
    ///
    /// [`BeginError::ContentLength`], [`BeginError::AuthorizerBody`].
    pub fn check_body(&self, body: BodyLen) -> Result<(), BeginError> {
        check_lengths(self.role, body, self.declared, true)
    }

    pub(super) const fn declared(&self) -> Declared {
        self.declared
    }

    /// Whether a connection with these settings would send these bytes.
    pub(super) fn is_as_sent_by(&self, config: &Config) -> bool {
        let usual = Framing::usual(Self::REQUEST_ID);
        if !config.pad || config.keep_conn != self.keep_conn() {
            return false;
        }
        config.max_content == usual.max_content || self.fits_a_record_of(config.max_content)
    }

    /// Whether all params are in one record of that size.
    fn fits_a_record_of(&self, max_content: u16) -> bool {
        let params = &self.bytes[BEGIN_LEN..];
        let Some(Ok(header)) = params
            .first_chunk()
            .map(|header| RecordHeader::decode(*header))
        else {
            return false;
        };
        let len = usize::from(header.content_len);
        let one = RecordHeader::LEN * 2 + len + usize::from(padding_for(len));
        header.content_len <= max_content && (len == 0 || params.len() == one)
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("role", &self.role)
            .field("keep_conn", &self.keep_conn())
            .field("content_length", &self.declared.stdin)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// The params in the records of a [`RequestHead`], in order.
///
/// Of other bytes it yields what can be read of them, without an error.
#[derive(Clone, Debug)]
pub struct HeadParams<'a> {
    pairs: ParamsIter<'a>,
    records: &'a [u8],
}

impl<'a> HeadParams<'a> {
    /// The params in `records`, the bytes of a head.
    #[must_use]
    pub const fn new(records: &'a [u8]) -> Self {
        Self {
            pairs: ParamsIter::new(&[]),
            records,
        }
    }

    /// The value of a name, the last one.
    ///
    /// [`last`](Iterator::last) of a filter does the same in more steps.
    #[must_use]
    pub fn find_last(mut self, name: &[u8]) -> Option<&'a [u8]> {
        let mut found = None;
        loop {
            while let Some(Ok((candidate, value))) = self.pairs.next() {
                if candidate == name {
                    found = Some(value);
                }
            }
            match self.next_record() {
                Some(content) => self.pairs = ParamsIter::new(content),
                None => return found,
            }
        }
    }

    /// The content of the next record of params.
    fn next_record(&mut self) -> Option<&'a [u8]> {
        loop {
            let (header, after) = self.records.split_first_chunk()?;
            let header = RecordHeader::decode(*header).ok()?;
            let (content, after) = after.split_at_checked(usize::from(header.content_len))?;
            self.records = after.get(usize::from(header.padding_len)..)?;
            if header.record_type == RecordType::PARAMS {
                return Some(content);
            }
        }
    }
}

impl<'a> Iterator for HeadParams<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(Ok(pair)) = self.pairs.next() {
                return Some(pair);
            }
            self.pairs = ParamsIter::new(self.next_record()?);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn params_are_found_in_every_record() {
        let mut head = RequestHeadBuilder::new(Role::RESPONDER);
        let mut params = head.params();
        params.push(b"FIRST", b"1").unwrap();
        for _ in 0..3 {
            params.push(b"BIG", &vec![b'x'; 60_000]).unwrap();
        }
        params.push(b"LAST", b"2").unwrap();
        params.push(b"FIRST", b"3").unwrap();
        params.finish().unwrap();
        let head = head.build().unwrap();
        assert_eq!(head.param(b"FIRST"), Some(&b"3"[..]));
        assert_eq!(head.param(b"LAST"), Some(&b"2"[..]));
        assert_eq!(head.param(b"NONE"), None);
        assert_eq!(head.params().count(), 6);
    }

    #[test]
    fn params_replace_those_written_before() {
        let mut head = RequestHeadBuilder::new(Role::RESPONDER);
        head.params().finish().unwrap();
        let mut params = head.params();
        params.push(b"A", b"1").unwrap();
        params.finish().unwrap();
        assert_eq!(head.param(b"A"), Some(&b"1"[..]));
        assert_eq!(head.build().unwrap().as_bytes().len(), 16 + 8 + 8 + 8);
    }

    #[test]
    fn params_that_are_begun_anew_and_not_finished_are_none() {
        let mut head = RequestHeadBuilder::new(Role::RESPONDER);
        head.params().finish().unwrap();
        drop(head.params());
        assert!(matches!(head.build(), Err(Unfinished)));
    }

    #[test]
    fn walk_over_any_bytes_ends() {
        let mut head = RequestHeadBuilder::new(Role::RESPONDER).keep_conn(false);
        let mut params = head.params();
        params.push(b"NAME", b"value").unwrap();
        params.finish().unwrap();
        let head = head.build().unwrap();
        assert!(!head.keep_conn());
        for cut in 0..head.as_bytes().len() {
            assert!(HeadParams::new(&head.as_bytes()[..cut]).count() <= 1);
        }
        assert_eq!(HeadParams::new(&[1; 99]).count(), 0);
    }
}
