//! First come, first served, inside one process.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::SessionId;

const SHARDS: usize = 32;

/// One queue per session in use. Clones share it.
#[derive(Clone)]
pub(crate) struct Queue(Arc<[Mutex<Shard>; SHARDS]>);

/// A session is in the map exactly while somebody holds its turn.
type Shard = HashMap<SessionId, VecDeque<oneshot::Sender<Turn>>>;

/// The right to go; dropping it lets the next one in.
pub(crate) struct Turn(Option<(Queue, SessionId)>);

/// Why somebody did not get a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    Full,
    Deadline,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::default())))
    }

    /// Waits for the turn until `deadline`, behind at most `max_waiters`.
    pub(crate) async fn enter(
        &self,
        id: &SessionId,
        deadline: Instant,
        max_waiters: usize,
    ) -> Result<Turn, Refused> {
        let waiting = match self.enter_or_wait(id, max_waiters)? {
            Ok(turn) => return Ok(turn),
            Err(waiting) => waiting,
        };
        match tokio::time::timeout_at(deadline.into(), waiting).await {
            Ok(Ok(turn)) => Ok(turn),
            // The sender lives in the map until it is used.
            Ok(Err(_)) | Err(_) => Err(Refused::Deadline),
        }
    }

    fn enter_or_wait(
        &self,
        id: &SessionId,
        max_waiters: usize,
    ) -> Result<Result<Turn, oneshot::Receiver<Turn>>, Refused> {
        let mut shard = self.shard(id);
        let waiters = match shard.entry(id.clone()) {
            Entry::Occupied(taken) => taken.into_mut(),
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                return Ok(Ok(Turn::new(self, id)));
            }
        };
        if waiters.len() >= max_waiters {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.len() >= max_waiters {
                return Err(Refused::Full);
            }
        }
        let (sender, receiver) = oneshot::channel();
        waiters.push_back(sender);
        Ok(Err(receiver))
    }

    /// Takes the next waiter out; forgets the session if there is none.
    fn next(&self, id: &SessionId) -> Option<oneshot::Sender<Turn>> {
        let mut shard = self.shard(id);
        let Entry::Occupied(mut waiters) = shard.entry(id.clone()) else {
            return None;
        };
        let next = waiters.get_mut().pop_front();
        if next.is_none() {
            waiters.remove();
        }
        next
    }

    #[cfg(test)]
    fn waiting(&self, id: &SessionId) -> usize {
        self.shard(id).get(id).map_or(0, VecDeque::len)
    }

    /// Any spread will do here: whoever chooses ids that meet in one shard
    /// slows a moment under a lock. The map inside has keys of its own.
    fn shard(&self, id: &SessionId) -> MutexGuard<'_, Shard> {
        let sum = id.as_bytes().iter().rev().take(SPREAD);
        let sum = sum.fold(0_usize, |sum, byte| sum * 31 + usize::from(*byte));
        self.0[sum % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many bytes at an id's end choose its shard.
const SPREAD: usize = 4;

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Turn {
    fn new(queue: &Queue, id: &SessionId) -> Self {
        Self(Some((queue.clone(), id.clone())))
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0.as_ref().map(|(_, id)| id);
        f.debug_tuple("Turn").field(&id).finish()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((queue, id)) = self.0.take() else {
            return;
        };
        while let Some(next) = queue.next(&id) {
            match next.send(Self::new(&queue, &id)) {
                Ok(()) => return,
                // Nobody waits there any more.
                Err(mut back) => back.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id() -> SessionId {
        SessionId::parse("queue").unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn turns_go_in_the_order_of_arrival() {
        let queue = Queue::new();
        let first = queue.enter(&id(), soon(), 8).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 0..5 {
            let (other, order) = (queue.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let _turn = other.enter(&id(), soon(), 8).await.unwrap();
                order.lock().unwrap().push(number);
            }));
            while queue.waiting(&id()) <= number {
                tokio::task::yield_now().await;
            }
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
        assert!(queue.shard(&id()).is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_left_is_skipped() {
        let queue = Queue::new();
        let first = queue.enter(&id(), soon(), 8).await.unwrap();
        let left = queue.enter(&id(), Instant::now(), 8).await;
        assert_eq!(left.unwrap_err(), Refused::Deadline);
        let other = queue.clone();
        let waiter = tokio::spawn(async move { other.enter(&id(), soon(), 8).await.is_ok() });
        while queue.waiting(&id()) < 2 {
            tokio::task::yield_now().await;
        }
        drop(first);
        assert!(waiter.await.unwrap());
        assert!(queue.shard(&id()).is_empty());
    }

    #[tokio::test]
    async fn one_waiter_too_many_is_refused_and_those_that_left_do_not_count() {
        let queue = Queue::new();
        let first = queue.enter(&id(), soon(), 1).await.unwrap();
        let left = queue.enter(&id(), Instant::now(), 1).await;
        assert_eq!(left.unwrap_err(), Refused::Deadline);
        let other = queue.clone();
        let waiter = tokio::spawn(async move { other.enter(&id(), soon(), 1).await.is_ok() });
        tokio::task::yield_now().await;
        let refused = queue.enter(&id(), soon(), 1).await;
        assert_eq!(refused.unwrap_err(), Refused::Full);
        drop(first);
        assert!(waiter.await.unwrap());
    }
}
