//! An HTTP/1.1 client that hides nothing.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    head: bool,
}

/// An answer, its body decoded.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            reader: BufReader::new(stream),
            head: false,
        }
    }

    /// Sends bytes; a server that has closed already is no failure yet.
    pub(crate) fn send(&mut self, raw: impl AsRef<[u8]>) {
        let raw = raw.as_ref();
        self.head = raw.starts_with(b"HEAD ");
        let _ = self.reader.get_mut().write_all(raw);
    }

    /// Reads a whole answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let mut chunk = Vec::new();
        while self.body_piece(&answer, &mut chunk) {
            answer.body.append(&mut chunk);
        }
        answer
    }

    /// Reads the head of an answer, past any 100 (Continue).
    #[track_caller]
    pub(crate) fn head(&mut self) -> Answer {
        loop {
            let line = self.line();
            let status = line
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok());
            let status = status.unwrap_or_else(|| panic!("no status line, but {line:?}"));
            let mut fields = Vec::new();
            loop {
                let line = self.line();
                if line.is_empty() {
                    break;
                }
                let (name, value) = line.split_once(':').expect("a header field");
                fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            if status >= 200 {
                let body = Vec::new();
                return Answer {
                    status,
                    fields,
                    body,
                };
            }
        }
    }

    /// Reads the next piece of the body of `answer`; `false` at its end.
    #[track_caller]
    pub(crate) fn body_piece(&mut self, answer: &Answer, piece: &mut Vec<u8>) -> bool {
        if self.head || matches!(answer.status, 204 | 304) {
            return false;
        }
        if answer.field("transfer-encoding") == Some("chunked") {
            let line = self.line();
            let length = usize::from_str_radix(line.trim(), 16).expect("a chunk's length");
            piece.resize(length, 0);
            self.reader.read_exact(piece).unwrap();
            assert_eq!(self.line(), "");
            return length > 0;
        }
        match answer.field("content-length") {
            Some(length) if answer.body.is_empty() => {
                piece.resize(length.parse().unwrap(), 0);
                self.reader.read_exact(piece).expect("the promised body");
                !piece.is_empty()
            }
            Some(_) => false,
            None => self.reader.read_to_end(piece).unwrap() > 0,
        }
    }

    /// Whether the server has closed the connection, waiting for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        !matches!(self.reader.read(&mut [0]), Ok(1))
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).unwrap();
        assert!(line.ends_with(b"\n"), "the connection ended with {line:?}");
        let line = String::from_utf8_lossy(&line);
        line.trim_end_matches(['\r', '\n']).to_owned()
    }
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The cookies that it sets, ready for a request.
    pub(crate) fn cookies(&self) -> String {
        let set = self.fields.iter().filter(|(name, _)| name == "set-cookie");
        let pairs: Vec<&str> = set
            .filter_map(|(_, value)| value.split(';').next())
            .collect();
        pairs.join("; ")
    }
}

/// A request with `Host`, and with `Content-Length` when it has a body.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    let has = |wanted: &str| {
        fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    if !has("host") {
        head.push_str("Host: localhost\r\n");
    }
    if !has("content-length") && !has("transfer-encoding") && (!body.is_empty() || method == "POST")
    {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    for (name, value) in fields {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut raw = head.into_bytes();
    raw.extend_from_slice(body);
    raw
}

/// Fields of a form as a body.
pub(crate) fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let encode = |text: &str| {
        let mut encoded = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    encoded.push(char::from(byte));
                }
                _ => {
                    let _ = write!(encoded, "%{byte:02X}");
                }
            }
        }
        encoded
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&").into_bytes()
}
