//! The sessions that one connection has locked; they are given back when it
//! ends, whatever way it ends.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Limits;
use super::transport::{Filled, Transport};
use crate::mode::bounded;
use crate::{Change, Committed, Error, ErrorKind, Locked, Result, SessionId, Store};

/// What a client's key stands for: a session or its lock.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) enum Key {
    Session(SessionId),
    Lock(SessionId),
}

/// What a connection has done to which session.
#[derive(Debug)]
pub(super) struct Holds {
    store: Store,
    limits: Limits,
    holds: Vec<Hold>,
}

#[derive(Debug)]
struct Hold {
    /// As the client calls it; an alias may have led to another one.
    id: SessionId,
    /// What the client wrote into the lock.
    secret: Bytes,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Locked until then.
    Active(Locked, Instant),
    /// Unlocked by the client, who may yet say that it meant to destroy the
    /// session: phpredis unlocks before it deletes.
    Leaving(Locked, Instant),
    /// Written, which released it; the client has yet to unlock.
    Written,
}

impl Holds {
    pub(super) fn new(store: Store, limits: Limits) -> Self {
        Self {
            store,
            limits,
            holds: Vec::new(),
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Waits for the lock; `false` if it was not granted in time or is held
    /// by this connection already.
    ///
    /// Cancel safe: a dropped future waits no more and holds nothing.
    pub(super) async fn lock(
        &mut self,
        id: &SessionId,
        secret: Bytes,
        wait: Duration,
    ) -> Result<bool> {
        match self.position(id).map(|at| (at, &self.holds[at].state)) {
            Some((_, State::Active(..) | State::Leaving(..))) => return Ok(false),
            Some((at, State::Written)) => drop(self.holds.swap_remove(at)),
            None => {}
        }
        if self.holds.len() >= self.limits.max_locks {
            return Err(self.error(ErrorKind::TooManyWaiters, "lock one more session"));
        }
        let until = || tokio::time::Instant::now() + wait;
        let locked = match bounded(self.store.lock(id), until).await {
            Some(Ok(locked)) => locked,
            Some(Err(error)) if is_busy(&error) => return Ok(false),
            Some(Err(error)) => return Err(error),
            None => return Ok(false),
        };
        let until = Instant::now() + self.limits.lock_hold;
        self.holds.push(Hold {
            id: id.clone(),
            secret,
            state: State::Active(locked, until),
        });
        Ok(true)
    }

    /// What this connection wrote into a lock that it still has.
    pub(super) fn secret(&self, id: &SessionId) -> Option<Bytes> {
        let hold = &self.holds[self.position(id)?];
        match &hold.state {
            State::Active(locked, _) => (!locked.is_lost()).then(|| hold.secret.clone()),
            State::Leaving(..) | State::Written => None,
        }
    }

    /// The client unlocks: `false` if it has no such lock. Others enter at
    /// the next command, the end of the connection or a moment later.
    pub(super) fn leave(&mut self, id: &SessionId, secret: Option<&[u8]>) -> bool {
        let Some(at) = self.position(id) else {
            return false;
        };
        if secret.is_some_and(|secret| secret != self.holds[at].secret) {
            return false;
        }
        let Hold { id, secret, state } = self.holds.swap_remove(at);
        let state = match state {
            State::Active(locked, _) => State::Leaving(locked, Instant::now() + HAND_OVER),
            State::Leaving(..) => return false,
            State::Written => return true,
        };
        self.holds.push(Hold { id, secret, state });
        true
    }

    /// Hands over what the client has left, except a session that it is
    /// about to destroy.
    pub(super) async fn hand_over(&mut self, but: Option<&SessionId>) {
        let leaves = |hold: &Hold| {
            matches!(hold.state, State::Leaving(..)) && but.is_none_or(|but| *but != hold.id)
        };
        self.release_where(leaves).await;
    }

    /// Waits for more from the client, and takes back what it has held for
    /// too long by then; `false` at the end.
    pub(super) async fn wait<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        transport: &mut Transport<S>,
        input: &mut BytesMut,
    ) -> io::Result<bool> {
        let filled = transport.fill(input, self.deadline()).await?;
        if filled == Filled::Deadline {
            self.expire(Instant::now()).await;
        }
        Ok(filled != Filled::Closed)
    }

    /// When [`expire`](Self::expire) has something to do.
    fn deadline(&self) -> Option<Instant> {
        let until = |hold: &Hold| match hold.state {
            State::Active(_, until) | State::Leaving(_, until) => Some(until),
            State::Written => None,
        };
        self.holds.iter().filter_map(until).min()
    }

    /// Takes back what has been held for too long.
    async fn expire(&mut self, now: Instant) {
        let over = |hold: &Hold| match hold.state {
            State::Active(_, until) | State::Leaving(_, until) => until <= now,
            State::Written => false,
        };
        self.release_where(over).await;
    }

    /// Gives everything back; nothing is written.
    pub(super) async fn release_all(mut self) {
        self.release_where(|_| true).await;
    }

    /// The session's data: as locked, or as stored now.
    pub(super) async fn read(&self, id: &SessionId) -> Result<Option<Bytes>> {
        if let Some(at) = self.position(id)
            && let State::Active(locked, _) | State::Leaving(locked, _) = &self.holds[at].state
        {
            return Ok(locked.data().cloned());
        }
        Ok(self.store.read(id).await?.map(|entry| entry.bytes))
    }

    /// What the client finds under a key: a session's data, or what it wrote
    /// into a lock that it still has.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        match key {
            Key::Session(id) => self.read(id).await,
            Key::Lock(id) => Ok(self.secret(id)),
        }
    }

    /// Destroys a session or gives a lock back; `false` if nothing was deleted.
    pub(super) async fn delete(&mut self, key: &Key) -> Result<bool> {
        match key {
            Key::Session(id) => {
                let existed = self.read(id).await?.is_some();
                let deleted = self.change(id, Change::Delete, None).await?;
                Ok(existed && deleted.is_done())
            }
            Key::Lock(id) => Ok(self.leave(id, None)),
        }
    }

    /// Stores new data and releases the session.
    pub(super) async fn write(
        &mut self,
        id: &SessionId,
        bytes: Bytes,
        ttl: Option<Duration>,
    ) -> Result<Committed> {
        let locked = self.take_or_lock(id, ttl).await?;
        locked.commit(bytes).await
    }

    /// Changes the session and releases it.
    pub(super) async fn change(
        &mut self,
        id: &SessionId,
        change: Change,
        ttl: Option<Duration>,
    ) -> Result<Committed> {
        let locked = self.take_or_lock(id, ttl).await?;
        locked.commit_change(change).await
    }

    async fn take_or_lock(&mut self, id: &SessionId, ttl: Option<Duration>) -> Result<Locked> {
        let mut locked = match self.take(id) {
            Some(locked) => locked,
            None => self.store.lock(id).await?,
        };
        if let Some(ttl) = ttl {
            locked.set_ttl(ttl);
        }
        Ok(locked)
    }

    /// What is locked, leaving a note for the unlock that will come.
    fn take(&mut self, id: &SessionId) -> Option<Locked> {
        let at = self.position(id)?;
        let Hold { id, secret, state } = self.holds.swap_remove(at);
        match state {
            State::Active(locked, _) => {
                let state = State::Written;
                self.holds.push(Hold { id, secret, state });
                Some(locked)
            }
            State::Leaving(locked, _) => Some(locked),
            State::Written => None,
        }
    }

    async fn release_where(&mut self, leaves: impl Fn(&Hold) -> bool) {
        let mut at = 0;
        while at < self.holds.len() {
            if !leaves(&self.holds[at]) {
                at += 1;
                continue;
            }
            if let State::Active(locked, _) | State::Leaving(locked, _) =
                self.holds.swap_remove(at).state
                && let Err(error) = locked.release().await
            {
                tracing::warn!(%error, "a lock was not given back; it ends by itself");
            }
        }
    }

    fn position(&self, id: &SessionId) -> Option<usize> {
        self.holds.iter().position(|hold| hold.id == *id)
    }

    fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.store.backend().name().to_owned(), action)
    }
}

/// Why nothing was written, in words for the application's log.
pub(super) fn refusal(outcome: &Committed) -> Option<&'static str> {
    match outcome {
        Committed::Stored(_) | Committed::Deleted => None,
        Committed::Gone => Some(GONE),
        Committed::Conflict => Some(CONFLICT),
    }
}

const GONE: &str = "the session was destroyed in the meantime; nothing was written";
const CONFLICT: &str = "another request wrote the session in the meantime; nothing was written";

/// Whether the client may just ask again.
fn is_busy(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::LockTimeout | ErrorKind::TooManyWaiters
    )
}

/// How long a delete may come after the unlock; see [`State::Leaving`].
const HAND_OVER: Duration = Duration::from_millis(5);
