use std::time::Duration;

use bytes::Bytes;

use super::subject::{HOUR, Subject, fresh_id};
use crate::{Change, Committed, Created, ErrorKind, ReadOptions, SessionId};

/// A session that nobody stored is `None`, and asking does not make it.
pub async fn unknown_session_is_none(subject: &Subject) {
    let id = fresh_id();
    assert_eq!(subject.load(&id).await, None);
    assert_eq!(subject.load(&id).await, None);
}

/// `create` stores once; an existing session is left alone, even an empty one.
pub async fn created_session_exists_once(subject: &Subject) {
    let id = fresh_id();
    let backend = subject.backend();
    let first = backend.create(&id, Bytes::new(), HOUR).await;
    assert!(matches!(first, Ok(Created::Stored(_))), "{first:?}");
    assert_eq!(subject.bytes(&id).await, Some(Vec::new()));
    let second = backend.create(&id, Bytes::from("a|i:1;"), HOUR).await;
    assert!(matches!(second, Ok(Created::Exists)), "{second:?}");
    assert_eq!(subject.bytes(&id).await, Some(Vec::new()));
}

/// Sessions are bytes: NUL, every byte value, invalid UTF-8, quotes, 60 KB.
pub async fn any_bytes_come_back(subject: &Subject) {
    let all: Vec<u8> = (0..=255).collect();
    let large = all.repeat(240);
    for bytes in [
        Vec::new(),
        vec![0],
        b"a|s:3:\"'\\\xff\";".to_vec(),
        all,
        large,
    ] {
        let id = fresh_id();
        let locked = subject.store().lock(&id).await.expect("locks");
        let outcome = locked.commit(bytes.clone()).await;
        assert!(outcome.expect("commits").is_done());
        assert_eq!(subject.bytes(&id).await, Some(bytes));
    }
}

/// Ids of one and of 128 characters, with commas and hyphens, upper and
/// lower case told apart.
pub async fn ids_of_every_legal_character_work(subject: &Subject) {
    let unique = fresh_id();
    let lower = format!("{}-,x", unique.as_str());
    let upper = lower.to_uppercase();
    let long = format!("{lower}{}", "Z".repeat(128 - lower.len()));
    let ids = [lower, upper, long].map(|id| SessionId::parse(&id).expect("legal"));
    for (number, id) in ids.iter().enumerate() {
        let bytes = Bytes::from(format!("n|i:{number};"));
        let created = subject.backend().create(id, bytes, HOUR).await;
        assert!(matches!(created, Ok(Created::Stored(_))), "{created:?}");
    }
    for (number, id) in ids.iter().enumerate() {
        let expected = format!("n|i:{number};").into_bytes();
        assert_eq!(subject.bytes(id).await, Some(expected));
    }
}

/// A longer and a shorter session replace the old one without remains.
pub async fn growing_and_shrinking_keep_exact_bytes(subject: &Subject) {
    let id = fresh_id();
    for bytes in ["a|i:1;", "a|i:1;b|s:10:\"0123456789\";", "a|i:2;", ""] {
        subject.store_bytes(&id, bytes).await;
        assert_eq!(subject.bytes(&id).await, Some(bytes.into()));
    }
}

/// Touching keeps the data and makes the session live longer.
pub async fn touch_keeps_the_bytes_and_extends_the_life(subject: &Subject) {
    if !subject.backend().caps().touch {
        return;
    }
    let id = fresh_id();
    let short = Duration::from_secs(2);
    let bytes = Bytes::from("a|i:1;");
    let created = subject.backend().create(&id, bytes.clone(), short).await;
    assert!(matches!(created, Ok(Created::Stored(_))));
    let locked = subject.store().lock(&id).await.expect("locks");
    let touched = locked.commit_change(Change::Touch).await;
    assert!(touched.expect("touches").is_done());
    if subject.expires() {
        subject.pass(short + Duration::from_secs(1)).await;
    }
    assert_eq!(subject.bytes(&id).await, Some(bytes.to_vec()));
}

/// Reading can extend the life of a session, where the backend can touch.
pub async fn read_may_extend_the_life(subject: &Subject) {
    if !subject.backend().caps().touch || !subject.expires() {
        return;
    }
    let id = fresh_id();
    let short = Duration::from_secs(2);
    let created = subject.backend().create(&id, Bytes::new(), short).await;
    assert!(matches!(created, Ok(Created::Stored(_))));
    let read = subject.backend().load(&id, ReadOptions::touching(HOUR));
    assert!(read.await.expect("loads").is_some());
    subject.pass(short + Duration::from_secs(1)).await;
    assert!(subject.load(&id).await.is_some());
}

/// A write on an old version changes nothing.
pub async fn old_version_conflicts(subject: &Subject) {
    if !subject.backend().caps().cas {
        return;
    }
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    let old = subject.load(&id).await.expect("stored").version;
    let backend = subject.backend();
    let put = |bytes: &'static str| Change::Put(Bytes::from(bytes));
    let first = backend.put_if(&id, &old, put("a|i:2;"), HOUR).await;
    assert!(first.expect("writes").is_done());
    let second = backend.put_if(&id, &old, put("a|i:3;"), HOUR).await;
    assert_eq!(second.expect("answers"), Committed::Conflict);
    assert_eq!(subject.bytes(&id).await, Some(b"a|i:2;".to_vec()));
}

/// A conditional delete deletes the expected version only.
pub async fn put_if_can_delete(subject: &Subject) {
    if !subject.backend().caps().cas {
        return;
    }
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    let old = subject.load(&id).await.expect("stored").version;
    subject.store_bytes(&id, "a|i:2;").await;
    let backend = subject.backend();
    let stale = backend.put_if(&id, &old, Change::Delete, HOUR).await;
    assert_eq!(stale.expect("answers"), Committed::Conflict);
    let new = subject.load(&id).await.expect("still stored").version;
    let fresh = backend.put_if(&id, &new, Change::Delete, HOUR).await;
    assert_eq!(fresh.expect("answers"), Committed::Deleted);
    assert_eq!(subject.load(&id).await, None);
}

/// A session above the backend's own limit is refused before it is sent and
/// the old one stays.
pub async fn too_large_a_session_is_refused(subject: &Subject) {
    let Some(limit) = subject.backend().caps().max_session_bytes else {
        return;
    };
    let id = fresh_id();
    subject.store_bytes(&id, "a|i:1;").await;
    let locked = subject.store().lock(&id).await.expect("locks");
    let refused = locked.commit(vec![b'x'; limit + 1]).await;
    assert_eq!(refused.expect_err("refuses").kind(), ErrorKind::TooLarge);
    assert_eq!(subject.bytes(&id).await, Some(b"a|i:1;".to_vec()));
}

/// Enumerating names what is stored, within the limit asked for.
pub async fn stored_sessions_are_listed(subject: &Subject) {
    if !subject.backend().caps().list {
        return;
    }
    let before = subject.backend().list(100_000).await.expect("lists").len();
    for _ in 0..3 {
        subject.store_bytes(&fresh_id(), "a|i:1;").await;
    }
    let names = subject.backend().list(100_000).await.expect("lists");
    assert_eq!(names.len(), before + 3);
    assert_eq!(subject.backend().list(2).await.expect("lists").len(), 2);
}
