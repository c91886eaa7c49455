use bytes::Bytes;

use super::subject::{Subject, fresh_id};
use crate::{Committed, NoMerge, SessionId, Store, StoreOptions};

const WORKERS: usize = 8;
const ROUNDS: usize = 10;

/// Eight requests at a time, from two instances, each adding one ten times
/// under the lock: no update is lost.
pub async fn increments_of_many_requests_all_count(subject: &Subject) {
    let id = fresh_id();
    let locks = subject.backend().caps().lock.is_some();
    let stores = subject.stores(StoreOptions::default());
    let mut tasks = Vec::new();
    for worker in 0..WORKERS {
        // Without a lock between instances only one can promise this.
        let store = stores[if locks { worker % 2 } else { 0 }].clone();
        let id = id.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let locked = store.lock(&id).await.expect("locks");
                let next = number(locked.data()) + 1;
                tokio::task::yield_now().await;
                let outcome = locked.commit(next.to_string()).await;
                assert!(outcome.expect("commits").is_done());
            }
        }));
    }
    for task in tasks {
        task.await.expect("no worker fails");
    }
    assert_count(&stores[0], &id).await;
}

/// The same without locks: whoever conflicts tries again, and all count.
pub async fn optimistic_increments_all_count(subject: &Subject) {
    let caps = subject.backend().caps();
    if !caps.cas && !caps.lock.is_some() {
        return;
    }
    let id = fresh_id();
    let stores = subject.stores(StoreOptions::default());
    let mut tasks = Vec::new();
    for worker in 0..WORKERS {
        let (store, id) = (stores[worker % 2].clone(), id.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                while !add_one(&store, &id).await {
                    tokio::task::yield_now().await;
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no worker fails");
    }
    assert_count(&stores[0], &id).await;
}

async fn add_one(store: &Store, id: &SessionId) -> bool {
    let session = store.optimistic(id).await.expect("reads");
    let next = (number(session.data()) + 1).to_string();
    let outcome = session.commit(next, &NoMerge).await.expect("answers");
    assert_ne!(outcome, Committed::Gone);
    outcome.is_done()
}

async fn assert_count(store: &Store, id: &SessionId) {
    let entry = store.read(id).await.expect("reads").expect("exists");
    assert_eq!(number(Some(&entry.bytes)), WORKERS * ROUNDS);
}

fn number(bytes: Option<&Bytes>) -> usize {
    let text = bytes.map_or("0", |bytes| {
        std::str::from_utf8(bytes).expect("digits are text")
    });
    text.parse().expect("a number was stored")
}
