//! Hosts a folder of PHP beside a route in Rust, with axum:
//! `cargo run -p fpm-pool --example axum --features http -- FOLDER`
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::{Router, middleware::map_request, routing::get};
use fpm_pool::http::{Origin, PhpSite};
use fpm_pool::{Pool, PoolConfig, WorkerCommand};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

/// Tells PHP who the client is.
async fn with_origin(client: ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(Origin::tcp(client.0));
    request
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("usage: axum FOLDER [ADDRESS]")?;
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let pool = Pool::start(PoolConfig::new("www").command(WorkerCommand::php_cgi("php-cgi")))?;
    let php = PhpSite::new(pool, &folder).files(ServeDir::new(&folder));
    let app = Router::new()
        .route("/api", get(|| async { "Rust" }))
        .fallback_service(php.front_controller("index.php"))
        .layer(map_request(with_origin))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
