use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::subject::{Subject, fresh_id};
use crate::{Committed, ErrorKind, Merge, NoMerge, SessionId, Store, StoreOptions};

/// Requests of one store enter in the order in which they asked.
pub async fn requests_of_one_store_enter_in_order(subject: &Subject) {
    let store = subject.store();
    let id = fresh_id();
    let first = store.lock(&id).await.expect("locks");
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiters = (0..5).map(|number| {
        let (store, id, order) = (store.clone(), id.clone(), order.clone());
        async move {
            let locked = store.lock(&id).await.expect("locks");
            order.lock().expect("no panic").push(number);
            locked.release().await.expect("releases");
        }
    });
    let release = async { first.release().await.expect("releases") };
    // Polled in this order: all queue before the holder leaves.
    futures::join!(futures::future::join_all(waiters), release);
    assert_eq!(*order.lock().expect("no panic"), [0, 1, 2, 3, 4]);
}

/// A request beyond the cap on waiters is refused at once.
pub async fn one_waiter_too_many_is_refused(subject: &Subject) {
    let mut options = StoreOptions::default();
    options.limits.max_waiters = 1;
    let [store, _] = subject.stores(options);
    let id = fresh_id();
    let held = store.lock(&id).await.expect("locks");
    let waiting = async {
        let locked = store.lock(&id).await.expect("locks");
        locked.release().await.expect("releases");
    };
    let refused = async {
        let asked = Instant::now();
        let refused = store.lock(&id).await.expect_err("the queue is full");
        assert_eq!(refused.kind(), ErrorKind::TooManyWaiters);
        assert!(asked.elapsed() < Duration::from_secs(1));
        held.release().await.expect("releases");
    };
    futures::join!(waiting, refused);
    assert_eq!(store.metrics().too_many_waiters, 1);
}

/// Dropping a locked session writes nothing and frees it.
pub async fn drop_releases_without_writing(subject: &Subject) {
    let store = subject.store();
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    drop(store.lock(&id).await.expect("locks"));
    let locked = store.lock(&id).await.expect("the drop released it");
    assert_eq!(locked.data(), Some(&Bytes::from("a|i:1;")));
    locked.release().await.expect("releases");
    assert_eq!(store.metrics().dropped, 1);
}

/// Committing what was loaded keeps the session, without a conflict for
/// those who read it before.
pub async fn unchanged_session_is_only_touched(subject: &Subject) {
    let store = subject.store();
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    let locked = store.lock(&id).await.expect("locks");
    let outcome = locked.commit("a|i:1;").await;
    assert!(outcome.expect("commits").is_done());
    assert_eq!(subject.bytes(&id).await, Some(b"a|i:1;".to_vec()));
}

/// A regenerated id leads requests sent with the old one to the new session,
/// those that wait as well as those that come; the old data is gone.
pub async fn regenerate_leads_parallel_requests(subject: &Subject) {
    let store = subject.store();
    let id = fresh_id();
    subject.store_bytes(&id, "user|i:7;").await;
    let mut login = store.lock(&id).await.expect("locks");
    let waiting = async {
        let locked = store.lock(&id).await.expect("locks");
        assert_eq!(locked.data(), Some(&Bytes::from("user|i:8;more|i:1;")));
        let new = locked.id().clone();
        locked.release().await.expect("releases");
        new
    };
    let regenerating = async {
        let outcome = login.regenerate("user|i:8;").await;
        assert!(outcome.expect("regenerates").is_done());
        let new = login.id().clone();
        let outcome = login.commit("user|i:8;more|i:1;").await;
        assert!(outcome.expect("commits").is_done());
        new
    };
    let (followed, new) = futures::join!(waiting, regenerating);
    assert_eq!(followed, new);
    assert_ne!(new, id);
    assert_eq!(subject.load(&id).await, None);
    let late = store.read(&id).await.expect("reads").expect("is led");
    assert_eq!(late.bytes, "user|i:8;more|i:1;");
    assert_eq!(store.metrics().aliases_followed, 2);
}

