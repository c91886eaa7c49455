//! One connection of the prepended PHP file.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};

use super::wire::{Answer, Open, Request, RequestDecoder};
use crate::endpoint::transport::{Filled, Transport};
use crate::endpoint::{Endpoint, Limits};
use crate::mode::bounded;
use crate::{Change, Committed, Error, ErrorKind, Locked, SessionId, Store};

/// Serves a connection until its end; its lock ends with it.
pub(in crate::endpoint) async fn serve<S>(stream: S, endpoint: &Endpoint) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = endpoint.limits();
    let mut connection = Connection {
        transport: Transport::new(stream, limits),
        decoder: RequestDecoder::new(limits),
        store: endpoint.store(),
        limits,
        held: None,
        id: None,
        moving: None,
    };
    let result = connection.run().await;
    connection.release().await;
    result
}

struct Connection<'a, S> {
    transport: Transport<S>,
    decoder: RequestDecoder,
    store: &'a Store,
    limits: &'a Limits,
    /// The session that PHP has open, and until when it may.
    held: Option<(Locked, Instant)>,
    /// What PHP calls the session that it has open.
    id: Option<SessionId>,
    /// The session that gets a new id, locked until that is.
    moving: Option<(SessionId, Locked)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            match self.decoder.poll_request() {
                Ok(Some((number, Request::Open(open)))) => {
                    let Some(answer) = self.open(&open).await? else {
                        return Ok(());
                    };
                    answer.encode(number, self.transport.out());
                }
                Ok(Some((_, Request::Close))) => self.release_held().await,
                Ok(Some((number, Request::Move))) => {
                    let answer = self.begin_move();
                    answer.encode(number, self.transport.out());
                }
                Ok(Some((number, Request::Change(change)))) => {
                    let answer = self.finish(change).await;
                    answer.encode(number, self.transport.out());
                }
                Ok(None) => {
                    self.transport.flush().await?;
                    if !self.read().await? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            if self.transport.is_full() {
                self.transport.flush().await?;
            }
        }
    }

    /// Waits for more from PHP; `false` at the end.
    async fn read(&mut self) -> io::Result<bool> {
        let deadline = self.held.as_ref().map(|(_, until)| *until);
        let filled = self.transport.fill(self.decoder.input(), deadline).await?;
        if filled == Filled::Deadline {
            self.release_held().await;
        }
        Ok(filled != Filled::Closed)
    }

    /// Locks and reads; `None` if PHP goes away while it waits.
    async fn open(&mut self, open: &Open) -> io::Result<Option<Answer>> {
        // PHP was interrupted before it could close, or go on.
        self.release_held().await;
        if !open.succeeds {
            self.end_move(None).await;
        }
        self.transport.flush().await?;
        let id = std::str::from_utf8(&open.id).ok().map(SessionId::parse);
        let Some(Ok(id)) = id else {
            return Ok(Some(Answer::Failed(BAD_ID.to_owned())));
        };
        let until = || tokio::time::Instant::now() + self.limits.lock_wait;
        let locking = bounded(self.store.lock(&id), until);
        let locked = tokio::select! {
            biased;
            locked = locking => locked,
            () = self.transport.closed(self.decoder.input()) => return Ok(None),
        };
        let mut locked = match locked {
            Some(Ok(locked)) => locked,
            Some(Err(error)) => return Ok(Some(failed(&error))),
            None => {
                let error = self.error(ErrorKind::LockTimeout, "lock session");
                return Ok(Some(failed(&error)));
            }
        };
        if open.ttl > 0 {
            locked.set_ttl(Duration::from_secs(open.ttl.into()));
        }
        let answer = match locked.data() {
            Some(bytes) => Answer::Found(bytes.clone()),
            None => Answer::New,
        };
        self.end_move(Some(&id)).await;
        self.held = Some((locked, Instant::now() + self.limits.lock_hold));
        self.id = Some(id);
        Ok(Some(answer))
    }

    /// `session_regenerate_id(true)`: the old session stays locked until the
    /// new one is, so that nobody finds neither.
    fn begin_move(&mut self) -> Answer {
        let (Some((locked, _)), Some(id)) = (self.held.take(), self.id.take()) else {
            return Answer::Failed(NOT_OPEN.to_owned());
        };
        self.moving = Some((id, locked));
        Answer::Done
    }

    /// Destroys the session that moved and lets its id lead to the new one.
    async fn end_move(&mut self, to: Option<&SessionId>) {
        let Some((from, old)) = self.moving.take() else {
            return;
        };
        let left = match to {
            Some(to) => self.store.leave_alias(&from, to).await,
            None => Ok(()),
        };
        for error in [left.err(), old.destroy().await.err()]
            .into_iter()
            .flatten()
        {
            tracing::warn!(%error, "a session that has a new id was not removed cleanly");
        }
    }

    async fn finish(&mut self, change: Change) -> Answer {
        let Some((locked, _)) = self.held.take() else {
            return Answer::Failed(NOT_OPEN.to_owned());
        };
        let written = match change {
            Change::Put(bytes) => locked.commit(bytes).await,
            // Unchanged; a session that is empty need not be stored yet.
            Change::Touch => {
                let bytes = locked.data().cloned().unwrap_or_default();
                locked.commit(bytes).await
            }
            Change::Delete => locked.destroy().await,
        };
        match written {
            Ok(Committed::Stored(_) | Committed::Deleted) => Answer::Done,
            Ok(Committed::Gone) => Answer::Gone,
            Ok(Committed::Conflict) => Answer::Conflict,
            Err(error) => failed(&error),
        }
    }

    /// Gives back everything.
    async fn release(&mut self) {
        self.end_move(None).await;
        self.release_held().await;
    }

    async fn release_held(&mut self) {
        if let Some((locked, _)) = self.held.take()
            && let Err(error) = locked.release().await
        {
            tracing::warn!(%error, "a lock was not given back; it ends by itself");
        }
    }

    fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.store.backend().name().to_owned(), action)
    }
}

fn failed(error: &Error) -> Answer {
    Answer::Failed(error.to_string())
}

const BAD_ID: &str = "the session id is not one that PHP makes";
const NOT_OPEN: &str =
    "the session is not open here any more: it was held for too long, or closed before";
