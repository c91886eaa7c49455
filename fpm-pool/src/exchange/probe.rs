//! Proving that a worker takes requests.

use std::future::poll_fn;
use std::io::{self, IoSlice};

use fastcgi_proto::Part;

use super::Connection;

/// An `FCGI_GET_VALUES` record for one name, as every application has to answer it at
/// once (FastCGI 1.0, section 4.1).
const QUESTION: &[u8; 8 + 17] = b"\x01\x09\x00\x00\x00\x11\x00\x00\x0f\x00FCGI_MPXS_CONNS";

/// What became of the question.
#[derive(Debug)]
pub(crate) enum Probed {
    /// It answered, and waits for a request on this connection.
    Ready(Box<Connection>),
    /// It closed the connection, as PHP before 8.2.13 does; it takes the
    /// next one.
    Closed,
    /// It answered with something else.
    Garbage(String),
}

/// Asks a question that any application answers between requests.
pub(crate) async fn probe(mut connection: Box<Connection>) -> io::Result<Probed> {
    let mut rest = &QUESTION[..];
    while !rest.is_empty() {
        match poll_fn(|cx| connection.stream.poll_write(cx, &[IoSlice::new(rest)])).await {
            Ok(count) => rest = &rest[count..],
            Err(error) => return closed(error),
        }
    }
    loop {
        let Connection { input, decoder, .. } = &mut *connection;
        match decoder.decode(input) {
            Ok(Some(Part::Values { remaining: 0, .. } | Part::UnknownType(_))) => {
                return Ok(Probed::Ready(connection));
            }
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(error) => return Ok(Probed::Garbage(error.to_string())),
        }
        match poll_fn(|cx| connection.poll_read(cx)).await {
            Ok(0) => return Ok(Probed::Closed),
            Ok(_) => {}
            Err(error) => return closed(error),
        }
    }
}

fn closed(error: io::Error) -> io::Result<Probed> {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Ok(Probed::Closed),
        _ => Err(error),
    }
}
