//! One complete header block: bytes to [`Head`].

use core::ops::Range;

use alloc::vec::Vec;
use bytes::Bytes;
use memchr::memchr;

use super::field::{self, Known, Line};
use super::{Head, HeadError, HeadPolicy, Nph, StatusRange};

/// What a block has said so far.
struct Block<'p> {
    policy: &'p HeadPolicy,
    /// Fields seen, the removed ones counted.
    seen: usize,
    fields: Vec<Field>,
    status: Option<(u16, Range<usize>)>,
    /// The status of an HTTP status line.
    line_status: Option<(u16, Range<usize>)>,
    content_length: Option<u64>,
    location: Option<Range<usize>>,
    content_type: Option<usize>,
    send_file: Option<Range<usize>>,
    accel_redirect: Option<Range<usize>>,
}

/// A field of a head, as ranges of its bytes.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// Parses `raw`, which has `lines` lines and ends with its only empty one.
pub(super) fn parse(raw: Bytes, lines: usize, policy: &HeadPolicy) -> Result<Head, HeadError> {
    let mut block = Block {
        policy,
        seen: 0,
        fields: Vec::with_capacity(lines.min(policy.head_fields)),
        status: None,
        line_status: None,
        content_length: None,
        location: None,
        content_type: None,
        send_file: None,
        accel_redirect: None,
    };
    let mut start = 0;
    for number in 1..lines {
        let Some(length) = memchr(b'\n', &raw[start..]) else {
            break;
        };
        let mut end = start + length;
        let next = end + 1;
        if raw[start..end].ends_with(b"\r") {
            end -= 1;
        }
        block.line(&raw, number, start..end)?;
        start = next;
    }
    block.finish(raw)
}

