//! Hosts a folder of PHP with plain hyper:
//! `cargo run -p fpm-pool --example hyper --features http -- FOLDER`
use fpm_pool::http::{Origin, PhpSite};
use fpm_pool::{Pool, PoolConfig, WorkerCommand};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("usage: hyper FOLDER [ADDRESS]")?;
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let pool = Pool::start(PoolConfig::new("www").command(WorkerCommand::php_cgi("php-cgi")))?;
    let site = PhpSite::new(pool, &folder).files(ServeDir::new(&folder));
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, client) = listener.accept().await?;
        let (site, origin) = (site.clone(), Origin::tcp(client));
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let site = site.clone();
            request.extensions_mut().insert(origin);
            async move { Ok::<_, std::convert::Infallible>(site.respond(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
