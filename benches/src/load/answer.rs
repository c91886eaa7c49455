//! An answer as it arrives: its head is parsed and its body compared where
//! the read has put them.

use super::error::LoadError;
use super::request::Expect;

/// More response header fields than any server here sends.
const MAX_FIELDS: usize = 64;

/// A head or chunk line longer than this is not one.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// One answer, complete or not.
#[derive(Debug)]
pub(super) struct Answer {
    stage: Stage,
    /// The start of a head or chunk line whose end has not come yet.
    cut: Vec<u8>,
    /// Bytes of the body so far.
    seen: usize,
    keep_alive: bool,
    /// The body, where somebody wants to read it.
    kept: Option<Vec<u8>>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    /// Body bytes of a known number.
    Body {
        left: u64,
    },
    ChunkLine,
    Chunk {
        left: u64,
    },
    /// The line end behind a chunk; behind the last one the answer is over.
    ChunkEnd {
        last: bool,
    },
    /// Everything until the server closes.
    UntilClose,
    Done,
}

#[derive(Debug)]
struct Head {
    status: u16,
    framing: Stage,
    keep_alive: bool,
}

/// What a parser says: how many bytes it took, and what it read from them;
/// `None` while the end is missing.
type Parsed<T> = Result<Option<(usize, T)>, LoadError>;

impl Answer {
    /// An answer of which nothing has come.
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Head,
            cut: Vec::new(),
            seen: 0,
            keep_alive: true,
            kept: None,
        }
    }

    /// An answer whose body is kept.
    pub(super) fn keeping() -> Self {
        Self {
            kept: Some(Vec::new()),
            ..Self::new()
        }
    }

    /// Forgets this answer, for the next one on the connection.
    pub(super) fn reset(&mut self) {
        self.stage = Stage::Head;
        self.cut.clear();
        self.seen = 0;
        self.keep_alive = true;
    }

    /// Takes what was read; returns whether the answer is complete and right.
    ///
    /// # Errors
    ///
    /// As soon as the answer cannot count any more.
    pub(super) fn push(&mut self, mut bytes: &[u8], expect: &Expect) -> Result<bool, LoadError> {
        while !bytes.is_empty() {
            bytes = match self.stage {
                Stage::Head => self.head(bytes, expect)?,
                Stage::ChunkLine => self.chunk_line(bytes)?,
                Stage::ChunkEnd { last } => self.chunk_end(bytes, last, expect)?,
                Stage::Body { left } => self.piece(bytes, left, expect)?,
                Stage::Chunk { left } => self.piece(bytes, left, expect)?,
                Stage::UntilClose => self.piece(bytes, u64::MAX, expect)?,
                Stage::Done => return Err(syntax("bytes behind the answer")),
            };
        }
        Ok(self.stage == Stage::Done)
    }

    /// The server has closed the connection.
    ///
    /// # Errors
    ///
    /// When the answer was not complete.
    pub(super) fn handle_eof(&mut self, expect: &Expect) -> Result<(), LoadError> {
        match self.stage {
            Stage::UntilClose => {
                self.keep_alive = false;
                self.finish(expect)
            }
            _ => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
        }
    }

    /// Whether the connection can carry another request after this answer.
    pub(super) const fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    /// The body, if this answer was made to keep it.
    pub(super) fn into_body(self) -> Vec<u8> {
        self.kept.unwrap_or_default()
    }

    fn head<'b>(&mut self, bytes: &'b [u8], expect: &Expect) -> Result<&'b [u8], LoadError> {
        let Some((head, rest)) = self.line(bytes, parse_head)? else {
            return Ok(&[]);
        };
        match head.status {
            200 => {}
            100..=199 => return Ok(rest),
            status => return Err(LoadError::Status(status)),
        }
        (self.stage, self.keep_alive) = (head.framing, head.keep_alive);
        if self.stage == (Stage::Body { left: 0 }) {
            self.finish(expect)?;
        }
        Ok(rest)
    }

    fn chunk_line<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], LoadError> {
        let parse = |line: &[u8]| match httparse::parse_chunk_size(line) {
            Ok(httparse::Status::Complete(parsed)) => Ok(Some(parsed)),
            Ok(httparse::Status::Partial) => Ok(None),
            Err(_) => Err(syntax("a bad chunk size")),
        };
        let Some((left, rest)) = self.line(bytes, parse)? else {
            return Ok(&[]);
        };
        self.stage = match left {
            0 => Stage::ChunkEnd { last: true },
            left => Stage::Chunk { left },
        };
        Ok(rest)
    }

    /// No server here sends trailers: they would count as a fault.
    fn chunk_end<'b>(
        &mut self,
        bytes: &'b [u8],
        last: bool,
        expect: &Expect,
    ) -> Result<&'b [u8], LoadError> {
        let parse = |line: &[u8]| match line {
            [b'\r', b'\n', ..] => Ok(Some((2, ()))),
            [] | [b'\r'] => Ok(None),
            _ => Err(syntax("a chunk without its end")),
        };
        let Some(((), rest)) = self.line(bytes, parse)? else {
            return Ok(&[]);
        };
        if last {
            self.finish(expect)?;
        } else {
            self.stage = Stage::ChunkLine;
        }
        Ok(rest)
    }

    /// Parses a line or head that may have been cut by the end of a read.
    fn line<'b, T>(
        &mut self,
        bytes: &'b [u8],
        parse: impl Fn(&[u8]) -> Parsed<T>,
    ) -> Result<Option<(T, &'b [u8])>, LoadError> {
        if self.cut.is_empty()
            && let Some((len, value)) = parse(bytes)?
        {
            return Ok(Some((value, &bytes[len..])));
        }
        let before = self.cut.len();
        self.cut.extend_from_slice(bytes);
        match parse(&self.cut)? {
            Some((len, value)) => {
                self.cut.clear();
                Ok(Some((value, &bytes[len - before..])))
            }
            None if self.cut.len() > MAX_LINE_BYTES => Err(syntax("a head without an end")),
            None => Ok(None),
        }
    }

    /// Compares a piece of the body, `left` bytes at most.
    fn piece<'b>(
        &mut self,
        bytes: &'b [u8],
        left: u64,
        expect: &Expect,
    ) -> Result<&'b [u8], LoadError> {
        let len = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (piece, rest) = bytes.split_at(len);
        let end = self.seen + len;
        if let Expect::Body(wanted) = expect
            && wanted.get(self.seen..end) != Some(piece)
        {
            let start = String::from_utf8_lossy(&piece[..len.min(60)]).into_owned();
            return Err(LoadError::Body(format!("`{start}` at {}", self.seen)));
        }
        self.seen = end;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(piece);
        }
        match (&mut self.stage, left - len as u64) {
            (Stage::Body { .. }, 0) => self.finish(expect)?,
            (Stage::Chunk { .. }, 0) => self.stage = Stage::ChunkEnd { last: false },
            (Stage::Body { left } | Stage::Chunk { left }, now) => *left = now,
            _ => {}
        }
        Ok(rest)
    }

    /// The body is over: was it all of it?
    fn finish(&mut self, expect: &Expect) -> Result<(), LoadError> {
        let wanted = match expect {
            Expect::Body(body) => Some(body.len() as u64),
            Expect::Length(length) => Some(*length),
            Expect::Any => None,
        };
        let seen = self.seen as u64;
        if let Some(wanted) = wanted.filter(|&wanted| wanted != seen) {
            return Err(LoadError::Body(format!("{seen} bytes instead of {wanted}")));
        }
        self.stage = Stage::Done;
        Ok(())
    }
}

