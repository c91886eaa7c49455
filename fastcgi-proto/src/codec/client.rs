//! A web server's connection as a codec.

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::{CodecError, flush};
use crate::RequestId;
use crate::client::{Config, Connection, Event};

/// A web server's connection as a codec: decodes [`Event`]s, encodes
/// [`ClientCommand`]s.
///
/// Requests are begun on the [`Connection`] itself, which says their ids;
/// what that queued goes out with the next command.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use fastcgi_proto::client::{BodyLen, Config};
/// use fastcgi_proto::codec::{ClientCodec, ClientCommand};
/// use fastcgi_proto::{Params, Role};
/// use tokio_util::codec::Encoder;
///
/// let mut codec = ClientCodec::new(Config::default());
/// let params = Params::from_pairs([("REQUEST_METHOD", "GET")])?;
/// codec.connection_mut().begin(Role::RESPONDER, &params, BodyLen::Empty)?;
/// let mut out = BytesMut::new();
/// codec.encode(ClientCommand::Flush, &mut out)?;
/// assert_eq!(&out[..2], b"\x01\x01");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientCodec {
    connection: Connection,
}

/// What to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientCommand {
    /// The next bytes of a request's body.
    Content {
        /// The request.
        request: RequestId,
        /// The bytes.
        content: Bytes,
    },
    /// The end of a request's body.
    Finish {
        /// The request.
        request: RequestId,
    },
    /// Give a request up; ask the connection's
    /// [`reuse`](Connection::reuse) afterwards.
    Abort {
        /// The request.
        request: RequestId,
    },
    /// What was queued on the connection directly.
    Flush,
}

impl ClientCodec {
    /// A codec for a connection on which nothing was said yet.
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

    /// The connection inside.
    pub const fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Decoder for ClientCodec {
    type Item = Event;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Event>, CodecError> {
        Ok(self.connection.handle_input(input)?)
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> Result<Option<Event>, CodecError> {
        match self.connection.handle_input(input)? {
            Some(event) => Ok(Some(event)),
            None => Ok(self.connection.handle_eof()?),
        }
    }
}

impl Encoder<ClientCommand> for ClientCodec {
    type Error = CodecError;

    fn encode(&mut self, command: ClientCommand, out: &mut BytesMut) -> Result<(), CodecError> {
        match command {
            ClientCommand::Content { request, content } => {
                self.connection.send(request, content)?
            }
            ClientCommand::Finish { request } => self.connection.finish(request)?,
            ClientCommand::Abort { request } => {
                self.connection.abort(request);
            }
            ClientCommand::Flush => {}
        }
        flush(self.connection.outgoing(), out);
        Ok(())
    }
}
