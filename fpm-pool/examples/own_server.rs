//! PHP below a server that knows no tower: head and body in, pieces out.
//! `cargo run -p fpm-pool --example own_server --features http -- FOLDER /PATH`
use fpm_pool::http::{DocumentRoot, Resolved};
use fpm_pool::{Pool, PoolConfig, PoolHandle, Request, WorkerCommand};
use http_body_util::BodyExt;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The server's callback.
async fn on_request(
    (pool, root): (&PoolHandle, &DocumentRoot),
    (head, body): (http::request::Parts, Vec<u8>),
    mut piece: impl FnMut(&[u8]),
) -> Result<u16, Fault> {
    let Resolved::Script(script) = root.resolve(&head.uri)? else {
        return Ok(404);
    };
    let request = Request::from_http(&head, body, &script)?;
    let answer = match pool.call(request).await {
        Ok(answer) => answer,
        Err(error) => return Ok(error.kind().http_status().as_u16()),
    };
    let (status, mut body) = (answer.status().as_u16(), answer.into_body());
    while let Some(frame) = body.frame().await {
        piece(frame?.data_ref().map_or(&[], |data| data));
    }
    Ok(status)
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let mut args = std::env::args().skip(1);
    let root = DocumentRoot::new(args.next().ok_or("usage: own_server FOLDER /PATH")?);
    let head = http::Request::get(args.next().unwrap_or_default()).body(())?;
    let pool = Pool::start(PoolConfig::new("www").command(WorkerCommand::php_cgi("php-cgi")))?;
    let print = |piece: &[u8]| print!("{}", String::from_utf8_lossy(piece));
    let request = (head.into_parts().0, Vec::new());
    println!("{}", on_request((&pool, &root), request, print).await?);
    Ok(())
}
