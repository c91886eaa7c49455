//! An axum application that leaves `/legacy/*` to the PHP files of a folder.
use axum::{Router, body, extract::Request, http::StatusCode, response::Response, routing};
use fastcgi_proto::cgi::{ConnInfo, EnvPolicy, EnvWriter, Files, Script};
use fpm_pool::{Pool, PoolConfig, PoolHandle, WorkerCommand};

type Fault = Box<dyn std::error::Error + Send + Sync>;

async fn php(pool: PoolHandle, root: String, request: Request) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, 8 << 20).await?;
    let script = Script::new(parts.uri.path().as_bytes());
    let file = root.clone() + parts.uri.path().trim_start_matches("/legacy");
    if !file.ends_with(".php") || file.contains("..") || !std::path::Path::new(&file).is_file() {
        let missing = Response::builder().status(StatusCode::NOT_FOUND);
        return Ok(missing.body("no such page".into())?);
    }
    let (mut call, policy) = (fpm_pool::Request::new(), EnvPolicy::default());
    let mut params = call.params();
    let mut env = EnvWriter::new(&mut params, &policy);
    let files = Files::new(root.as_bytes(), file.as_bytes());
    let length = Some(body.len() as u64);
    env.http_request(&parts, &ConnInfo::new(b"axum"), &script, &files, length)?;
    env.finish()?;
    params.finish()?;
    Ok(pool.call(call.bytes(body)).await?.map(body::Body::new))
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let root = std::env::args().nth(1).ok_or("usage: axum_legacy FOLDER")?;
    let pool = Pool::start(PoolConfig::new("legacy").command(WorkerCommand::php_cgi("php-cgi")))?;
    let legacy = |request: Request| async move {
        let answer = php(pool, root, request).await;
        answer.map_err(|fault| (StatusCode::BAD_GATEWAY, fault.to_string()))
    };
    let app = Router::new()
        .route("/", routing::get("Rust"))
        .route("/legacy/{*file}", routing::any(legacy));
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8080").await?, app).await?)
}
