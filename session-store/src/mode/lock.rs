//! How a request gets its session: queue, lock, alias.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::held::Held;
use super::queue::{Refused, Turn};
use crate::{
    Backend, Entry, ErrorKind, Lease, LockOptions, Locked, ReadOptions, Result, SessionId, Store,
};

const MAX_HOPS: usize = 4;

/// Queues, locks and loads; follows aliases, giving the old id up before it
/// queues for the new one, so that no request waits while it holds another.
pub(super) async fn lock(store: &Store, id: &SessionId) -> Result<Locked> {
    let asked = Instant::now();
    let options = store.options().lock_options(asked);
    let mut id = id.clone();
    for hop in 0.. {
        let turn = enter(store, &id, &options).await?;
        let (held, entry) = hold(store, &id, options, turn).await?;
        if let Some(entry) = &entry
            && let Err(error) = store.check_size(&entry.bytes)
        {
            held.release(store).await?;
            return Err(error);
        }
        if entry.is_none()
            && hop < MAX_HOPS
            && let Some(new) = store.follow(&id).await?
        {
            held.release(store).await?;
            id = new;
            continue;
        }
        let granted = Instant::now();
        store.counters().wait.record(granted - asked);
        return Ok(Locked::new(store.clone(), id, held, entry, granted));
    }
    unreachable!("the last hop returns")
}

/// Waits for the turn inside this process.
pub(super) async fn enter(store: &Store, id: &SessionId, options: &LockOptions) -> Result<Turn> {
    let entered = store
        .queue()
        .enter(id, options.deadline, options.max_waiters)
        .await;
    entered.map_err(|refused| match refused {
        Refused::Full => {
            store.counters().too_many_waiters.add_one();
            store.error(ErrorKind::TooManyWaiters, "lock session")
        }
        Refused::Deadline => {
            store.counters().lock_timeouts.add_one();
            store.error(ErrorKind::LockTimeout, "lock session")
        }
    })
}

/// Takes the lock between processes, or what stands for it.
pub(super) async fn hold(
    store: &Store,
    id: &SessionId,
    options: LockOptions,
    turn: Turn,
) -> Result<(Held, Option<Entry>)> {
    let caps = store.caps();
    if !caps.lock.is_some() {
        if !caps.cas {
            return Err(store.error(ErrorKind::Unsupported, "lock session"));
        }
        let loaded = store.backend().load(id, ReadOptions::default());
        let entry = store.within("read session", loaded).await?;
        let version = entry.as_ref().map(|entry| entry.version.clone());
        return Ok((Held::versioned(version, turn), entry));
    }
    // The backend ends by itself at the deadline; a silent one does not.
    let until = || tokio::time::Instant::now() + options.remaining() + store.options().timeout;
    let locking = acquire(store.backend(), id, options);
    let locked = store.within_until(until, "lock session", locking).await;
    let (lease, entry) = locked.inspect_err(|error| {
        if error.kind() == ErrorKind::LockTimeout {
            store.counters().lock_timeouts.add_one();
        }
    })?;
    Ok((Held::leased(store, lease, turn), entry))
}

/// Asks for the lock so that a caller who leaves meanwhile leaks none.
async fn acquire(
    backend: &Arc<dyn Backend>,
    id: &SessionId,
    options: LockOptions,
) -> Result<(Lease, Option<Entry>)> {
    let caps = backend.caps();
    if caps.lock_cancel_safe || !caps.lock.expires() {
        return backend.lock_and_load(id, options).await;
    }
    let (backend, id) = (backend.clone(), id.clone());
    let (sender, receiver) = oneshot::channel();
    let name = backend.name().to_owned();
    tokio::spawn(async move {
        let locked = backend.lock_and_load(&id, options).await;
        if let Err(Ok((lease, _))) = sender.send(locked)
            && let Err(error) = backend.release(lease).await
        {
            tracing::warn!(%error, "the lock of a request that left stays until its lease ends");
        }
    });
    receiver
        .await
        .unwrap_or_else(|_| Err(crate::Error::new(ErrorKind::Backend, name, "lock session")))
}
