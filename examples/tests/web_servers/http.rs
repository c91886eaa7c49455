//! A plain HTTP/1.1 client over one connection per request.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// What a request sends as its body.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    None,
    /// This many bytes, with `Content-Length`.
    Length(usize),
    /// This many bytes, chunked.
    Chunked(usize),
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Bytes that differ from each other, repeated.
fn pattern() -> Vec<u8> {
    (0..65_521_u32)
        .map(|at| (at * 31 + at / 251).to_le_bytes()[0])
        .collect()
}

/// The SHA-256, in hexadecimal, of a body of `len` bytes.
pub(crate) fn sha256(len: usize) -> String {
    let mut hash = Sha256::new();
    each_piece(len, |piece| {
        hash.update(piece);
        Ok(())
    })
    .unwrap();
    format!("{:x}", hash.finalize())
}

fn each_piece(len: usize, mut f: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let pattern = pattern();
    let mut left = len;
    while left > 0 {
        let piece = &pattern[..left.min(pattern.len())];
        f(piece)?;
        left -= piece.len();
    }
    Ok(())
}

/// Connects to 127.0.0.1:`port`.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    // Longer than any answer takes; a hang fails the test all the same.
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

/// The request line and fields, with the empty line.
pub(crate) fn head(method: &str, path: &str, fields: &[(String, String)], body: Body) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match body {
        Body::None => {}
        Body::Length(len) => head.push_str(&format!("Content-Length: {len}\r\n")),
        Body::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
    }
    head + "\r\n"
}

/// Sends one request and reads its answer, both at once.
#[track_caller]
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    fields: &[(String, String)],
    body: Body,
) -> Response {
    let mut stream = connect(port);
    let mut writer = stream.try_clone().unwrap();
    let head = head(method, path, fields, body);
    // A server that refuses early closes while this still writes.
    let sending = thread::spawn(move || {
        writer.write_all(head.as_bytes())?;
        write_body(&mut writer, body)
    });
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = sending.join();
    match parse(&answer) {
        Some(response) => response,
        None => panic!(
            "{read:?} after {:?}",
            String::from_utf8_lossy(&answer[..answer.len().min(2000)])
        ),
    }
}

pub(crate) fn write_body(writer: &mut impl Write, body: Body) -> io::Result<()> {
    match body {
        Body::None => Ok(()),
        Body::Length(len) => each_piece(len, |piece| writer.write_all(piece)),
        Body::Chunked(len) => {
            each_piece(len, |piece| {
                write!(writer, "{:x}\r\n", piece.len())?;
                writer.write_all(piece)?;
                writer.write_all(b"\r\n")
            })?;
            writer.write_all(b"0\r\n\r\n")
        }
    }
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let body = &answer[end + 4..];
    let status = head.split(' ').nth(1)?.parse().ok()?;
    if status == 100 {
        return parse(body);
    }
    let body = if head.contains("transfer-encoding: chunked") {
        dechunk(body)?
    } else {
        body.to_vec()
    };
    Some(Response { status, body })
}

fn dechunk(mut wire: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = wire.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = std::str::from_utf8(&wire[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let rest = &wire[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        wire = rest.get(size + 2..)?;
    }
}
