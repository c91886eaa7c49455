//! One session, used by a PHP page and an axum application.

#[path = "../examples/axum_php_login.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod example;

use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use session_store::backend::Memory;
use session_store::tower::{Mode, Session, SessionLayer};
use session_store::{SessionId, Store};
use tokio::sync::Barrier;
use tower::ServiceExt;

/// A browser's jar for the one cookie.
#[derive(Default)]
struct Visitor {
    cookie: Option<String>,
}

impl Visitor {
    fn take(&mut self, set_cookie: &str) {
        let (cookie, attributes) = set_cookie.split_once(';').unwrap_or((set_cookie, ""));
        let removed = attributes.contains("Max-Age=0");
        self.cookie = (!removed).then(|| cookie.to_owned());
    }

    /// Asks the axum application.
    async fn axum(&mut self, app: &Router, method: &str, path: &str) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let response = app
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        if let Some(header) = response.headers().get(SET_COOKIE) {
            self.take(header.to_str().unwrap());
        }
        (response.status(), text(response).await)
    }

    /// Asks the PHP page, as a web server does through CGI.
    fn php(&mut self, folder: &str, form: Option<&str>) -> String {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/login.php");
        let mut command = Command::new(peers::tool("php-cgi", "php-cgi"));
        command
            .args([
                "-d",
                &format!("session.save_path={folder}"),
                "-d",
                "session.use_strict_mode=1",
            ])
            .env("REDIRECT_STATUS", "200")
            .env("GATEWAY_INTERFACE", "CGI/1.1")
            .env("SCRIPT_FILENAME", page)
            .env(
                "REQUEST_METHOD",
                if form.is_some() { "POST" } else { "GET" },
            );
        if let Some(cookie) = &self.cookie {
            command.env("HTTP_COOKIE", cookie);
        }
        let body = tempfile::NamedTempFile::new().unwrap();
        if let Some(form) = form {
            std::fs::write(body.path(), form).unwrap();
            command
                .env("CONTENT_TYPE", "application/x-www-form-urlencoded")
                .env("CONTENT_LENGTH", form.len().to_string());
        }
        let output = command.stdin(body.reopen().unwrap()).output().unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        if let Some(header) = head
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("Set-Cookie: "))
        {
            self.take(header);
        }
        body.to_owned()
    }
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_login_in_php_is_known_to_axum_and_a_logout_there_to_php() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let app = example::app(Store::open(&format!("files:{path}")).await.unwrap());
    let mut ada = Visitor::default();

    assert_eq!(
        ada.axum(&app, "GET", "/whoami").await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(ada.cookie, None, "a look at nothing makes no session");
    assert_eq!(
        ada.php(&path, Some("name=Ada")),
        "PHP knows Ada, 0 visits to axum\n"
    );
    for visit in 1..=3 {
        let (status, answer) = ada.axum(&app, "GET", "/whoami").await;
        assert_eq!(
            (status, answer),
            (
                StatusCode::OK,
                format!("axum knows Ada (editor), visit {visit}\n")
            )
        );
    }
    assert_eq!(ada.php(&path, None), "PHP knows Ada, 3 visits to axum\n");

    let old = ada.cookie.clone();
    assert_eq!(
        ada.axum(&app, "POST", "/logout").await,
        (StatusCode::OK, "goodbye\n".into())
    );
    assert_eq!(ada.cookie, None);
    assert_eq!(ada.php(&path, None), "PHP knows nobody, 0 visits to axum\n");
    let mut thief = Visitor { cookie: old };
    assert_eq!(
        thief.php(&path, None),
        "PHP knows nobody, 0 visits to axum\n"
    );
    assert_eq!(
        thief.axum(&app, "GET", "/whoami").await.0,
        StatusCode::UNAUTHORIZED
    );
}

fn counting_app(layer: SessionLayer) -> Router {
    let count = |Extension(session): Extension<Session>| async move {
        let count = session.get::<i64>("count").await.unwrap().unwrap_or(0) + 1;
        tokio::task::yield_now().await;
        session.insert("count", &count).await.unwrap();
        count.to_string()
    };
    let login = |Extension(session): Extension<Session>| async move {
        session.regenerate().await.unwrap();
        session.insert("user", "Ada").await.unwrap();
    };
    Router::new()
        .route("/count", get(count))
        .route("/login", get(login))
        .layer(layer)
}

