//! An application's connection as a codec.

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::{CodecError, flush};
use crate::server::{Config, Connection, Event, PeerClose};
use crate::{ProtocolStatus, RequestId};

/// An application's connection as a codec: decodes [`Event`]s, encodes
/// [`ServerCommand`]s.
///
/// Answers that the connection gives by itself go out with the next command;
/// send [`ServerCommand::Flush`] when
/// [`wants_write`](Connection::wants_write) says that some wait. Close when
/// [`disposition`](Connection::disposition) says so.
///
/// The end of the stream counts as [`PeerClose::Unknown`]; call
/// [`handle_eof`](Connection::handle_eof) where more is known.
#[derive(Debug)]
pub struct ServerCodec {
    connection: Connection,
}

/// What to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServerCommand {
    /// Output of a request.
    Stdout {
        /// The request.
        request: RequestId,
        /// The next bytes.
        content: Bytes,
    },
    /// A message for the web server's log.
    Stderr {
        /// The request.
        request: RequestId,
        /// The next bytes.
        content: Bytes,
    },
    /// The end of a request.
    End {
        /// The request.
        request: RequestId,
        /// What a CGI program would exit with.
        app_status: u32,
    },
    /// The refusal of a request.
    Reject {
        /// The request.
        request: RequestId,
        /// Why.
        status: ProtocolStatus,
    },
    /// What the connection has queued by itself.
    Flush,
}

impl ServerCodec {
    /// A codec for a connection that was just accepted.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            connection: Connection::new(config),
        }
    }

    /// The connection inside.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection inside, to report input as consumed.
    pub const fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Decoder for ServerCodec {
    type Item = Event;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Event>, CodecError> {
        Ok(self.connection.handle_input(input)?)
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> Result<Option<Event>, CodecError> {
        match self.connection.handle_input(input)? {
            Some(event) => Ok(Some(event)),
            None => Ok(self.connection.handle_eof(PeerClose::Unknown)),
        }
    }
}

impl Encoder<ServerCommand> for ServerCodec {
    type Error = CodecError;

    fn encode(&mut self, command: ServerCommand, out: &mut BytesMut) -> Result<(), CodecError> {
        match command {
            ServerCommand::Stdout { request, content } => {
                self.connection.stdout(request, content)?;
            }
            ServerCommand::Stderr { request, content } => {
                self.connection.stderr(request, content)?;
            }
            ServerCommand::End {
                request,
                app_status,
            } => self.connection.end(request, app_status)?,
            ServerCommand::Reject { request, status } => self.connection.reject(request, status)?,
            ServerCommand::Flush => {}
        }
        flush(self.connection.outgoing(), out);
        Ok(())
    }
}
