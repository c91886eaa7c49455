use std::time::Duration;

use bytes::Bytes;

use super::subject::{HOUR, Subject, fresh_id, hour};
use crate::{Change, Committed, Created, Lease, SessionId};

const SHORT: Duration = Duration::from_secs(1);
const LONGER: Duration = Duration::from_millis(2100);

/// An expired session is not there: neither read nor in the way of a new one.
pub async fn expired_session_is_not_loaded(subject: &Subject) {
    if !subject.expires() {
        return;
    }
    let id = short_lived(subject).await;
    subject.pass(LONGER).await;
    assert_eq!(subject.load(&id).await, None);
    let again = subject.backend().create(&id, Bytes::new(), HOUR).await;
    assert!(matches!(again, Ok(Created::Stored(_))), "{again:?}");
}

/// A session that expires under a request is not brought back by its commit.
pub async fn commit_after_vanishing_is_gone(subject: &Subject) {
    let change = Change::Put(Bytes::from("a|i:2;"));
    change_after_vanishing(subject, change).await;
}

/// Nor by a touch.
pub async fn touch_after_vanishing_is_gone(subject: &Subject) {
    if subject.backend().caps().touch {
        change_after_vanishing(subject, Change::Touch).await;
    }
}

/// Nor by a conditional write.
pub async fn put_if_after_vanishing_is_gone(subject: &Subject) {
    let caps = subject.backend().caps();
    if !caps.cas {
        return;
    }
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    let version = subject.load(&id).await.expect("stored").version;
    let backend = subject.backend();
    let deleted = subject.store().destroy(&id).await;
    assert_eq!(deleted.expect("deletes"), Committed::Deleted);
    for change in [Change::Put(Bytes::from("a|i:2;")), Change::Touch] {
        let outcome = backend.put_if(&id, &version, change, HOUR).await;
        assert_eq!(outcome.expect("answers"), Committed::Gone);
    }
    assert_eq!(subject.load(&id).await, None);
}

/// Purging removes expired sessions, within its budget, and no others.
pub async fn purge_takes_only_the_expired(subject: &Subject) {
    let caps = subject.backend().caps();
    if caps.native_ttl || !subject.expires() {
        return;
    }
    let old = [short_lived(subject).await, short_lived(subject).await];
    subject.pass(LONGER).await;
    let alive = fresh_id();
    subject.store_bytes(&alive, "a|i:1;").await;
    let backend = subject.backend();
    assert!(backend.purge_expired(1).await.expect("purges") <= 1);
    backend.purge_expired(100_000).await.expect("purges");
    assert_eq!(backend.purge_expired(100_000).await.expect("purges"), 0);
    for id in &old {
        assert_eq!(subject.load(id).await, None);
    }
    assert!(subject.load(&alive).await.is_some());
}

/// Purging does not take a session from the request that serves it: what
/// that request writes is there afterwards, or it learns of the loss.
pub async fn purge_spares_a_session_in_use(subject: &Subject) {
    let caps = subject.backend().caps();
    if caps.native_ttl || !subject.expires() || !caps.lock.is_some() {
        return;
    }
    let id = short_lived(subject).await;
    let (mut lease, entry) = subject.lock(&id).await;
    assert!(entry.is_some());
    subject.pass(LONGER).await;
    let backend = subject.backend();
    subject.peer().purge_expired(100_000).await.expect("purges");
    let change = Change::Put(Bytes::from("a|i:2;"));
    let outcome = backend.commit(&mut lease, change, hour()).await;
    match outcome.expect("answers") {
        Committed::Stored(_) => {
            assert_eq!(subject.bytes(&id).await, Some(b"a|i:2;".to_vec()));
        }
        Committed::Gone => assert_eq!(subject.load(&id).await, None),
        other => panic!("a purged session is {other:?}"),
    }
}

async fn short_lived(subject: &Subject) -> SessionId {
    let id = fresh_id();
    let backend = subject.backend();
    let created = backend.create(&id, Bytes::from("a|i:1;"), SHORT).await;
    assert!(matches!(created, Ok(Created::Stored(_))), "{created:?}");
    id
}

/// Makes the session vanish under a lease, by expiry or a conditional
/// delete beside the lock, and tries the change.
async fn change_after_vanishing(subject: &Subject, change: Change) {
    let Some((id, mut lease)) = vanished(subject).await else {
        return;
    };
    let backend = subject.backend();
    let outcome = backend.commit(&mut lease, change, hour()).await;
    assert_eq!(outcome.expect("answers"), Committed::Gone);
    assert_eq!(subject.load(&id).await, None);
    // The lease went with the outcome.
    let (lease, _) = subject.lock(&id).await;
    backend.release(lease).await.expect("releases");
}

async fn vanished(subject: &Subject) -> Option<(SessionId, Lease)> {
    let caps = subject.backend().caps();
    if !caps.lock.is_some() {
        return None;
    }
    if caps.native_ttl || (caps.ttl_per_session && !caps.php_layout) {
        let id = short_lived(subject).await;
        let (lease, _) = subject.lock(&id).await;
        subject.pass(LONGER).await;
        return Some((id, lease));
    }
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    let (lease, entry) = subject.lock(&id).await;
    let version = entry.expect("stored").version;
    let peer = subject.peer();
    if !caps.cas {
        return None;
    }
    let deleting = peer.put_if(&id, &version, Change::Delete, HOUR);
    let deleted = tokio::time::timeout(Duration::from_millis(300), deleting).await;
    // Where a delete waits for the lock, nothing vanishes under it.
    if !matches!(deleted, Ok(Ok(Committed::Deleted))) {
        let _ = subject.backend().release(lease).await;
        return None;
    }
    Some((id, lease))
}
