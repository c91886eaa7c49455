use std::time::{Duration, Instant};

use bytes::Bytes;

use super::subject::{Subject, fresh_id, hour, lock_soon, lock_within};
use crate::{Backend, Change, Committed, ErrorKind, LockOptions, SessionId};

/// A held lock keeps out this instance and every other, existing session or
/// not.
pub async fn lock_excludes_everybody(subject: &Subject) {
    if !subject.backend().caps().lock.is_some() {
        return;
    }
    let existing = fresh_id();
    subject.store_bytes(&existing, "a|i:1;").await;
    for id in [fresh_id(), existing] {
        let (lease, _) = subject.lock(&id).await;
        for backend in [subject.backend(), subject.peer()] {
            assert_locked(backend, &id).await;
        }
        subject.backend().release(lease).await.expect("releases");
        let (lease, _) = relock(subject.peer(), &id).await;
        assert_locked(subject.backend(), &id).await;
        subject.peer().release(lease).await.expect("releases");
    }
}

/// Waiting ends at the deadline, not much later, with its own error.
pub async fn lock_times_out_at_its_deadline(subject: &Subject) {
    if !subject.backend().caps().lock.is_some() {
        return;
    }
    let id = fresh_id();
    let (lease, _) = subject.lock(&id).await;
    let asked = Instant::now();
    let options = LockOptions::until(asked + Duration::from_millis(300));
    let refused = subject.peer().lock_and_load(&id, options).await;
    assert_eq!(
        refused.expect_err("is locked").kind(),
        ErrorKind::LockTimeout
    );
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_millis(250), "{waited:?}");
    assert!(waited < Duration::from_secs(3), "{waited:?}");
    subject.backend().release(lease).await.expect("releases");
}

/// Committing gives the lock back in the same step, whatever the change.
pub async fn commit_releases_the_lock(subject: &Subject) {
    if !subject.backend().caps().lock.is_some() {
        return;
    }
    let id = fresh_id();
    let backend = subject.backend();
    let put = Change::Put(Bytes::from("a|i:1;"));
    let mut changes = vec![put];
    if backend.caps().touch {
        changes.push(Change::Touch);
    }
    changes.push(Change::Delete);
    for change in changes {
        let (mut lease, _) = subject.lock(&id).await;
        let outcome = backend.commit(&mut lease, change, hour()).await;
        assert!(outcome.expect("commits").is_done());
        let (lease, _) = relock(subject.peer(), &id).await;
        subject.peer().release(lease).await.expect("releases");
    }
}

/// A write that keeps the lease does, and the next write builds on it.
pub async fn write_can_keep_the_lease(subject: &Subject) {
    if !subject.backend().caps().lock.is_some() {
        return;
    }
    let id = fresh_id();
    let backend = subject.backend();
    let (mut lease, _) = subject.lock(&id).await;
    for bytes in ["a|i:1;", "a|i:22;", "a|i:3;"] {
        let change = Change::Put(Bytes::from(bytes));
        let outcome = backend
            .commit(&mut lease, change, hour().keeping_lease())
            .await;
        assert!(outcome.expect("commits").is_done());
        assert_eq!(subject.bytes(&id).await, Some(bytes.into()));
        assert_locked(subject.peer(), &id).await;
    }
    let deleted = backend.commit(&mut lease, Change::Delete, hour()).await;
    assert_eq!(deleted.expect("deletes"), Committed::Deleted);
    let (lease, entry) = relock(subject.peer(), &id).await;
    assert_eq!(entry, None);
    subject.peer().release(lease).await.expect("releases");
}

/// Whoever waited while the session was destroyed finds none, as deleting
/// happens before releasing.
pub async fn waiter_after_delete_loads_nothing(subject: &Subject) {
    if !subject.backend().caps().lock.is_some() {
        return;
    }
    let id = fresh_id();
    subject.store_bytes(&id, "user|i:7;").await;
    let (mut lease, _) = subject.lock(&id).await;
    let (backend, peer) = (subject.backend(), subject.peer());
    let waiting = peer.lock_and_load(&id, lock_within(10));
    let deleting = async {
        // Lets the waiter ask first; the rule holds in any order.
        tokio::time::sleep(Duration::from_millis(30)).await;
        backend.commit(&mut lease, Change::Delete, hour()).await
    };
    let (waited, deleted) = futures::join!(waiting, deleting);
    assert_eq!(deleted.expect("deletes"), Committed::Deleted);
    let (lease, entry) = waited.expect("locks");
    assert_eq!(entry, None);
    peer.release(lease).await.expect("releases");
    assert_eq!(subject.load(&id).await, None);
}

