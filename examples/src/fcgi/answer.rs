//! The answer: head and body to standard output.

use std::io::Write;

use bytes::Bytes;
use fastcgi_proto::cgi::{
    BodyCheck, Head, HeadError, HeadParser, HeadPolicy, Nph, Push, StatusRange,
};

use super::Failure;

/// Prints stdout of the request as it comes.
#[derive(Debug)]
pub(super) struct Answer<W> {
    out: W,
    include: bool,
    to_head: bool,
    parser: HeadParser,
    /// Status and check of the body, once the head is there.
    body: Option<(u16, BodyCheck)>,
}

impl<W: Write> Answer<W> {
    /// `include`: the header block too; `to_head`: the request was HEAD.
    pub(super) fn new(out: W, include: bool, to_head: bool) -> Self {
        let mut policy = HeadPolicy::default();
        policy.nph = Nph::Accept;
        policy.status = StatusRange::ThreeDigits;
        Self {
            out,
            include,
            to_head,
            parser: HeadParser::new(policy),
            body: None,
        }
    }

    /// Takes the next piece of stdout.
    pub(super) fn stdout(&mut self, mut piece: Bytes) -> Result<(), Failure> {
        loop {
            match self.parser.push(piece).map_err(Failure::Head)? {
                Push::More => return Ok(()),
                Push::Informational(head, rest) => {
                    self.head(&head)?;
                    piece = rest;
                }
                Push::Final(head, rest) => {
                    self.head(&head)?;
                    self.body = Some((head.status(), head.body_check(self.to_head)));
                    piece = rest;
                }
                Push::Body(data) => return self.body(data),
            }
        }
    }

    fn head(&mut self, head: &Head) -> Result<(), Failure> {
        if self.include {
            self.out
                .write_all(head.as_bytes())
                .map_err(Failure::Output)?;
        }
        Ok(())
    }

    fn body(&mut self, mut data: Bytes) -> Result<(), Failure> {
        if let Some((_, check)) = &mut self.body
            && let Err(excess) = check.admit(&mut data)
            && !check.is_forbidden()
        {
            eprintln!("fcgi: left out the rest: {excess}");
        }
        self.out.write_all(&data).map_err(Failure::Output)
    }

    /// Writes out what is buffered; for when the peer makes a pause.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Output)
    }

    /// Ends the answer: its status.
    pub(super) fn finish(mut self) -> Result<u16, Failure> {
        self.flush()?;
        let Some((status, check)) = self.body else {
            let missing = self.parser.handle_eof().err().unwrap_or(HeadError::Missing);
            return Err(Failure::Head(missing));
        };
        check.finish().map_err(Failure::Short)?;
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(include: bool, pieces: &[&'static str]) -> (Vec<u8>, Result<u16, Failure>) {
        let mut out = Vec::new();
        let mut answer = Answer::new(&mut out, include, false);
        for piece in pieces {
            if let Err(failure) = answer.stdout(Bytes::from_static(piece.as_bytes())) {
                return (out, Err(failure));
            }
        }
        let result = answer.finish();
        (out, result)
    }

    #[test]
    fn head_is_printed_when_asked_for() {
        let pieces = ["Status: 404 N", "o\r\nA: b\r\n\r\nbo", "dy"];
        let (out, status) = print(false, &pieces);
        assert_eq!((&out[..], status.unwrap()), (&b"body"[..], 404));
        let (out, _) = print(true, &pieces);
        assert_eq!(out, b"Status: 404 No\r\nA: b\r\n\r\nbody");
    }

    #[test]
    fn short_and_unintelligible_answers_fail() {
        let (_, result) = print(false, &["Content-Length: 5\n\nabc"]);
        assert!(matches!(result, Err(Failure::Short(_))));
        let (_, result) = print(false, &["<html>\n\n"]);
        assert!(matches!(result, Err(Failure::Head(_))));
        let (_, result) = print(false, &[]);
        assert!(matches!(result, Err(Failure::Head(_))));
    }
}
