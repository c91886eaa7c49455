//! One connection of phpredis.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::command::Command;
use super::wire::{CommandDecoder, Reply};
use crate::endpoint::holds::{Holds, Key, refusal};
use crate::endpoint::transport::Transport;
use crate::endpoint::{Endpoint, Limits};
use crate::{Change, Committed, Created, Result, SessionId};

/// Serves a connection until its end; its locks end with it.
pub(in crate::endpoint) async fn serve<S>(stream: S, endpoint: &Endpoint) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = endpoint.limits();
    let mut connection = Connection {
        transport: Transport::new(stream, limits),
        decoder: CommandDecoder::new(limits),
        holds: Holds::new(endpoint.store().clone(), limits.clone()),
        prefix: endpoint.prefix(),
        limits,
    };
    let result = connection.run().await;
    connection.holds.release_all().await;
    result
}

struct Connection<'a, S> {
    transport: Transport<S>,
    decoder: CommandDecoder,
    holds: Holds,
    prefix: &'a str,
    limits: &'a Limits,
}

/// What to do after a command.
enum Next {
    Answer(Reply),
    /// The client has gone away.
    Gone,
    Quit,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            match self.decoder.poll_command() {
                Ok(Some(words)) => match self.answer(&words).await? {
                    Next::Answer(reply) => {
                        reply.encode(self.transport.out());
                        if self.transport.is_full() {
                            self.transport.flush().await?;
                        }
                    }
                    Next::Gone => return Ok(()),
                    Next::Quit => {
                        Reply::Status("OK").encode(self.transport.out());
                        return self.transport.flush().await;
                    }
                },
                Ok(None) => {
                    self.transport.flush().await?;
                    let input = self.decoder.input();
                    if !self.holds.wait(&mut self.transport, input).await? {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let reply = Reply::Error(format!("ERR Protocol error: {error}"));
                    reply.encode(self.transport.out());
                    return self.transport.flush().await;
                }
            }
        }
    }

    async fn answer(&mut self, words: &[Bytes]) -> io::Result<Next> {
        let command = match Command::parse(words, self.prefix) {
            Ok(command) => command,
            Err(refusal) => return Ok(Next::Answer(Reply::Error(refusal.to_string()))),
        };
        self.holds.hand_over(command.destroys()).await;
        match command {
            Command::Lock(id, secret) => self.lock(&id, secret).await,
            Command::Quit => Ok(Next::Quit),
            other => {
                let reply = self.execute(other).await;
                let reply = reply.unwrap_or_else(|error| Reply::Error(format!("ERR {error}")));
                Ok(Next::Answer(reply))
            }
        }
    }

    /// Withholds the answer until the lock is granted, as long as the client
    /// waits for it.
    async fn lock(&mut self, id: &SessionId, secret: Bytes) -> io::Result<Next> {
        self.transport.flush().await?;
        let granted = tokio::select! {
            biased;
            granted = self.holds.lock(id, secret, self.limits.lock_wait) => granted,
            () = self.transport.closed(self.decoder.input()) => return Ok(Next::Gone),
        };
        Ok(Next::Answer(match granted {
            Ok(true) => Reply::Status("OK"),
            Ok(false) => Reply::Nil,
            Err(error) => Reply::Error(format!("ERR {error}")),
        }))
    }

    async fn execute(&mut self, command: Command) -> Result<Reply> {
        match command {
            Command::Get(key) => Ok(bulk(self.holds.get(&key).await?)),
            Command::GetAndTouch(id, ttl) => self.read_and_touch(&id, ttl).await,
            Command::Exists(keys) => self.count_existing(keys).await,
            Command::Write(id, bytes, ttl) => {
                Ok(written(&self.holds.write(&id, bytes, ttl).await?))
            }
            Command::Create(id, bytes, ttl) => self.create(&id, bytes, ttl).await,
            Command::Unlock(id, secret) => {
                Ok(Reply::Integer(self.holds.leave(&id, Some(&secret)).into()))
            }
            Command::Touch(id, ttl) => {
                let touched = self.holds.change(&id, Change::Touch, Some(ttl)).await?;
                Ok(Reply::Integer(touched.is_done().into()))
            }
            Command::Delete(keys) => self.delete(keys).await,
            Command::Ping(Some(text)) => Ok(Reply::Bulk(text)),
            Command::Ping(None) => Ok(Reply::Status("PONG")),
            // The last two are answered before.
            Command::Ignored | Command::Lock(..) | Command::Quit => Ok(Reply::Status("OK")),
        }
    }

    /// While the session is locked its life is extended by the write.
    async fn read_and_touch(&mut self, id: &SessionId, ttl: Option<Duration>) -> Result<Reply> {
        let bytes = self.holds.read(id).await?;
        if bytes.is_some() && self.holds.secret(id).is_none() {
            let touched = self.holds.change(id, Change::Touch, ttl).await?;
            if !touched.is_done() {
                return Ok(Reply::Nil);
            }
        }
        Ok(bulk(bytes))
    }

    async fn create(
        &mut self,
        id: &SessionId,
        bytes: Bytes,
        ttl: Option<Duration>,
    ) -> Result<Reply> {
        let store = self.holds.store();
        let ttl = ttl.unwrap_or_else(|| store.options().ttl);
        Ok(match store.backend().create(id, bytes, ttl).await? {
            Created::Stored(_) => Reply::Status("OK"),
            Created::Exists => Reply::Nil,
        })
    }

    async fn count_existing(&self, keys: Vec<Key>) -> Result<Reply> {
        let mut count = 0;
        for key in keys {
            count += i64::from(self.holds.get(&key).await?.is_some());
        }
        Ok(Reply::Integer(count))
    }

    async fn delete(&mut self, keys: Vec<Key>) -> Result<Reply> {
        let mut count = 0;
        for key in keys {
            count += i64::from(self.holds.delete(&key).await?);
        }
        Ok(Reply::Integer(count))
    }
}

fn bulk(bytes: Option<Bytes>) -> Reply {
    bytes.map_or(Reply::Nil, Reply::Bulk)
}

/// PHP warns about an error, so the application's log tells what happened.
fn written(outcome: &Committed) -> Reply {
    match refusal(outcome) {
        None => Reply::Status("OK"),
        Some(why) => Reply::Error(format!("ERR {why}")),
    }
}
