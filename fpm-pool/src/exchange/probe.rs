//! Proving that a worker takes requests.

use std::io;

use fastcgi_proto::ValueNames;
use fastcgi_proto::client::Reuse;
use fastcgi_proto::driver::{Error, ErrorKind};

use super::Connection;

/// What is asked: every application has to answer at once (FastCGI 1.0,
/// section 4.1), and no answer would make a difference.
const QUESTION: ValueNames = ValueNames {
    max_conns: false,
    max_reqs: false,
    mpxs_conns: true,
};

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
    match connection.0.query_values(QUESTION).await {
        Ok(_) => Ok(match connection.0.reuse() {
            Reuse::Ready => Probed::Ready(connection),
            Reuse::Close(reason) => Probed::Garbage(reason.to_string()),
            reuse => Probed::Garbage(format!("{reuse:?}")),
        }),
        Err(error) if error.kind() == ErrorKind::Closed => Ok(Probed::Closed),
        Err(error) if error.kind() == ErrorKind::Io => closed(error),
        Err(error) => Ok(Probed::Garbage(match error.into_source() {
            Some(source) => source.to_string(),
            None => "not FastCGI".to_owned(),
        })),
    }
}

fn closed(error: Error) -> io::Result<Probed> {
    let error = super::run::io_error(error);
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Ok(Probed::Closed),
        _ => Err(error),
    }
}
