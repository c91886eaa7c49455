//! What is asked, and what the answer must be.

/// A request as its bytes on the wire, with the answer it must get.
#[derive(Debug, Clone)]
pub struct Request {
    wire: Vec<u8>,
    expect: Expect,
}

/// The only body that counts as an answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Expect {
    /// Exactly these bytes.
    Body(Vec<u8>),
    /// This many bytes: for bodies too large to compare one by one.
    Length(u64),
    /// Anything, as long as the status is 200.
    Any,
}

impl Request {
    /// A GET of `target` from the server at 127.0.0.1.
    #[must_use]
    pub fn get(target: &str, expect: Expect) -> Self {
        let wire =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: compare\r\n\r\n");
        Self {
            wire: wire.into_bytes(),
            expect,
        }
    }

    /// A POST of `body` to `target`.
    #[must_use]
    pub fn post(target: &str, body: &[u8], expect: Expect) -> Self {
        let mut wire = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: compare\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        wire.extend_from_slice(body);
        Self { wire, expect }
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The answer that counts.
    #[must_use]
    pub fn expect(&self) -> &Expect {
        &self.expect
    }
}
