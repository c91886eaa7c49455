//! The exchange itself.

use std::io::{self, Write};

use fastcgi_proto::cgi::EnvError;
use fastcgi_proto::client::{BodyLen, Config, Event};
use fastcgi_proto::driver::{ClientConnection, Exchange, Stream};
use fastcgi_proto::{ParamError, Params, ProtocolStatus, Role};

use super::Failure;
use super::answer::Answer;
use super::args::Get;
use super::body::Body;
use super::environment::Environment;

/// Sends the request and prints its answer: the status, once it is whole.
pub(super) async fn get(get: &Get) -> Result<u16, Failure> {
    let body = get.body.as_deref().map(Body::open).transpose()?;
    let length = body.as_ref().map(Body::length);
    let environment = Environment::new(get)?;
    let params = Params::build(|params| environment.write(params, length))
        .map_err(|error: EnvError<ParamError>| Failure::Params(error))?;
    let stream = Stream::connect(&(&get.connect).into())
        .await
        .map_err(|error| Failure::Connect {
            address: get.connect.clone(),
            error,
        })?;
    let mut config = Config::default();
    config.keep_conn = false;
    let mut connection = ClientConnection::new(stream, config);
    let length = length.map_or(BodyLen::Empty, BodyLen::Exact);
    let body = body.unwrap_or_default();
    let exchange = connection.exchange(Role::RESPONDER, &params, length, body)?;
    let answer = Answer::new(io::stdout().lock(), get.include, get.method() == "HEAD");
    print(exchange, answer).await
}

async fn print<W: Write>(
    mut exchange: Exchange<'_, Stream, Body>,
    mut answer: Answer<W>,
) -> Result<u16, Failure> {
    while let Some(event) = exchange.next().await? {
        match event {
            Event::Stdout { content, .. } => answer.stdout(content)?,
            // Whoever reads the messages may be gone; the answer matters.
            Event::Stderr { content, .. } => drop(io::stderr().write_all(&content)),
            Event::End {
                protocol_status, ..
            } if protocol_status != ProtocolStatus::REQUEST_COMPLETE => {
                return Err(Failure::Refused(protocol_status));
            }
            _ => {}
        }
    }
    answer.finish()
}