impl Block<'_> {
    fn line(&mut self, raw: &[u8], number: usize, range: Range<usize>) -> Result<(), HeadError> {
        if number == 1 && raw[range.clone()].starts_with(b"HTTP/") {
            return self.status_line(raw, range);
        }
        let line = field::split(raw, range, number)?;
        self.seen += 1;
        if self.seen > self.policy.head_fields {
            let limit = self.policy.head_fields;
            return Err(HeadError::TooManyFields { limit });
        }
        self.field(raw, line, number)
    }

    fn field(&mut self, raw: &[u8], line: Line, number: usize) -> Result<(), HeadError> {
        let Line { name, value } = line;
        match field::known(&raw[name.clone()]) {
            Known::Status => {
                let bad = HeadError::BadStatus { line: number };
                let status = status(raw, value, self.policy.status, bad)?;
                once(&mut self.status, status, "Status", |a, b| a.0 == b.0)
            }
            Known::ContentLength => {
                let length = field::decimal(&raw[value.clone()])
                    .ok_or(HeadError::BadContentLength { line: number })?;
                let first = self.content_length.is_none();
                once(
                    &mut self.content_length,
                    length,
                    "Content-Length",
                    |a, b| a == b,
                )?;
                self.keep_if(first, name, value);
                Ok(())
            }
            Known::Location => {
                let first = self.location.is_none();
                once(
                    &mut self.location,
                    value.clone(),
                    "Location",
                    same_bytes(raw),
                )?;
                self.keep_if(first, name, value);
                Ok(())
            }
            Known::ContentType => {
                match self.content_type {
                    Some(at) => self.fields[at].value = value,
                    None => {
                        self.content_type = Some(self.fields.len());
                        self.keep_if(true, name, value);
                    }
                }
                Ok(())
            }
            Known::SendFile if self.policy.x_sendfile => {
                once(&mut self.send_file, value, "X-Sendfile", same_bytes(raw))
            }
            Known::AccelRedirect if self.policy.x_accel_redirect => once(
                &mut self.accel_redirect,
                value,
                "X-Accel-Redirect",
                same_bytes(raw),
            ),
            Known::HopByHop => Ok(()),
            Known::SendFile | Known::AccelRedirect | Known::Other => {
                self.keep_if(true, name, value);
                Ok(())
            }
        }
    }

    /// `HTTP/1.1 404 Not Found` as the first line.
    fn status_line(&mut self, raw: &[u8], range: Range<usize>) -> Result<(), HeadError> {
        if self.policy.nph == Nph::Reject {
            return Err(HeadError::StatusLine);
        }
        let line = &raw[range.clone()];
        // "HTTP/d.d " is 9 bytes.
        let version = matches!(line, [_, _, _, _, b'/', a, b'.', b, b' ', ..]
            if a.is_ascii_digit() && b.is_ascii_digit());
        if !version || field::has_control(line) {
            return Err(HeadError::BadStatusLine);
        }
        let value = field::trim(raw, range.start + 9..range.end);
        let status = status(raw, value, self.policy.status, HeadError::BadStatusLine)?;
        self.line_status = Some(status);
        Ok(())
    }

    fn keep_if(&mut self, keep: bool, name: Range<usize>, value: Range<usize>) {
        if keep {
            self.fields.push(Field { name, value });
        }
    }

    fn finish(mut self, raw: Bytes) -> Result<Head, HeadError> {
        if let (Some(line), Some(field)) = (&self.line_status, &self.status)
            && line.0 != field.0
        {
            return Err(HeadError::BadStatusLine);
        }
        if self.send_file.is_some() && self.accel_redirect.is_some() {
            return Err(HeadError::Conflict {
                field: "X-Sendfile and X-Accel-Redirect",
            });
        }
        let explicit = self.status.or(self.line_status);
        let location = self.location.filter(|location| !location.is_empty());
        let local_redirect = explicit.is_none()
            && self.fields.len() == 1
            && location
                .as_ref()
                .is_some_and(|value| is_local(&raw[value.clone()]));
        let default_status = if location.is_some() { 302 } else { 200 };
        let (status, reason) = explicit.unwrap_or((default_status, 0..0));
        match status {
            101 => return Err(HeadError::SwitchingProtocols),
            // RFC 9110, section 8.6: these never carry a length.
            100..=199 | 204 => self.content_length = None,
            _ => {}
        }
        if self.content_length.is_none() {
            self.fields
                .retain(|field| field::known(&raw[field.name.clone()]) != Known::ContentLength);
        }
        Ok(Head {
            status,
            reason,
            fields: self.fields,
            content_length: self.content_length,
            location,
            local_redirect,
            send_file: self.send_file,
            accel_redirect: self.accel_redirect,
            raw,
        })
    }
}

/// Sets `slot`, or checks that it holds the same already.
fn once<T>(
    slot: &mut Option<T>,
    value: T,
    field: &'static str,
    same: impl Fn(&T, &T) -> bool,
) -> Result<(), HeadError> {
    match slot {
        Some(first) if same(first, &value) => Ok(()),
        Some(_) => Err(HeadError::Conflict { field }),
        None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn same_bytes(raw: &[u8]) -> impl Fn(&Range<usize>, &Range<usize>) -> bool {
    |a, b| raw[a.clone()] == raw[b.clone()]
}

/// `404 Not Found`: the status and the range of its reason; `bad` when it is
/// not three digits, alone or followed by a space.
fn status(
    raw: &[u8],
    value: Range<usize>,
    range: StatusRange,
    bad: HeadError,
) -> Result<(u16, Range<usize>), HeadError> {
    let [a, b, c, rest @ ..] = &raw[value.clone()] else {
        return Err(bad);
    };
    let digits = [a, b, c];
    if !matches!(rest, [] | [b' ', ..]) || !digits.iter().all(|digit| digit.is_ascii_digit()) {
        return Err(bad);
    }
    let got = digits
        .iter()
        .fold(0, |sum, &digit| sum * 10 + u16::from(digit - b'0'));
    if !range.holds(got) {
        return Err(HeadError::StatusOutOfRange { got });
    }
    Ok((got, field::trim(raw, value.start + 3..value.end)))
}

/// RFC 3875, section 6.2.2; `//host/…` is a reference to another host.
fn is_local(location: &[u8]) -> bool {
    location.starts_with(b"/") && !location.starts_with(b"//")
}
