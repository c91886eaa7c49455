//! The lock item: taken by `add`, extended and freed by `cas`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::backend::MemcachedBackend;
use super::keys::Item;
use super::pool::Pool;
use super::wire::{Command, Reply, Value};
use crate::backend::abandoned::FreeByToken;
use crate::{Lease, Result, SessionId, Token};

/// What the holder of a lock knows about it; kept in the lease.
#[derive(Debug)]
pub(super) struct Hold(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    cas: u64,
    /// Until then the lock cannot have expired.
    certain_until: Instant,
}

impl Hold {
    pub(super) fn new(cas: u64, certain_until: Instant) -> Self {
        Self(Mutex::new(State { cas, certain_until }))
    }

    fn get(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, cas: u64, certain_until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State { cas, certain_until };
    }

    /// After an exchange that failed nothing is certain.
    pub(super) fn doubt(&self) {
        let cas = self.get().cas;
        self.set(cas, Instant::now());
    }
}

/// One attempt: the lock, and in the same round trip the session if it lives
/// on the same server. `None` if somebody else holds the lock.
pub(super) async fn attempt(
    backend: &MemcachedBackend,
    lock: &Item,
    session: &Item,
    token: &Token,
    lease: Duration,
) -> Result<Option<(Hold, Option<Value>)>> {
    let asked = Instant::now();
    let add = Command::Add {
        key: &lock.key,
        expiry: expiry(lease),
        value: token.as_str().as_bytes(),
    };
    let get_lock = Command::Gets { key: &lock.key };
    let get = Command::Gets { key: &session.key };
    let pool = backend.pool(lock);
    let together = lock.server == session.server;
    let commands = [add, get_lock, get];
    let commands = if together {
        &commands[..]
    } else {
        &commands[..2]
    };
    let mut replies = pool
        .exchange("lock the session", commands)
        .await?
        .into_iter();
    if replies.next() != Some(Reply::Stored) {
        return Ok(None);
    }
    let Some(Reply::Value(Some(item))) = replies.next() else {
        return Ok(None);
    };
    if item.bytes != token.as_str() {
        return Ok(None);
    }
    let hold = Hold::new(item.cas, asked + lease);
    let value = if together {
        found(replies.next())
    } else {
        get_value(backend.pool(session), &session.key).await?
    };
    Ok(Some((hold, value)))
}

/// Whether the lease still is its holder's; asks the server if it may have
/// expired.
pub(super) async fn is_held(pool: &Pool, lock: &Item, lease: &Lease) -> Result<bool> {
    let Some(hold) = lease.guard::<Hold>() else {
        return Ok(false);
    };
    if Instant::now() < hold.get().certain_until {
        return Ok(true);
    }
    renew(pool, lock, lease).await
}

/// Writes the lock anew if it still is the holder's.
pub(super) async fn renew(pool: &Pool, lock: &Item, lease: &Lease) -> Result<bool> {
    let Some(hold) = lease.guard::<Hold>() else {
        return Ok(false);
    };
    let asked = Instant::now();
    let token = lease.token().as_str();
    let commands = [
        Command::Cas {
            key: &lock.key,
            expiry: expiry(lease.ttl()),
            value: token.as_bytes(),
            cas: hold.get().cas,
        },
        Command::Gets { key: &lock.key },
    ];
    let replies = pool.exchange("renew the lock", &commands).await?;
    match replies.as_slice() {
        [Reply::Stored, Reply::Value(Some(item))] if item.bytes == token => {
            hold.set(item.cas, asked + lease.ttl());
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Lets the lock expire now, if it still is the holder's.
pub(super) fn free<'a>(lock: &'a Item, lease: &Lease) -> Option<Command<'a>> {
    let cas = lease.guard::<Hold>()?.get().cas;
    Some(delete_version(lock, cas))
}

impl FreeByToken for MemcachedBackend {
    async fn free_by_token(&self, id: &SessionId, token: &Token) {
        let Ok(lock) = self.lock_item(id) else {
            return;
        };
        let pool = self.pool(&lock);
        if let Ok(Some(item)) = get_value(pool, &lock.key).await
            && item.bytes == token.as_str()
        {
            let _ = pool
                .exchange("release the lock", &[delete_version(&lock, item.cas)])
                .await;
        }
    }
}

/// Storing something that expires at once deletes by version.
pub(super) fn delete_version(item: &Item, cas: u64) -> Command<'_> {
    Command::Cas {
        key: &item.key,
        expiry: AT_ONCE,
        value: b"",
        cas,
    }
}

pub(super) async fn get_value(pool: &Pool, key: &str) -> Result<Option<Value>> {
    let replies = pool
        .exchange("read the session", &[Command::Gets { key }])
        .await?;
    Ok(found(replies.into_iter().next()))
}

pub(super) fn found(reply: Option<Reply>) -> Option<Value> {
    match reply {
        Some(Reply::Value(value)) => value,
        _ => None,
    }
}

/// memcached counts whole seconds and its clock ticks in between: one more
/// second makes an item live at least as long as asked for. Beyond 30 days
/// it takes the number for a date.
pub(super) fn expiry(ttl: Duration) -> i64 {
    let up = u64::from(ttl.subsec_nanos() > 0);
    let seconds = ttl.as_secs().saturating_add(1 + up);
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    if seconds <= LONGEST_RELATIVE {
        return seconds;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    now.saturating_add(seconds).min(LAST_DATE)
}

/// An expiry in the past.
const AT_ONCE: i64 = -1;
const LONGEST_RELATIVE: i64 = 30 * 24 * 60 * 60;
/// memcached keeps dates in 32 bits.
const LAST_DATE: i64 = u32::MAX as i64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_seconds_or_dates() {
        assert_eq!(expiry(Duration::from_millis(10)), 2);
        assert_eq!(expiry(Duration::from_secs(1440)), 1441);
        let month = Duration::from_secs(31 * 86_400);
        assert!(expiry(month) > 1_700_000_000);
        assert_eq!(expiry(Duration::MAX), LAST_DATE);
    }
}
