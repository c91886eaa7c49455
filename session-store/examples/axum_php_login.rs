//! Log in at a PHP page, be known to axum, log out there, and PHP knows.
//!
//! ```sh
//! mkdir -p /tmp/sessions
//! php -d session.save_path=/tmp/sessions -S 127.0.0.1:8081 session-store/examples/login.php &
//! cargo run -p session-store --features files,tower --example axum_php_login -- /tmp/sessions 127.0.0.1:8080
//!
//! curl -c jar -b jar -d name=Ada http://127.0.0.1:8081/    # PHP knows Ada, 0 visits to axum
//! curl -c jar -b jar http://127.0.0.1:8080/whoami          # axum knows Ada (editor), visit 1
//! curl -c jar -b jar http://127.0.0.1:8081/                # PHP knows Ada, 1 visits to axum
//! curl -c jar -b jar -X POST http://127.0.0.1:8080/logout  # goodbye
//! curl -c jar -b jar http://127.0.0.1:8081/                # PHP knows nobody, 0 visits to axum
//! ```
//!
//! Both see the same cookie, because cookies do not tell ports apart.

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Router, serve};
use serde::Deserialize;
use session_store::Store;
use session_store::tower::{Session, SessionError, SessionLayer};

/// What the PHP page keeps in `$_SESSION['user']`.
#[derive(Deserialize)]
struct User {
    name: String,
    roles: Vec<String>,
}

async fn whoami(Extension(session): Extension<Session>) -> Result<String, (StatusCode, String)> {
    let Some(user) = session.get::<User>("user").await.map_err(refuse)? else {
        return Err((StatusCode::UNAUTHORIZED, "axum knows nobody\n".into()));
    };
    let visits = session
        .get::<i64>("visits")
        .await
        .map_err(refuse)?
        .unwrap_or(0)
        + 1;
    session.insert("visits", &visits).await.map_err(refuse)?;
    Ok(format!(
        "axum knows {} ({}), visit {visits}\n",
        user.name,
        user.roles.join(", ")
    ))
}

async fn logout(
    Extension(session): Extension<Session>,
) -> Result<&'static str, (StatusCode, String)> {
    session.destroy().await.map_err(refuse)?;
    Ok("goodbye\n")
}

fn refuse(error: SessionError) -> (StatusCode, String) {
    (error.status(), format!("{error}\n"))
}

/// The application, on any store.
pub(crate) fn app(store: Store) -> Router {
    Router::new()
        .route("/whoami", get(whoami))
        .route("/logout", post(logout))
        .layer(SessionLayer::new(store))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .ok_or("usage: axum_php_login FOLDER [ADDRESS]")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let store = Store::open(&format!("files:{folder}")).await?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    serve(listener, app(store)).await?;
    Ok(())
}