#[tokio::test]
async fn parallel_requests_lose_no_count() {
    let store = Store::new(Memory::default());
    let app = counting_app(SessionLayer::new(store.clone()));
    let mut visitor = Visitor::default();
    assert_eq!(visitor.axum(&app, "GET", "/count").await.1, "1");
    let requests = (0..20).map(|_| {
        let (app, cookie) = (app.clone(), visitor.cookie.clone());
        tokio::spawn(async move { Visitor { cookie }.axum(&app, "GET", "/count").await.0 })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(visitor.axum(&app, "GET", "/count").await.1, "22");
}

#[tokio::test]
async fn a_login_changes_the_id_and_the_old_one_leads_there() {
    let store = Store::new(Memory::default());
    for mode in [Mode::Locked, Mode::Optimistic] {
        let app = counting_app(SessionLayer::new(store.clone()).mode(mode));
        let mut visitor = Visitor::default();
        visitor.axum(&app, "GET", "/count").await;
        let old = visitor.cookie.clone();
        visitor.axum(&app, "GET", "/login").await;
        assert_ne!(visitor.cookie, old);
        let mut parallel = Visitor { cookie: old };
        assert_eq!(parallel.axum(&app, "GET", "/count").await.1, "2");
        assert_eq!(
            parallel.cookie, visitor.cookie,
            "the old id is told the new one"
        );
    }
}

#[tokio::test]
async fn unknown_ids_are_not_adopted() {
    let store = Store::new(Memory::default());
    let app = counting_app(SessionLayer::new(store));
    let mut victim = Visitor {
        cookie: Some("PHPSESSID=chosenbytheattacker".into()),
    };
    assert_eq!(victim.axum(&app, "GET", "/count").await.1, "1");
    assert_ne!(
        victim.cookie.as_deref(),
        Some("PHPSESSID=chosenbytheattacker")
    );
}

#[tokio::test]
async fn optimistic_requests_merge_or_conflict() {
    let store = Store::new(Memory::default());
    let barrier = Arc::new(Barrier::new(2));
    let both_read = |name: &'static str| {
        let barrier = Arc::clone(&barrier);
        move |Extension(session): Extension<Session>| async move {
            session.get::<i64>(name).await.unwrap();
            barrier.wait().await;
            session.insert(name, &1).await.unwrap();
        }
    };
    let different = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let same = {
        let (barrier, different) = (Arc::clone(&barrier), Arc::clone(&different));
        move |Extension(session): Extension<Session>| async move {
            session.get::<i64>("same").await.unwrap();
            barrier.wait().await;
            let mine = different.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            session.insert("same", &mine).await.unwrap();
        }
    };
    let layer = SessionLayer::new(store.clone()).mode(Mode::Optimistic);
    let app = Router::new()
        .route("/a", get(both_read("a")))
        .route("/b", get(both_read("b")))
        .route("/same", get(same))
        .layer(layer);
    let id = store.create("x|i:1;").await.unwrap();
    let ask = |path: &'static str| {
        let (app, cookie) = (app.clone(), Some(format!("PHPSESSID={}", id.as_str())));
        async move { Visitor { cookie }.axum(&app, "GET", path).await.0 }
    };
    assert_eq!(
        tokio::join!(ask("/a"), ask("/b")),
        (StatusCode::OK, StatusCode::OK)
    );
    let stored = store.read(&id).await.unwrap().unwrap().bytes;
    assert!(
        stored == "x|i:1;a|i:1;b|i:1;" || stored == "x|i:1;b|i:1;a|i:1;",
        "{stored:?}"
    );

    let (one, other) = tokio::join!(ask("/same"), ask("/same"));
    assert!(
        one != other && [one, other].contains(&StatusCode::CONFLICT),
        "{one} {other}"
    );
}

#[tokio::test]
async fn a_destroyed_session_is_not_brought_back() {
    let store = Store::new(Memory::default());
    let id = store.create("user|i:7;").await.unwrap();
    let logout = {
        let (store, id) = (store.clone(), id.clone());
        move |Extension(session): Extension<Session>| async move {
            assert_eq!(session.get::<i64>("user").await.unwrap(), Some(7));
            let _ = store.destroy(&id).await.unwrap();
            session.insert("seen", &true).await.unwrap();
        }
    };
    let layer = SessionLayer::new(store.clone()).mode(Mode::Optimistic);
    let app = Router::new().route("/", get(logout)).layer(layer);
    let mut visitor = Visitor {
        cookie: Some(format!("PHPSESSID={}", id.as_str())),
    };
    assert_eq!(visitor.axum(&app, "GET", "/").await.0, StatusCode::CONFLICT);
    assert_eq!(visitor.cookie, None, "the visitor is logged out");
    assert!(store.read(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn data_that_cannot_be_read_stays() {
    let store = Store::new(Memory::default());
    let id = store.create("user|i:7;\n").await.unwrap();
    let look = |Extension(session): Extension<Session>| async move {
        session
            .get::<i64>("user")
            .await
            .map(|_| ())
            .map_err(|error| (error.status(), error.to_string()))
    };
    let app = Router::new()
        .route("/", get(look))
        .layer(SessionLayer::new(store.clone()));
    let mut visitor = Visitor {
        cookie: Some(format!("PHPSESSID={}", id.as_str())),
    };
    let (status, answer) = visitor.axum(&app, "GET", "/").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.contains("at byte 10"), "{answer}");
    assert_eq!(store.read(&id).await.unwrap().unwrap().bytes, "user|i:7;\n");
    // The lock is free again.
    store.lock(&id).await.unwrap().release().await.unwrap();
    assert_eq!(store.metrics().corrupt, 1);
}

#[tokio::test]
async fn read_only_requests_change_nothing() {
    let store = Store::new(Memory::default());
    let id: SessionId = store.create("user|i:7;").await.unwrap();
    let held = store.lock(&id).await.unwrap();
    let look = |Extension(session): Extension<Session>| async move {
        assert!(session.insert("user", &8).await.is_err());
        assert!(session.destroy().await.is_err());
        session
            .get::<i64>("user")
            .await
            .unwrap()
            .unwrap()
            .to_string()
    };
    let layer = SessionLayer::new(store.clone()).mode(Mode::ReadOnly);
    let app = Router::new().route("/", get(look)).layer(layer);
    let mut visitor = Visitor {
        cookie: Some(format!("PHPSESSID={}", id.as_str())),
    };
    assert_eq!(
        visitor.axum(&app, "GET", "/").await.1,
        "7",
        "and does not wait for the lock"
    );
    held.release().await.unwrap();
}
