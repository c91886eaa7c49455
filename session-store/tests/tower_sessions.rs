//! An application written for `tower-sessions`, and PHP beside it.

use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use session_store::backend::Memory;
use session_store::tower::{PhpIdLayer, PhpSessionStore};
use session_store::{Document, Limits, SerializeHandler::Php, SessionId, Store};
use tower::ServiceExt;
use tower_sessions::{Session, SessionManagerLayer};
use tower_sessions_core::session_store::SessionStore;

async fn visit(app: &Router, cookie: Option<&str>) -> (StatusCode, Option<String>) {
    let mut request = Request::builder().uri("/");
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, cookie);
    }
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let cookie = response
        .headers()
        .get(SET_COOKIE)
        .and_then(|header| header.to_str().ok());
    (
        response.status(),
        cookie
            .and_then(|cookie| cookie.split(';').next())
            .map(str::to_owned),
    )
}

#[tokio::test]
async fn php_continues_a_session_of_tower_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let store = Store::open(&format!("files:{path}")).await.unwrap();
    let manager = SessionManagerLayer::new(PhpSessionStore::new(store))
        .with_name("PHPSESSID")
        .with_secure(false);
    let count = |session: Session| async move {
        let count: i64 = session.get("count").await.unwrap().unwrap_or(0);
        session.insert("count", count + 1).await.unwrap();
    };
    let app = Router::new()
        .route("/", get(count))
        .layer(manager)
        .layer(PhpIdLayer::new("PHPSESSID"));

    let (status, cookie) = visit(&app, None).await;
    let cookie = cookie.expect("a new session sends its cookie");
    assert_eq!(status, StatusCode::OK);
    let id = cookie.strip_prefix("PHPSESSID=").unwrap();
    assert_eq!(id.len(), 32, "{id}");

    let script = "session_id($argv[1]); session_start(); $_SESSION['count'] += 10; $_SESSION['raw'] = \"\\xff\"; \
                  $_SESSION['user'] = new ArrayObject([1]);";
    let php = Command::new(peers::tool("php", "php-cli"))
        .args([
            "-d",
            &format!("session.save_path={path}"),
            "-d",
            "session.use_strict_mode=1",
            "-r",
            script,
            id,
        ])
        .output()
        .unwrap();
    assert!(php.status.success() && php.stdout.is_empty(), "{php:?}");

    visit(&app, Some(&cookie)).await;
    let stored = std::fs::read(folder.path().join(format!("sess_{id}"))).unwrap();
    let session = Document::decode(Php, stored, &Limits::default()).unwrap();
    assert_eq!(session.get::<i64>("count").unwrap(), Some(12));
    // What JSON cannot express is as PHP left it.
    assert_eq!(
        session.value("raw").unwrap().as_bytes().unwrap(),
        &b"\xff"[..]
    );
    assert_eq!(
        session.value("user").unwrap().class().unwrap(),
        "ArrayObject"
    );
}

#[tokio::test]
async fn a_destroyed_session_is_not_brought_back() {
    let store = Store::new(Memory::default());
    let adapter = PhpSessionStore::new(store.clone());
    let session = Session::new(None, Arc::new(adapter.clone()), None);
    session.insert("user", 7).await.unwrap();
    session.save().await.unwrap();
    let id = session.id().unwrap();
    let record = adapter.load(&id).await.unwrap().unwrap();

    adapter.delete(&id).await.unwrap();
    assert!(adapter.load(&id).await.unwrap().is_none());
    let error = adapter.save(&record).await.unwrap_err();
    assert!(error.to_string().contains("destroyed"), "{error}");
    assert!(adapter.load(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn data_that_cannot_be_read_stays() {
    let store = Store::new(Memory::default());
    let adapter = PhpSessionStore::new(store.clone());
    let session = Session::new(None, Arc::new(adapter.clone()), None);
    session.insert("user", 7).await.unwrap();
    session.save().await.unwrap();
    let id = session.id().unwrap();
    let record = adapter.load(&id).await.unwrap().unwrap();
    let php_id = SessionId::parse(&format!("{:032x}", id.0)).unwrap();
    let locked = store.lock(&php_id).await.unwrap();
    assert!(locked.commit("user|i:7;\n").await.unwrap().is_done());

    assert!(adapter.load(&id).await.is_err());
    assert!(adapter.save(&record).await.is_err());
    assert_eq!(
        store.read(&php_id).await.unwrap().unwrap().bytes,
        "user|i:7;\n"
    );
}

/// A session and two requests that have read it.
async fn two_requests(adapter: &PhpSessionStore) -> (Session, Session) {
    let first = Session::new(None, Arc::new(adapter.clone()), None);
    first.insert("a", 1).await.unwrap();
    first.insert("Ünï", 1).await.unwrap();
    first.save().await.unwrap();
    let request = || Session::new(first.id(), Arc::new(adapter.clone()), None);
    let (one, two) = (request(), request());
    one.load().await.unwrap();
    two.load().await.unwrap();
    (one, two)
}

#[tokio::test]
async fn changes_of_different_variables_are_merged() {
    let adapter = PhpSessionStore::new(Store::new(Memory::default()));
    let (one, two) = two_requests(&adapter).await;
    one.insert("a", 2).await.unwrap();
    one.insert("new", 3).await.unwrap();
    one.save().await.unwrap();
    two.remove_value("Ünï").await.unwrap();
    two.save().await.unwrap();
    // Saving the same again changes nothing.
    two.save().await.unwrap();

    let record = adapter.load(&two.id().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.data["a"], 2);
    assert_eq!(record.data["new"], 3);
    assert!(!record.data.contains_key("Ünï"));
}

#[tokio::test]
async fn changes_of_the_same_variable_are_an_error() {
    let adapter = PhpSessionStore::new(Store::new(Memory::default()));
    let (one, two) = two_requests(&adapter).await;
    one.insert("a", 2).await.unwrap();
    one.save().await.unwrap();
    two.insert("a", 3).await.unwrap();
    let refused = two.save().await.unwrap_err();
    assert!(refused.to_string().contains("variable a"), "{refused}");
    let record = adapter.load(&two.id().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.data["a"], 2);

    // What both made the same is none.
    let (one, two) = two_requests(&adapter).await;
    for request in [one, two] {
        request.insert("a", 9).await.unwrap();
        request.save().await.unwrap();
    }
}

#[tokio::test]
async fn clearing_removes_what_json_expresses_and_a_new_id_keeps_the_rest() {
    let store = Store::new(Memory::default());
    let adapter = PhpSessionStore::new(store.clone());
    let (one, two) = two_requests(&adapter).await;
    one.cycle_id().await.unwrap();
    one.save().await.unwrap();
    let php_id =
        |session: &Session| SessionId::parse(&format!("{:032x}", session.id().unwrap().0)).unwrap();
    let stored = store.read(&php_id(&one)).await.unwrap().unwrap().bytes;
    let session = Document::decode(Php, stored, &Limits::default()).unwrap();
    assert_eq!(session.len(), 2, "no name but the application's");
    assert!(two.save().await.is_err(), "the old id is gone");

    one.clear().await;
    one.save().await.unwrap();
    assert_eq!(store.read(&php_id(&one)).await.unwrap().unwrap().bytes, "");
}
