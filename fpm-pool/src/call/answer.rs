//! What the pieces of an answer mean: its heads, and a body that is held
//! against the last of them.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fastcgi_proto::ProtocolStatus;
use fastcgi_proto::cgi::{BodyCheck, Head, HeadError, Push};
use http::{Response, response};

use super::held::is_small;
use super::running::Running;
use super::stop::Stop;
use crate::exchange::Piece;
use crate::request::OnInformational;

impl Running {
    /// The head of the answer, with what came of the body in `chunks`. Heads
    /// before it go to `informational`.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        informational: &mut Option<OnInformational>,
    ) -> Poll<Result<Head, Stop>> {
        loop {
            match ready!(self.poll_piece(cx))? {
                Piece::Stdout(bytes) => {
                    if let Some(head) = self.take_head(bytes, informational)? {
                        return Poll::Ready(Ok(head));
                    }
                }
                Piece::Stderr(bytes) => self.stderr(&bytes, false),
                Piece::End { status, app_status } => {
                    let stop = if status == ProtocolStatus::REQUEST_COMPLETE {
                        let missing = self.parser.handle_eof().err();
                        Stop::Head(missing.unwrap_or(HeadError::Missing))
                    } else {
                        Stop::Refused(status)
                    };
                    self.end(app_status, Some(&stop));
                    return Poll::Ready(Err(stop));
                }
            }
        }
    }

    /// Looks for the head in a piece of STDOUT, and keeps what follows it.
    fn take_head(
        &mut self,
        mut bytes: Bytes,
        informational: &mut Option<OnInformational>,
    ) -> Result<Option<Head>, Stop> {
        // The fields of the head live as long as the caller keeps them: they
        // must not hold a buffer that is much larger.
        let small = is_small(&bytes, self.buffer_bytes());
        if small {
            bytes = Bytes::copy_from_slice(&bytes);
        }
        loop {
            match self.parser.push(bytes).map_err(Stop::Head)? {
                Push::More => {
                    self.lease.first_byte();
                    return Ok(None);
                }
                Push::Informational(head, rest) => {
                    bytes = rest;
                    if let Some(tell) = informational {
                        let head = self.detached(head, small);
                        let parts = response::Parts::try_from(&head).map_err(Stop::BadHead)?;
                        tell(Response::from_parts(parts, ()));
                    }
                }
                Push::Final(head, mut rest) => {
                    self.check = Some(head.body_check(self.to_head));
                    self.admit(&mut rest);
                    if small {
                        self.chunks.push_own(rest);
                    } else {
                        self.chunks.push(rest, self.buffer_bytes());
                    }
                    return Ok(Some(self.detached(head, small)));
                }
                // Not before the head.
                Push::Body(_) => return Ok(None),
            }
        }
    }

    fn detached(&self, mut head: Head, is_copied: bool) -> Head {
        if !is_copied {
            head.detach();
        }
        head
    }

    /// Takes what has come of the body by now, up to the bound.
    pub(super) fn gather(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let limit = self.lease.generation.limits.answer_buffer_bytes;
        while !self.has_ended() && self.chunks.len() < limit {
            match self.poll_body(cx) {
                Poll::Ready(Ok(Some(chunk))) => self.chunks.push(chunk, self.buffer_bytes()),
                Poll::Ready(Ok(None)) | Poll::Pending => break,
                Poll::Ready(Err(stop)) => return Err(stop),
            }
        }
        Ok(())
    }

    /// The next piece of the body, never an empty one; `None` at its end.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Stop>> {
        loop {
            if self.has_ended() {
                return Poll::Ready(Ok(None));
            }
            match ready!(self.poll_piece(cx))? {
                Piece::Stdout(mut bytes) => {
                    self.admit(&mut bytes);
                    if !bytes.is_empty() {
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                }
                Piece::Stderr(bytes) => self.stderr(&bytes, false),
                Piece::End { app_status, .. } => {
                    let whole = self.check.as_ref().map_or(Ok(()), BodyCheck::finish);
                    let whole = whole.map_err(Stop::Short);
                    self.end(app_status, whole.as_ref().err());
                    whole?;
                }
            }
        }
    }

    /// Cuts a piece of the body to what the head allows.
    fn admit(&mut self, piece: &mut Bytes) {
        let Some(check) = &mut self.check else {
            return;
        };
        if let Err(excess) = check.admit(piece)
            && !check.is_forbidden()
            && !self.excessive
        {
            self.excessive = true;
            self.log_excess(excess);
        }
    }
}
