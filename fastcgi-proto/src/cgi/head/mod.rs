//! The head of an answer (RFC 3875, section 6), and the parser that finds it.

mod block;
mod error;
mod field;
mod parser;
mod policy;

pub use error::HeadError;
pub use parser::{HeadParser, Push};
pub use policy::{HeadPolicy, Nph, StatusRange};

use core::fmt;
use core::ops::Range;

use alloc::vec::Vec;
use bytes::Bytes;

use super::BodyCheck;
use block::Field;

/// What an Authorizer puts before the name of a variable.
const VARIABLE: &[u8] = b"Variable-";

/// The head of an answer: status, fields, and what they ask of the gateway.
///
/// Servers differ widely on odd heads; this is what is decided here:
///
/// | the application sends | decision |
/// |---|---|
/// | lines end in LF, CRLF, or both mixed | accepted |
/// | more than one empty line | the first ends the head |
/// | an empty line first, then a body | a head without fields, status 200 |
/// | no `Status` | 200; 302 with a `Location` |
/// | `Status: 404` without a reason | accepted, [`reason`](Self::reason) is empty |
/// | `Status: 404Not`, `abc`, `0`, `99`, `1000` | [`HeadError::BadStatus`] |
/// | `Status: 600` | [`HeadError::StatusOutOfRange`], unless [`StatusRange::ThreeDigits`] |
/// | `Status: 1xx` and a block | [`Push::Informational`]; the next block follows |
/// | `Status: 101` | [`HeadError::SwitchingProtocols`] |
/// | two equal `Status`, `Content-Length`, `Location` | one |
/// | two different ones | [`HeadError::Conflict`] |
/// | two different `Content-Type` | the last |
/// | repeated other fields, `Set-Cookie` first of all | all kept, in order |
/// | `Location: /path` alone | [`local_redirect`](Self::local_redirect) (RFC 3875, section 6.2.2) |
/// | `Location` and no `Status`, with other fields, or to another host | 302 |
/// | `Location` and a `Status` | that status |
/// | `HTTP/1.1 404 …` as the first line | [`HeadError::StatusLine`], unless [`Nph::Accept`] |
/// | `Content-Length: 5x`, `-5`, empty | [`HeadError::BadContentLength`] |
/// | `Content-Length` with 1xx or 204 | removed |
/// | more or less body than `Content-Length`, body of 204, 304 or HEAD | [`BodyCheck`] |
/// | a folded line | [`HeadError::Folded`] |
/// | a line without a colon, a body without a head | [`HeadError::NoColon`] |
/// | `Name :`, an empty name, a byte outside `token` | [`HeadError::BadName`] |
/// | NUL, bare CR or another control character in a value | [`HeadError::BadValue`] |
/// | bytes from 0x80 in a value, an empty value | kept |
/// | `Connection`, `Keep-Alive`, `Proxy-Connection`, `TE`, `Trailer`, `Transfer-Encoding`, `Upgrade` | removed: they are the HTTP server's own |
/// | `Transfer-Encoding: chunked` | removed, the body passed on as it is |
/// | `X-Sendfile`, `X-Accel-Redirect` | a [`Handover`] where the policy enables it, else a field |
/// | more than 64 KiB or 256 fields | [`HeadError::TooLarge`], [`HeadError::TooManyFields`] |
/// | the end before or inside the head | [`HeadError::Missing`], [`HeadError::Truncated`] |
///
/// A `Head` is a view into the bytes of stdout: fields are not copied.
#[derive(Clone)]
pub struct Head {
    raw: Bytes,
    status: u16,
    reason: Range<usize>,
    fields: Vec<Field>,
    content_length: Option<u64>,
    location: Option<Range<usize>>,
    local_redirect: bool,
    send_file: Option<Range<usize>>,
    accel_redirect: Option<Range<usize>>,
}

