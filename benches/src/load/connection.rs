//! One client connection: sends a request, reads and checks the answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::request::{Expect, Request};

/// More response header fields than any server here sends.
const MAX_FIELDS: usize = 64;

/// The reads of a download are this large.
const READ_SIZE: usize = 256 * 1024;

/// Why an exchange does not count as an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The connection failed or ended early.
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    /// The status was not 200.
    #[error("status {0}")]
    Status(u16),
    /// The status was 200 and the body not the expected one.
    #[error("wrong body: {0}")]
    Body(String),
    /// The answer is not HTTP/1.1.
    #[error("unreadable answer: {0}")]
    Syntax(String),
}

/// A keep-alive connection to a server on 127.0.0.1.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How the body of an answer ends.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length(u64),
    Chunked,
    Close,
}

#[derive(Debug)]
struct Head {
    status: u16,
    framing: Framing,
    keep_alive: bool,
}

impl Connection {
    /// Connects to 127.0.0.1:`port`.
    ///
    /// # Errors
    ///
    /// When nobody accepts.
    pub async fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends `request` and reads its whole answer; returns whether the
    /// connection can carry another one.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from counting: see [`LoadError`].
    pub async fn exchange(&mut self, request: &Request) -> Result<bool, LoadError> {
        self.stream.write_all(request.wire()).await?;
        self.buffer.clear();
        let (head, head_len) = self.read_head().await?;
        self.buffer.drain(..head_len);
        let body = self.read_body(head.framing, request.expect()).await?;
        if head.status != 200 {
            return Err(LoadError::Status(head.status));
        }
        check(request.expect(), &body)?;
        Ok(head.keep_alive && !matches!(head.framing, Framing::Close))
    }

    /// Sends `request` and returns the body of a 200 answer.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from counting: see [`LoadError`].
    pub async fn fetch(&mut self, request: &Request) -> Result<Vec<u8>, LoadError> {
        self.stream.write_all(request.wire()).await?;
        self.buffer.clear();
        let (head, head_len) = self.read_head().await?;
        self.buffer.drain(..head_len);
        match self.read_body(head.framing, &Expect::Any).await? {
            Body::Whole(body) if head.status == 200 => Ok(body),
            _ => Err(LoadError::Status(head.status)),
        }
    }

    async fn read_head(&mut self) -> Result<(Head, usize), LoadError> {
        loop {
            if let Some(parsed) = parse_head(&self.buffer)? {
                return Ok(parsed);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), LoadError> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }

    async fn read_body(&mut self, framing: Framing, expect: &Expect) -> Result<Body, LoadError> {
        match framing {
            Framing::Length(length) if matches!(expect, Expect::Length(_)) => {
                self.skip(length).await
            }
            Framing::Length(length) => {
                let length = usize::try_from(length)
                    .map_err(|_| LoadError::Body(format!("{length} bytes announced")))?;
                while self.buffer.len() < length {
                    self.read_more().await?;
                }
                Ok(Body::Whole(self.buffer.drain(..length).collect()))
            }
            Framing::Chunked => self.read_chunks().await,
            Framing::Close => {
                while self.stream.read_buf(&mut self.buffer).await? != 0 {}
                Ok(Body::Whole(std::mem::take(&mut self.buffer)))
            }
        }
    }

    async fn skip(&mut self, length: u64) -> Result<Body, LoadError> {
        let mut left = length.saturating_sub(self.buffer.len() as u64);
        self.buffer.clear();
        self.buffer.reserve(READ_SIZE);
        while left > 0 {
            self.buffer.clear();
            self.read_more().await?;
            left = left.saturating_sub(self.buffer.len() as u64);
        }
        self.buffer.clear();
        Ok(Body::Skipped(length))
    }

    async fn read_chunks(&mut self) -> Result<Body, LoadError> {
        let mut body = Vec::new();
        let mut at = 0;
        loop {
            match httparse::parse_chunk_size(&self.buffer[at..]) {
                Ok(httparse::Status::Partial) => self.read_more().await?,
                Ok(httparse::Status::Complete((line, size))) => {
                    let size = usize::try_from(size)
                        .map_err(|_| LoadError::Syntax("chunk too large".into()))?;
                    let end = at + line + size + 2;
                    while self.buffer.len() < end {
                        self.read_more().await?;
                    }
                    body.extend_from_slice(&self.buffer[at + line..end - 2]);
                    at = end;
                    if size == 0 {
                        return Ok(Body::Whole(body));
                    }
                }
                Err(_) => return Err(LoadError::Syntax("bad chunk size".into())),
            }
        }
    }
}

#[derive(Debug)]
enum Body {
    Whole(Vec<u8>),
    Skipped(u64),
}

fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, LoadError> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response
        .parse(bytes)
        .map_err(|error| LoadError::Syntax(error.to_string()))?;
    let httparse::Status::Complete(len) = parsed else {
        return Ok(None);
    };
    let field = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|f| f.name.eq_ignore_ascii_case(name));
        found.map(|f| String::from_utf8_lossy(f.value).to_ascii_lowercase())
    };
    let framing = if field("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
        Framing::Chunked
    } else if let Some(length) = field("content-length") {
        let length = length.trim().parse();
        Framing::Length(length.map_err(|_| LoadError::Syntax("bad content-length".into()))?)
    } else {
        Framing::Close
    };
    let head = Head {
        status: response.code.unwrap_or(0),
        framing,
        keep_alive: field("connection").is_none_or(|v| v != "close"),
    };
    Ok(Some((head, len)))
}

fn check(expect: &Expect, body: &Body) -> Result<(), LoadError> {
    let wrong = |what: String| Err(LoadError::Body(what));
    match (expect, body) {
        (Expect::Any, _) => Ok(()),
        (Expect::Body(wanted), Body::Whole(got)) if wanted == got => Ok(()),
        (Expect::Length(wanted), Body::Skipped(got)) if wanted == got => Ok(()),
        (Expect::Length(wanted), Body::Whole(got)) if *wanted == got.len() as u64 => Ok(()),
        (_, Body::Whole(got)) => {
            let start = String::from_utf8_lossy(&got[..got.len().min(60)]).into_owned();
            wrong(format!("{} bytes, starting `{start}`", got.len()))
        }
        (_, Body::Skipped(got)) => wrong(format!("{got} bytes")),
    }
}
