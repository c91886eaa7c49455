//! Connections to one server, one exchange at a time on each.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::options::{MemcachedOptions, Server};
use super::wire::{Command, Reply, ReplyDecoder, WireError};
use crate::{Error, ErrorKind, Result};

/// The connections to one server.
#[derive(Debug)]
pub(super) struct Pool {
    server: Server,
    timeout: Duration,
    max_value: usize,
    /// One permit per exchange that may be under way.
    permits: Semaphore,
    idle: Mutex<VecDeque<Connection>>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    decoder: ReplyDecoder,
}

/// What can go wrong in an exchange.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Wire(#[from] WireError),
}

type Exchanged<T> = std::result::Result<T, Failure>;

impl Pool {
    pub(super) fn new(server: &Server, options: &MemcachedOptions) -> Self {
        Self {
            server: server.clone(),
            timeout: options.timeout,
            max_value: options.max_value_bytes,
            permits: Semaphore::new(options.max_connections),
            idle: Mutex::default(),
        }
    }

    /// Sends some commands at once and returns their answers, within the
    /// timeout.
    ///
    /// A future that is dropped takes its connection with it, so that no
    /// answer is ever taken for another one's.
    pub(super) async fn exchange(
        &self,
        action: &'static str,
        commands: &[Command<'_>],
    ) -> Result<Vec<Reply>> {
        let whole = async {
            let _permit = self.permits.acquire().await;
            let mut connection = self.connection().await?;
            let replies = connection.exchange(commands).await?;
            self.give_back(connection);
            Ok(replies)
        };
        let replies = match tokio::time::timeout(self.timeout, whole).await {
            Ok(Ok(replies)) => replies,
            Ok(Err(Failure::Io(error))) => {
                return Err(self
                    .error(ErrorKind::Unavailable, action)
                    .with_source(error));
            }
            Ok(Err(Failure::Wire(error))) => {
                return Err(self.error(ErrorKind::Backend, action).with_source(error));
            }
            Err(elapsed) => {
                return Err(self.error(ErrorKind::Timeout, action).with_source(elapsed));
            }
        };
        for reply in &replies {
            if let Reply::Failed(text) = reply {
                return Err(self.error(kind(text), action).with_source(text.clone()));
            }
        }
        Ok(replies)
    }

    pub(super) fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.server.label(), action)
    }

    async fn connection(&self) -> Exchanged<Connection> {
        while let Some(connection) = self.take_idle() {
            if connection.is_open() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect((self.server.host.as_str(), self.server.port)).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            decoder: ReplyDecoder::new(self.max_value),
        })
    }

    /// The one used last: the others may close in peace.
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop_back()
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back(connection);
    }
}

impl Connection {
    /// A server that went away has closed it; one in step has said nothing.
    fn is_open(&self) -> bool {
        let mut byte = [0];
        matches!(self.stream.try_read(&mut byte), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }

    async fn exchange(&mut self, commands: &[Command<'_>]) -> Exchanged<Vec<Reply>> {
        let mut out = BytesMut::new();
        for command in commands {
            command.encode(&mut out);
        }
        self.stream.write_all(&out).await?;
        let mut replies = Vec::with_capacity(commands.len());
        while replies.len() < commands.len() {
            match self.decoder.poll_reply()? {
                Some(reply) => replies.push(reply),
                None => {
                    if self.stream.read_buf(self.decoder.input()).await? == 0 {
                        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                    }
                }
            }
        }
        Ok(replies)
    }
}

/// Sorts what a server says is wrong.
fn kind(text: &str) -> ErrorKind {
    if text.contains("too large") {
        ErrorKind::TooLarge
    } else if text.contains("out of memory") {
        ErrorKind::Full
    } else if text.contains("Too many open connections") {
        ErrorKind::Unavailable
    } else if text.contains("unauthenticated") {
        ErrorKind::Denied
    } else {
        ErrorKind::Backend
    }
}
