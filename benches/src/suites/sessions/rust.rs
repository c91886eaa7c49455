//! The same loop in Rust, and the endpoints that PHP's loop talks to.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use session_store::backend::Memory;
use session_store::endpoint::{Endpoint, Listener, Protocol, prepend_file};
use session_store::{Document, Key, Limits, Node, SerializeHandler, SessionId, Store};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What every session holds, as PHP's loop leaves it.
const SESSION: &str = "user|a:3:{s:2:\"id\";i:7;s:4:\"name\";s:12:\"Ada Lovelace\";s:5:\"roles\";\
    a:2:{i:0;s:6:\"editor\";i:1;s:5:\"admin\";}}token|s:64:\"0123456789abcdef0123456789abcdef\
    0123456789abcdef0123456789abcdef\";cart|a:3:{i:1;i:2;i:5;i:1;i:12;i:3;}n|i:0;";

/// Changes 1000 sessions of the store at `url`, decoding and encoding each as
/// PHP does.
pub(super) fn changes_per_second(url: &str, time: Duration) -> Result<f64, String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let url = url.to_owned();
    // In a task, as requests are: waking the future of `block_on` itself
    // costs system calls that no server pays.
    let measured = runtime.spawn(async move {
        let store = Store::open(&url).await.map_err(|error| error.to_string())?;
        let result = changes(&store, time).await;
        result.map_err(|error| error.to_string())
    });
    let measured = runtime.block_on(measured);
    measured.map_err(|error| error.to_string())?
}

async fn changes(
    store: &Store,
    time: Duration,
) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    let ids: Result<Vec<_>, _> = (0..1000)
        .map(|number| SessionId::parse(&format!("bench{number}")))
        .collect();
    let ids = ids?;
    for id in &ids {
        let _stored = store.lock(id).await?.commit(SESSION).await?;
    }
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < time {
        let id = &ids[count as usize % ids.len()];
        change(store, id, i64::from(count)).await?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

async fn change(
    store: &Store,
    id: &SessionId,
    number: i64,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let limits = Limits::default();
    let locked = store.lock(id).await?;
    let bytes = locked.data().cloned().unwrap_or_default();
    let mut document = Document::decode(SerializeHandler::Php, bytes, &limits)?;
    let value = document.graph_mut().add(Node::Int(number));
    document.set(Key::from("n"), value);
    let bytes = document.encode(SerializeHandler::Php, &limits)?;
    if locked.commit(bytes).await?.is_done() {
        Ok(())
    } else {
        Err("a session changed under its lock".into())
    }
}

/// An endpoint with its sessions in memory.
pub(super) struct Host {
    address: String,
    php_file: PathBuf,
    _folder: TempDir,
    _runtime: Runtime,
}

impl Host {
    pub(super) fn start(protocol: Protocol) -> Result<Self, String> {
        let start = || -> std::io::Result<Self> {
            let folder = TempDir::new()?;
            let socket = format!("unix:{}", folder.path().join("s").display());
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?;
            let address = match protocol {
                Protocol::Prepend => socket.as_str(),
                _ => "127.0.0.1:0",
            };
            let listener = runtime.block_on(Listener::bind(address))?;
            let address = listener.address().to_owned();
            let php_file = folder.path().join("session-store.php");
            std::fs::write(&php_file, prepend_file(&address))?;
            let endpoint = Endpoint::new(protocol, Store::new(Memory::default()));
            runtime.spawn(async move { endpoint.run(&listener).await });
            Ok(Self {
                address,
                php_file,
                _folder: folder,
                _runtime: runtime,
            })
        };
        start().map_err(|error| format!("the {protocol} endpoint does not start: {error}"))
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn php_file(&self) -> &str {
        // Made of a temporary folder's path, which is UTF-8 or fails there.
        self.php_file.to_str().unwrap_or_default()
    }
}