/// After the death of a holder the next one enters: at once where the lock
/// is owned by a connection, else at the end of the lease.
pub async fn dead_holder_blocks_nobody_for_long(subject: &Subject) {
    let lock = subject.backend().caps().lock;
    if !lock.is_some() {
        return;
    }
    let id = fresh_id();
    let options = short_lease();
    let dead = subject.backend().lock_and_load(&id, options).await;
    drop(dead.expect("locks"));
    let asked = Instant::now();
    if lock.expires() {
        subject.pass(options.lease + ROUNDING).await;
    }
    let (lease, _) = relock(subject.peer(), &id).await;
    let waited = asked.elapsed();
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    subject.peer().release(lease).await.expect("releases");
}

/// A request whose lease ended can neither overwrite the next holder's data
/// nor free its lock.
pub async fn lost_lease_cannot_write_or_release(subject: &Subject) {
    if !subject.backend().caps().lock.expires() {
        return;
    }
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    let (backend, peer) = (subject.backend(), subject.peer());
    for by_commit in [true, false] {
        let slow = backend.lock_and_load(&id, short_lease()).await;
        let (mut slow, _) = slow.expect("locks");
        subject.pass(short_lease().lease + ROUNDING).await;
        let (mut next, _) = relock(peer, &id).await;
        if by_commit {
            let change = Change::Put(Bytes::from("a|s:4:\"late\";"));
            let outcome = backend.commit(&mut slow, change, hour()).await;
            assert_eq!(outcome.expect("answers"), Committed::Conflict);
        } else {
            assert!(!backend.renew(&slow).await.expect("answers"));
            backend.release(slow).await.expect("answers");
        }
        assert_locked(backend, &id).await;
        let change = Change::Put(Bytes::from("a|i:2;"));
        let outcome = peer.commit(&mut next, change, hour()).await;
        assert!(outcome.expect("commits").is_done());
        assert_eq!(subject.bytes(&id).await, Some(b"a|i:2;".to_vec()));
    }
}

/// Renewing makes a lease outlive its first end.
pub async fn renewed_lease_lives_on(subject: &Subject) {
    if !subject.backend().caps().lock.expires() {
        return;
    }
    let id = fresh_id();
    let mut options = short_lease();
    options.lease *= 2;
    let locked = subject.backend().lock_and_load(&id, options).await;
    let (mut lease, _) = locked.expect("locks");
    for _ in 0..3 {
        subject.pass(options.lease / 2).await;
        assert!(subject.backend().renew(&lease).await.expect("renews"));
    }
    assert_locked(subject.peer(), &id).await;
    let change = Change::Put(Bytes::from("a|i:1;"));
    let outcome = subject.backend().commit(&mut lease, change, hour()).await;
    assert!(outcome.expect("commits").is_done());
}

/// Reading without a lock neither waits for one nor disturbs it.
pub async fn reading_needs_no_lock(subject: &Subject) {
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    if !subject.backend().caps().lock.is_some() {
        return;
    }
    let (mut lease, _) = subject.lock(&id).await;
    let asked = Instant::now();
    assert_eq!(subject.bytes(&id).await, Some(b"a|i:1;".to_vec()));
    assert!(asked.elapsed() < Duration::from_secs(2));
    assert_locked(subject.peer(), &id).await;
    let change = Change::Put(Bytes::from("a|i:2;"));
    let outcome = subject.backend().commit(&mut lease, change, hour()).await;
    assert!(outcome.expect("commits").is_done());
}

/// Some tables of locks count whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

fn short_lease() -> LockOptions {
    let mut options = lock_within(10);
    options.lease = Duration::from_secs(1);
    options
}

async fn assert_locked(backend: &dyn Backend, id: &SessionId) {
    let refused = backend.lock_and_load(id, lock_soon()).await;
    assert_eq!(
        refused.expect_err("is locked").kind(),
        ErrorKind::LockTimeout
    );
}

/// Locks what is or will soon be free.
async fn relock(backend: &dyn Backend, id: &SessionId) -> (crate::Lease, Option<crate::Entry>) {
    let locked = backend.lock_and_load(id, lock_within(10)).await;
    locked.expect("the lock is free")
}