fn parse_head(bytes: &[u8]) -> Parsed<Head> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response
        .parse(bytes)
        .map_err(|error| LoadError::Syntax(error.to_string()))?;
    let httparse::Status::Complete(len) = parsed else {
        return Ok(None);
    };
    let mut head = Head {
        status: response.code.unwrap_or(0),
        framing: Stage::UntilClose,
        keep_alive: response.version == Some(1),
    };
    for field in &*response.headers {
        if field.name.eq_ignore_ascii_case("content-length") {
            // Chunked framing wins over a length (RFC 9112, section 6.3).
            if head.framing == Stage::UntilClose {
                let left = length(field.value).ok_or_else(|| syntax("a bad content-length"))?;
                head.framing = Stage::Body { left };
            }
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            if field.value.eq_ignore_ascii_case(b"chunked") {
                head.framing = Stage::ChunkLine;
            }
        } else if field.name.eq_ignore_ascii_case("connection") {
            head.keep_alive = !field.value.eq_ignore_ascii_case(b"close");
        }
    }
    head.keep_alive &= head.framing != Stage::UntilClose;
    Ok(Some((len, head)))
}

fn length(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

fn syntax(what: &str) -> LoadError {
    LoadError::Syntax(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        7\r\nHello, \r\n7;x=y\r\nworld!\n\r\n0\r\n\r\n";

    fn expect() -> Expect {
        Expect::Body(b"Hello, world!\n".to_vec())
    }

    /// The answer in two reads, cut at `at`.
    fn cut(wire: &[u8], at: usize, expect: &Expect) -> Result<bool, LoadError> {
        let mut answer = Answer::new();
        let early = answer.push(&wire[..at], expect)?;
        assert!(!early || at == wire.len(), "complete after {at} bytes");
        answer.push(&wire[at..], expect).map(|late| early || late)
    }

    #[test]
    fn answers_cut_at_every_byte_are_complete_at_their_end() {
        for wire in [LENGTH, CHUNKED] {
            for at in 0..wire.len() {
                assert!(cut(wire, at, &expect()).unwrap(), "cut at {at}");
            }
        }
    }

    #[test]
    fn one_wrong_byte_is_noticed_wherever_it_is() {
        for wire in [LENGTH, CHUNKED] {
            let start = wire.len() - if wire == LENGTH { 1 } else { 10 };
            let mut wrong = wire.to_vec();
            wrong[start] = b'?';
            for at in 0..wire.len() {
                let error = cut(&wrong, at, &expect()).unwrap_err();
                assert!(matches!(error, LoadError::Body(_)), "{error}");
            }
        }
    }

    #[test]
    fn a_body_that_is_too_short_does_not_count() {
        let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello";
        let error = Answer::new().push(wire, &expect()).unwrap_err();
        assert_eq!(error.to_string(), "wrong body: 5 bytes instead of 14");
        let mut cut_off = Answer::new();
        assert!(
            !cut_off
                .push(&LENGTH[..LENGTH.len() - 1], &expect())
                .unwrap()
        );
        assert!(cut_off.handle_eof(&expect()).is_err());
    }

    #[test]
    fn errors_and_closed_connections_are_told_apart() {
        let wire = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        let error = Answer::new().push(wire, &expect()).unwrap_err();
        assert!(matches!(error, LoadError::Status(502)));

        let wire = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nHello, world!\n";
        let mut answer = Answer::new();
        assert!(!answer.push(wire, &expect()).unwrap());
        answer.handle_eof(&expect()).unwrap();
        assert!(!answer.keeps_alive());
    }
}