/// An alias leads nobody for longer than its life.
pub async fn alias_ends(subject: &Subject) {
    let options = StoreOptions {
        alias: Duration::from_secs(1),
        ..StoreOptions::default()
    };
    let [store, _] = subject.stores(options);
    let id = fresh_id();
    subject.store_bytes(&id, "user|i:7;").await;
    let mut login = store.lock(&id).await.expect("locks");
    let outcome = login.regenerate("user|i:7;").await;
    assert!(outcome.expect("regenerates").is_done());
    login.release().await.expect("releases");
    assert!(store.exists(&id).await.expect("reads"));
    let asked = Instant::now();
    while store.exists(&id).await.expect("reads") {
        assert!(asked.elapsed() < Duration::from_secs(10), "it never ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A logout is final: whoever loaded the session before, under the lock or
/// not, cannot bring it back, and waiters find nothing.
pub async fn logout_is_not_revived(subject: &Subject) {
    let [store, other] = subject.stores(StoreOptions::default());
    let id = fresh_id();
    subject.store_bytes(&id, "user|i:7;").await;
    let early = other.optimistic(&id).await.expect("reads");
    let logout = store.lock(&id).await.expect("locks");
    let waiting = async {
        let locked = store.lock(&id).await.expect("locks");
        assert_eq!(locked.data(), None);
        locked.release().await.expect("releases");
    };
    let destroying = async {
        let outcome = logout.destroy().await.expect("destroys");
        assert_eq!(outcome, Committed::Deleted);
    };
    futures::join!(waiting, destroying);
    let outcome = early.commit("user|i:7;b|i:1;", &NoMerge).await;
    assert_eq!(outcome.expect("answers"), Committed::Gone);
    assert!(!store.exists(&id).await.expect("reads"));
    assert_eq!(other.metrics().gone, 1);
}

/// Reading, locking and releasing do not make an unknown id valid.
pub async fn unknown_id_is_not_adopted(subject: &Subject) {
    let store = subject.store();
    let id = fresh_id();
    assert!(!store.exists(&id).await.expect("reads"));
    let locked = store.lock(&id).await.expect("locks");
    assert_eq!(locked.data(), None);
    locked.release().await.expect("releases");
    assert!(!store.exists(&id).await.expect("reads"));
    let made = store.create("").await.expect("creates");
    assert!(store.exists(&made).await.expect("reads"));
}

/// Changes of different variables by two requests are both kept.
pub async fn optimistic_writes_merge(subject: &Subject) {
    let (store, id, first, second) = two_readers(subject).await;
    let outcome = first.commit("a=2,b=1", &Pairs).await;
    assert!(outcome.expect("commits").is_done());
    let outcome = second.commit("a=1,b=3", &Pairs).await;
    assert!(outcome.expect("commits").is_done());
    let entry = store.read(&id).await.expect("reads").expect("exists");
    assert_eq!(entry.bytes, "a=2,b=3");
    assert_eq!(store.metrics().merged, 1);
}

/// Different changes of one variable are a conflict; the first one stays.
pub async fn optimistic_conflict_is_visible(subject: &Subject) {
    let (store, id, first, second) = two_readers(subject).await;
    let outcome = first.commit("a=2,b=1", &Pairs).await;
    assert!(outcome.expect("commits").is_done());
    let outcome = second.commit("a=3,b=1", &Pairs).await;
    assert_eq!(outcome.expect("answers"), Committed::Conflict);
    let entry = store.read(&id).await.expect("reads").expect("exists");
    assert_eq!(entry.bytes, "a=2,b=1");
    assert_eq!(store.metrics().conflicts, 1);
}

/// Waiting and holding are counted and timed.
pub async fn metrics_tell_what_happened(subject: &Subject) {
    let store = subject.store();
    let id = fresh_id();
    let held = store.lock(&id).await.expect("locks");
    let waiting = async {
        let locked = store.lock(&id).await.expect("locks");
        locked.release().await.expect("releases");
    };
    let holding = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        held.release().await.expect("releases");
    };
    futures::join!(waiting, holding);
    let metrics = store.metrics();
    assert_eq!(metrics.locks, 2);
    assert!(metrics.wait_max >= Duration::from_millis(15), "{metrics:?}");
    assert!(metrics.hold_max >= Duration::from_millis(15), "{metrics:?}");
}

async fn two_readers(
    subject: &Subject,
) -> (Store, SessionId, crate::Optimistic, crate::Optimistic) {
    let store = subject.store();
    let id = fresh_id();
    subject.store_bytes(&id, "a=1,b=1").await;
    let first = store.optimistic(&id).await.expect("reads");
    let second = store.optimistic(&id).await.expect("reads");
    (store, id, first, second)
}

/// Merges two `name=value` pairs: all that a test of merging needs.
#[derive(Debug)]
struct Pairs;

impl Merge for Pairs {
    fn merge(
        &self,
        base: &[u8],
        ours: &[u8],
        theirs: &[u8],
    ) -> Result<Option<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
        let [base, ours, theirs] = [base, ours, theirs].map(|bytes| {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            text.split(',').collect::<Vec<_>>()
        });
        let mut merged = Vec::new();
        for ((base, ours), theirs) in base.into_iter().zip(ours).zip(theirs) {
            match (ours == base, theirs == base || theirs == ours) {
                (true, _) => merged.push(theirs),
                (false, true) => merged.push(ours),
                (false, false) => return Ok(None),
            }
        }
        Ok(Some(merged.join(",").into()))
    }
}