/// What to send instead of the body, on behalf of the application.
///
/// Both are only looked for where [`HeadPolicy`] enables them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Handover<'a> {
    /// `X-Sendfile`: the path of a file, as the application wrote it. Check
    /// that it lies where the application may read.
    SendFile(&'a [u8]),
    /// `X-Accel-Redirect`: a URI of this server, to be served internally.
    AccelRedirect(&'a [u8]),
}

impl Head {
    /// The status of the answer, 100 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// What followed the status; often empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        &self.raw[self.reason.clone()]
    }

    /// The header block as the application sent it, with its empty line.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.raw
    }

    /// Copies the block into memory of its own: a head is else a part of the
    /// stdout that it came with, and so are the values made of it.
    pub fn detach(&mut self) {
        self.raw = Bytes::copy_from_slice(&self.raw);
    }

    /// Whether the status is 1xx, so that another head follows.
    #[must_use]
    pub const fn is_informational(&self) -> bool {
        matches!(self.status, 100..=199)
    }

    /// The fields that belong to the HTTP answer, in order; names in the
    /// application's spelling, values without the blanks around them.
    ///
    /// `Status` and fields about a connection are not among them.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            (
                &self.raw[field.name.clone()],
                &self.raw[field.value.clone()],
            )
        })
    }

    /// Like [`fields`](Self::fields), with values that can outlive the head
    /// without a copy.
    pub fn shared_fields(&self) -> impl ExactSizeIterator<Item = (&[u8], Bytes)> {
        self.fields.iter().map(|field| {
            let value = self.raw.slice(field.value.clone());
            (&self.raw[field.name.clone()], value)
        })
    }

    /// The first field called `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The variables that an Authorizer adds to the request (FastCGI 1.0,
    /// section 6.3): its `Variable-NAME` fields, without that prefix. They
    /// count in an answer with status 200, whose other fields and body are
    /// ignored; any other answer goes to the client.
    pub fn variables(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields().filter_map(|(name, value)| {
            let (prefix, rest) = name.split_at_checked(VARIABLE.len())?;
            let is_variable = prefix.eq_ignore_ascii_case(VARIABLE) && !rest.is_empty();
            is_variable.then_some((rest, value))
        })
    }

    /// The length that the head declares for the body.
    #[must_use]
    pub const fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// The value of `Location`, unless it is empty.
    #[must_use]
    pub fn location(&self) -> Option<&[u8]> {
        self.location.clone().map(|range| &self.raw[range])
    }

    /// Path and query to serve instead, without telling the client: the
    /// application sent `Location: /path` and nothing else.
    ///
    /// [`status`](Self::status) is 302 then, so that a gateway without
    /// internal redirects can send the head as it is.
    #[must_use]
    pub fn local_redirect(&self) -> Option<&[u8]> {
        if self.local_redirect {
            self.location()
        } else {
            None
        }
    }

    /// What to send instead of the body, where the policy enables it.
    #[must_use]
    pub fn handover(&self) -> Option<Handover<'_>> {
        let (range, handover): (_, fn(_) -> _) = match (&self.send_file, &self.accel_redirect) {
            (Some(range), _) => (range, Handover::SendFile),
            (None, Some(range)) => (range, Handover::AccelRedirect),
            (None, None) => return None,
        };
        Some(handover(&self.raw[range.clone()]))
    }

    /// The check for the body that follows; `to_head` says that the request
    /// was HEAD.
    #[must_use]
    pub const fn body_check(&self, to_head: bool) -> BodyCheck {
        let forbidden = to_head || matches!(self.status, 100..=199 | 204 | 304);
        BodyCheck::new(self.content_length, forbidden)
    }
}

/// Fields as text, for logs and failed tests.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Fields<'a>(&'a Head);
        impl fmt::Debug for Fields<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut map = f.debug_map();
                for (name, value) in self.0.fields() {
                    map.key(&format_args!("{}", name.escape_ascii()));
                    map.value(&format_args!("\"{}\"", value.escape_ascii()));
                }
                map.finish()
            }
        }
        f.debug_struct("Head")
            .field("status", &self.status)
            .field("fields", &Fields(self))
            .field("local_redirect", &self.local_redirect)
            .field("handover", &self.handover())
            .finish_non_exhaustive()
    }
}
