//! One connection from its first byte to its end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::io::{FileQueue, FileSender, Guarded, Protocol, Socket, Tls, detect};
use super::server::Server;
use crate::listener::Accepted;

/// What a header block may take in the buffer: the limits on its parts are
/// checked later and answered properly.
const HEAD_BUFFER_BYTES: usize = 128 * 1024;

/// What an HTTP/2 client may send ahead of us on one stream.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// Serves a connection until it ends; after `stopping` it ends with the
/// requests that run.
pub(crate) async fn serve(
    server: Arc<Server>,
    tls: Option<Arc<Tls>>,
    accepted: Accepted,
    stopping: CancellationToken,
) {
    let client = Client::new(&accepted, tls.is_some());
    server.counters.connected();
    let served = match accepted {
        Accepted::Tcp(stream) => secure(&server, tls, stream, client, &stopping).await,
        Accepted::Unix(stream) => secure(&server, tls, stream, client, &stopping).await,
    };
    server.counters.disconnected();
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Any reason for which a connection ends early.
type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

async fn secure<S>(
    server: &Arc<Server>,
    tls: Option<Arc<Tls>>,
    mut stream: S,
    mut client: Client,
    stopping: &CancellationToken,
) -> Result<(), ConnectionError>
where
    S: Socket + 'static,
{
    let stall = server.limits.send_stall;
    let unread = Arc::clone(&client.unread);
    match tls {
        Some(tls) => {
            let stream = Guarded::new(stream, Bytes::new(), stall, unread);
            let (stream, protocol) = start(server, stopping, tls.accept(stream)).await?;
            run(server, stream, protocol, client, stopping).await
        }
        None => {
            let (protocol, ahead) = start(server, stopping, detect(&mut stream)).await?;
            let files = Arc::new(FileQueue::default());
            if protocol == Protocol::Http1 {
                client.files = Some(Arc::clone(&files));
            }
            let stream = Guarded::new(FileSender::new(stream, files), ahead, stall, unread);
            run(server, stream, protocol, client, stopping).await
        }
    }
}

/// Awaits the start of a connection, within the time for a header block.
async fn start<T>(
    server: &Server,
    stopping: &CancellationToken,
    begin: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    tokio::select! {
        begun = tokio::time::timeout(server.limits.header_time, begin) => {
            begun.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
        () = stopping.cancelled() => Err(io::ErrorKind::Interrupted.into()),
    }
}

async fn run<S>(
    server: &Arc<Server>,
    stream: S,
    protocol: Protocol,
    client: Client,
    stopping: &CancellationToken,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &server.limits;
    let service = {
        let (server, client) = (Arc::clone(server), Arc::new(client));
        service_fn(move |request: hyper::Request<Incoming>| {
            let (server, client) = (Arc::clone(&server), Arc::clone(&client));
            async move { Ok::<_, Infallible>(server.handle(&client, request).await) }
        })
    };
    let io = TokioIo::new(stream);
    match protocol {
        Protocol::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header_time)
                .max_buf_size(HEAD_BUFFER_BYTES)
                .serve_connection(io, service);
            let mut connection = pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => return ended.map_err(Into::into),
                () = stopping.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            connection.await.map_err(Into::into)
        }
        Protocol::Http2 => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(limits.send_stall)
                .keep_alive_timeout(limits.header_time)
                .max_concurrent_streams(limits.streams)
                .max_header_list_size(u32::try_from(HEAD_BUFFER_BYTES).unwrap_or(u32::MAX))
                .initial_stream_window_size(STREAM_WINDOW_BYTES)
                .initial_connection_window_size(4 * STREAM_WINDOW_BYTES)
                .serve_connection(io, service);
            let mut connection = pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => return ended.map_err(Into::into),
                () = stopping.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            connection.await.map_err(Into::into)
        }
    }
}
