//! One connection of php-memcached.

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::decoder::RequestDecoder;
use super::expiry::Expiry;
use super::message::{Answer, Command, Condition, Request, Store, Value};
use crate::endpoint::holds::{Holds, Key, refusal};
use crate::endpoint::transport::Transport;
use crate::endpoint::{Endpoint, Limits};
use crate::{Change, Committed, Result, SessionId};

/// Serves a connection until its end; its locks end with it.
pub(in crate::endpoint) async fn serve<S>(stream: S, endpoint: &Endpoint) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = endpoint.limits();
    let mut connection = Connection {
        transport: Transport::new(stream, limits),
        decoder: RequestDecoder::new(limits),
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
    decoder: RequestDecoder,
    holds: Holds,
    prefix: &'a str,
    limits: &'a Limits,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            match self.decoder.poll_request() {
                Ok(Some(Request { command, form })) => {
                    if command == Command::Quit {
                        return self.transport.flush().await;
                    }
                    let Some(answer) = self.answer(command).await? else {
                        return Ok(());
                    };
                    answer.encode(form, self.transport.out());
                    if self.transport.is_full() {
                        self.transport.flush().await?;
                    }
                }
                Ok(None) => {
                    self.transport.flush().await?;
                    let input = self.decoder.input();
                    if !self.holds.wait(&mut self.transport, input).await? {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let line = format!("SERVER_ERROR {error}\r\n");
                    self.transport.out().extend_from_slice(line.as_bytes());
                    return self.transport.flush().await;
                }
            }
        }
    }

    /// `None` if the client has gone away.
    async fn answer(&mut self, command: Command) -> io::Result<Option<Answer>> {
        let destroys = match &command {
            Command::Delete { key } => match self.key(key) {
                Some(Key::Session(id)) => Some(id),
                _ => None,
            },
            _ => None,
        };
        self.holds.hand_over(destroys.as_ref()).await;
        if let Command::Store(store) = &command
            && store.condition == Condition::Absent
            && let Some(Key::Lock(id)) = self.key(&store.key)
        {
            return self.lock(&id, store.value.clone()).await;
        }
        let answer = self.execute(command).await;
        Ok(Some(
            answer.unwrap_or_else(|error| Answer::Failed(error.to_string())),
        ))
    }

    /// Withholds the answer until the lock is granted, as long as the client
    /// waits for it.
    async fn lock(&mut self, id: &SessionId, secret: Bytes) -> io::Result<Option<Answer>> {
        self.transport.flush().await?;
        let wait = self.limits.lock_wait.min(PATIENCE);
        let granted = tokio::select! {
            biased;
            granted = self.holds.lock(id, secret, wait) => granted,
            () = self.transport.closed(self.decoder.input()) => return Ok(None),
        };
        Ok(Some(match granted {
            Ok(true) => Answer::Stored,
            Ok(false) => Answer::NotStored,
            Err(error) => Answer::Failed(error.to_string()),
        }))
    }

    async fn execute(&mut self, command: Command) -> Result<Answer> {
        match command {
            Command::Get { keys, with_cas } => self.get(keys, with_cas).await,
            Command::GetAndTouch { key, expiry } => match self.touch(&key, expiry).await? {
                Answer::Touched => self.get(vec![key], true).await,
                other => Ok(other),
            },
            Command::Store(store) => self.store(store).await,
            Command::Touch { key, expiry } => self.touch(&key, expiry).await,
            Command::Delete { key } => self.delete(&key).await,
            // The last one is answered before.
            Command::Noop | Command::Quit => Ok(Answer::Nothing),
            Command::Version => Ok(Answer::Version),
            Command::Refused(refusal) => Ok(Answer::Refused(refusal)),
        }
    }

    async fn get(&self, keys: Vec<Bytes>, with_cas: bool) -> Result<Answer> {
        let mut found = Vec::new();
        for key in keys {
            if let Some(place) = self.key(&key)
                && let Some(bytes) = self.holds.get(&place).await?
            {
                let cas = cas(&bytes);
                found.push(Value { key, bytes, cas });
            }
        }
        Ok(Answer::Values { found, with_cas })
    }

    async fn store(&mut self, store: Store) -> Result<Answer> {
        let Some(Key::Session(id)) = self.key(&store.key) else {
            return Ok(self.foreign());
        };
        if store.flags != 0 {
            return Ok(Answer::Failed(FLAGS.to_owned()));
        }
        let ttl = match Expiry::new(store.expiry, unix_secs()) {
            Expiry::Never => None,
            Expiry::After(ttl) => Some(ttl),
            Expiry::Past if store.condition == Condition::Absent => {
                return self.reserve(&id).await;
            }
            Expiry::Past => return self.expire_now(&id).await,
        };
        let old = match store.condition {
            Condition::Always => None,
            Condition::Absent if store.value.is_empty() => return self.reserve(&id).await,
            Condition::Absent | Condition::Present | Condition::Unchanged(_) => {
                self.holds.read(&id).await?
            }
        };
        match (store.condition, old) {
            (Condition::Absent, Some(_)) | (Condition::Present, None) => Ok(Answer::NotStored),
            (Condition::Unchanged(_), None) => Ok(Answer::NotFound),
            (Condition::Unchanged(expected), Some(old)) if cas(&old) != expected => {
                Ok(Answer::Exists)
            }
            _ => Ok(written(&self.holds.write(&id, store.value, ttl).await?)),
        }
    }

    /// PHP asks whether an id is free, or reserves a new one with an empty
    /// item that it forgets. Nothing is stored: a session begins to exist
    /// when it is written.
    async fn reserve(&self, id: &SessionId) -> Result<Answer> {
        Ok(match self.holds.read(id).await? {
            Some(_) => Answer::NotStored,
            None => Answer::Stored,
        })
    }

    async fn expire_now(&mut self, id: &SessionId) -> Result<Answer> {
        let deleted = self.holds.change(id, Change::Delete, None).await?;
        Ok(written(&deleted))
    }

    async fn touch(&mut self, key: &[u8], expiry: i64) -> Result<Answer> {
        let Some(Key::Session(id)) = self.key(key) else {
            return Ok(self.foreign());
        };
        let (change, ttl) = match Expiry::new(expiry, unix_secs()) {
            Expiry::Never => (Change::Touch, None),
            Expiry::After(ttl) => (Change::Touch, Some(ttl)),
            Expiry::Past => (Change::Delete, None),
        };
        let touched = self.holds.change(&id, change, ttl).await?;
        Ok(if touched.is_done() {
            Answer::Touched
        } else {
            Answer::NotFound
        })
    }

    async fn delete(&mut self, key: &[u8]) -> Result<Answer> {
        let deleted = match self.key(key) {
            Some(key) => self.holds.delete(&key).await?,
            None => false,
        };
        Ok(if deleted {
            Answer::Deleted
        } else {
            Answer::NotFound
        })
    }

    fn key(&self, key: &[u8]) -> Option<Key> {
        let name = key.strip_prefix(self.prefix.as_bytes())?;
        let name = std::str::from_utf8(name).ok()?;
        // `.` is no letter of an id.
        match name.strip_prefix("lock.") {
            Some(name) => Some(Key::Lock(SessionId::parse(name).ok()?)),
            None => Some(Key::Session(SessionId::parse(name).ok()?)),
        }
    }

    fn foreign(&self) -> Answer {
        Answer::Failed(format!(
            "keys are {}ID with an id that PHP makes; set memcached.sess_prefix to that",
            self.prefix
        ))
    }
}

/// Equal content has equal numbers, which is all that `cas` needs here.
fn cas(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    // Zero means "none" in the binary protocol.
    hasher.finish() | 1
}

fn written(outcome: &Committed) -> Answer {
    match refusal(outcome) {
        None => Answer::Stored,
        Some(why) => Answer::Failed(why.to_owned()),
    }
}

fn unix_secs() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// libmemcached waits five seconds for an answer.
const PATIENCE: Duration = Duration::from_secs(4);
const FLAGS: &str = "items with flags are not stored; sessions have none";
