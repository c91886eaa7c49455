//! Finds the heads of an answer in its stdout, which comes in any pieces.

use core::mem;

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::{Head, HeadError, HeadPolicy, block};

/// Takes the stdout of one request and yields the head of its answer.
///
/// The head ends with the *first* empty line; LF and CRLF may be mixed. When
/// it came in one piece, it is not copied; otherwise at most
/// [`HeadPolicy::head_bytes`] are held. What follows the head is never looked
/// at: a body that holds an empty line cannot be taken for a head.
///
/// The table in [`Head`] says what is decided about odd heads.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use fastcgi_proto::cgi::{HeadParser, HeadPolicy, Push};
///
/// let mut parser = HeadParser::new(HeadPolicy::default());
/// assert!(matches!(parser.push(Bytes::from_static(b"Status: 404 Not"))?, Push::More));
///
/// let piece = Bytes::from_static(b" Found\r\nX-Tag: a\r\n\r\nno such page");
/// let Push::Final(head, body) = parser.push(piece)? else {
///     unreachable!("the head is complete");
/// };
/// assert_eq!((head.status(), head.reason()), (404, &b"Not Found"[..]));
/// assert_eq!(head.fields().next(), Some((&b"X-Tag"[..], &b"a"[..])));
/// assert_eq!(body, "no such page");
/// # Ok::<(), fastcgi_proto::cgi::HeadError>(())
/// ```
#[derive(Debug)]
pub struct HeadParser {
    policy: HeadPolicy,
    state: State,
    end: EndOfHead,
    /// What came of a head that is not complete.
    held: BytesMut,
    /// Bytes of the heads before this one.
    earlier: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Body,
    Failed(HeadError),
}

/// What a piece of stdout led to.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "every caller has to handle every case"
)]
pub enum Push {
    /// The head is not complete; push the next piece.
    More,
    /// A 1xx head: pass it on or drop it, then push the rest, which may hold
    /// the next head.
    Informational(Head, Bytes),
    /// The head of the answer, and the first bytes of its body (may be
    /// empty).
    Final(Head, Bytes),
    /// The head came with an earlier piece; this is body.
    Body(Bytes),
}

impl HeadParser {
    /// A parser for the answer to one request.
    #[must_use]
    pub fn new(policy: HeadPolicy) -> Self {
        Self {
            policy,
            state: State::Head,
            end: EndOfHead::default(),
            held: BytesMut::new(),
            earlier: 0,
        }
    }

    /// Takes the next piece of stdout; an empty one is allowed.
    ///
    /// # Errors
    ///
    /// A [`HeadError`] when the application's head cannot be understood or
    /// passes a bound: answer with 502. Every later call returns the same.
    pub fn push(&mut self, mut piece: Bytes) -> Result<Push, HeadError> {
        match self.state {
            State::Head => {}
            State::Body => return Ok(Push::Body(piece)),
            State::Failed(error) => return Err(error),
        }
        let result = self.head(&mut piece);
        match result {
            Ok(None) => Ok(Push::More),
            Ok(Some(head)) if head.is_informational() => Ok(Push::Informational(head, piece)),
            Ok(Some(head)) => {
                self.state = State::Body;
                Ok(Push::Final(head, piece))
            }
            Err(error) => {
                self.state = State::Failed(error);
                self.held = BytesMut::new();
                Err(error)
            }
        }
    }

    /// Says whether the answer may end here, at the end of stdout.
    ///
    /// # Errors
    ///
    /// [`HeadError::Missing`] or [`HeadError::Truncated`] when no whole head
    /// came, and the error of [`push`](Self::push) if it failed: answer with
    /// 502.
    pub fn handle_eof(&self) -> Result<(), HeadError> {
        match self.state {
            State::Body => Ok(()),
            State::Failed(error) => Err(error),
            State::Head if self.held.is_empty() && self.earlier == 0 => Err(HeadError::Missing),
            State::Head => Err(HeadError::Truncated {
                got: self.earlier + self.held.len(),
            }),
        }
    }

    /// Takes the head, or what there is of it, from the front of `piece`.
    fn head(&mut self, piece: &mut Bytes) -> Result<Option<Head>, HeadError> {
        let limit = self.policy.head_bytes;
        let end = self.end.find(piece);
        let part = end.unwrap_or(piece.len());
        if self.earlier + self.held.len() + part > limit {
            return Err(HeadError::TooLarge { limit });
        }
        if end.is_none() {
            self.held.extend_from_slice(piece);
            return Ok(None);
        }
        let mut raw = piece.split_to(part);
        if !self.held.is_empty() {
            self.held.extend_from_slice(&raw);
            raw = self.held.split().freeze();
        }
        self.earlier += raw.len();
        let lines = mem::take(&mut self.end).lines;
        block::parse(raw, lines, &self.policy).map(Some)
    }
}

/// Looks for the first empty line, across pieces, and counts lines.
#[derive(Clone, Copy, Debug, Default)]
struct EndOfHead {
    at: Place,
    /// Lines that have ended; at the end of the head, the empty one too.
    lines: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    LineStart,
    /// Behind a CR that started a line.
    LineStartCr,
    Inside,
}

impl EndOfHead {
    /// The length of the part of `piece` that belongs to the head, if it ends
    /// in it.
    fn find(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            match (self.at, *piece.get(at)?) {
                (Place::LineStart | Place::LineStartCr, b'\n') => {
                    self.lines += 1;
                    return Some(at + 1);
                }
                (Place::LineStart, b'\r') => {
                    self.at = Place::LineStartCr;
                    at += 1;
                }
                (Place::LineStart | Place::LineStartCr | Place::Inside, _) => {
                    self.at = Place::Inside;
                    at += memchr(b'\n', &piece[at..])? + 1;
                    self.at = Place::LineStart;
                    self.lines += 1;
                }
            }
        }
    }
}
