//! Workers that are tasks of this process.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use fastcgi_proto::{
    EndBody, MAX_ALIGNED_CONTENT, ParamsIter, Part, ProtocolStatus, RecordDecoder, RecordHeader,
    RecordType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::{
    ConnectFuture, ExitFuture, ExitReason, Process, Spawn, SpawnFuture, StopSignal, WorkerId,
};

/// A request as a fake worker sees it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FakeRequest {
    /// Its params.
    pub params: BTreeMap<String, String>,
    /// Its body.
    pub body: Bytes,
}

type Answer = Pin<Box<dyn Future<Output = Bytes> + Send>>;
type Handler = Arc<dyn Fn(FakeRequest) -> Answer + Send + Sync>;

/// Starts workers that are tasks: no program, no process, no waiting. With
/// tokio's paused clock (`start_paused`) even limits of hours are tested at
/// once.
///
/// # Examples
///
/// ```
/// use fpm_pool::testing::FakeSpawner;
/// use fpm_pool::{Pool, PoolConfig, Request};
/// use http_body_util::BodyExt;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let spawner = FakeSpawner::new(|request| async move {
///     format!("Content-type: text/plain\r\n\r\nhello {}", request.params["NAME"])
/// });
/// let workers = spawner.workers();
/// let config = PoolConfig::new("test");
/// let pool = Pool::start_with(config, spawner)?;
///
/// let mut request = Request::new();
/// let mut params = request.params();
/// params.push(b"NAME", b"world")?;
/// params.finish()?;
/// let answer = pool.call(request).await?;
/// assert_eq!(answer.into_body().collect().await?.to_bytes(), "hello world");
/// assert_eq!(workers.running().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FakeSpawner {
    handler: Handler,
    workers: FakeWorkers,
}

/// What a test sees of fake workers, and does to them.
#[derive(Clone, Debug, Default)]
pub struct FakeWorkers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    started: u32,
    refusals: Vec<String>,
    running: BTreeMap<u32, watch::Sender<Option<ExitReason>>>,
    signals: Vec<(u32, StopSignal)>,
}

impl FakeSpawner {
    /// Workers that answer with what `handler` returns: a head, an empty
    /// line, a body.
    pub fn new<H, F, B>(handler: H) -> Self
    where
        H: Fn(FakeRequest) -> F + Send + Sync + 'static,
        F: Future<Output = B> + Send + 'static,
        B: Into<Bytes>,
    {
        let handler = move |request| -> Answer {
            let answer = handler(request);
            Box::pin(async move { answer.await.into() })
        };
        Self {
            handler: Arc::new(handler),
            workers: FakeWorkers::default(),
        }
    }

    /// The workers that it starts.
    #[must_use]
    pub fn workers(&self) -> FakeWorkers {
        self.workers.clone()
    }
}

impl fmt::Debug for FakeSpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("FakeSpawner");
        debug
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

impl FakeWorkers {
    /// The next start fails with `reason`; call it again for more.
    pub fn fail_start(&self, reason: impl Into<String>) {
        self.lock().refusals.push(reason.into());
    }

    /// The process ids of workers that run, the oldest first.
    #[must_use]
    pub fn running(&self) -> Vec<u32> {
        self.lock().running.keys().copied().collect()
    }

    /// Ends a worker by itself, with its connections.
    pub fn exit(&self, process_id: u32, reason: ExitReason) {
        if let Some(exit) = self.lock().running.remove(&process_id) {
            exit.send_replace(Some(reason));
        }
    }

    /// The signals that the pool sent, in order.
    #[must_use]
    pub fn signals(&self) -> Vec<(u32, StopSignal)> {
        self.lock().signals.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spawn for FakeSpawner {
    fn spawn(&self, _worker: WorkerId) -> SpawnFuture {
        let this = self.clone();
        Box::pin(async move { this.start() })
    }
}

impl FakeSpawner {
    fn start(&self) -> io::Result<Box<dyn Process>> {
        let mut state = self.workers.lock();
        if !state.refusals.is_empty() {
            return Err(io::Error::other(state.refusals.remove(0)));
        }
        state.started += 1;
        let id = state.started;
        let exit = watch::Sender::new(None);
        state.running.insert(id, exit.clone());
        Ok(Box::new(FakeProcess {
            id,
            exit,
            handler: Arc::clone(&self.handler),
            workers: self.workers.clone(),
        }))
    }
}

struct FakeProcess {
    id: u32,
    exit: watch::Sender<Option<ExitReason>>,
    handler: Handler,
    workers: FakeWorkers,
}

impl fmt::Debug for FakeProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeProcess")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Process for FakeProcess {
    fn id(&self) -> u32 {
        self.id
    }

    fn connect(&self) -> ConnectFuture {
        let (handler, exit) = (Arc::clone(&self.handler), self.exit.subscribe());
        Box::pin(async move { connect(handler, exit) })
    }

    fn signal(&self, signal: StopSignal) -> io::Result<()> {
        self.workers.lock().signals.push((self.id, signal));
        let number = match signal {
            StopSignal::Stop => libc::SIGQUIT,
            StopSignal::Terminate => libc::SIGTERM,
            StopSignal::Kill => libc::SIGKILL,
        };
        self.workers.exit(self.id, ExitReason::Signaled(number));
        Ok(())
    }

    fn exit(&self) -> ExitFuture {
        let mut exit = self.exit.subscribe();
        Box::pin(async move {
            let reason = exit.wait_for(Option::is_some).await;
            reason
                .ok()
                .and_then(|reason| *reason)
                .unwrap_or(ExitReason::Unknown)
        })
    }
}

impl Drop for FakeProcess {
    fn drop(&mut self) {
        self.workers.exit(self.id, ExitReason::Unknown);
    }
}

/// A connection, with a task that serves it.
fn connect(
    handler: Handler,
    mut exit: watch::Receiver<Option<ExitReason>>,
) -> io::Result<UnixStream> {
    if exit.borrow().is_some() {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let (here, there) = UnixStream::pair()?;
    here.set_nonblocking(true)?;
    there.set_nonblocking(true)?;
    let there = tokio::net::UnixStream::from_std(there)?;
    tokio::spawn(async move {
        tokio::select! {
            // An answer that cannot be sent is the end of it.
            _ = serve(there, handler) => {}
            _ = exit.wait_for(Option::is_some) => {}
        }
    });
    Ok(here)
}

/// Serves a connection until it ends, one request after the other.
async fn serve(mut stream: tokio::net::UnixStream, handler: Handler) -> io::Result<()> {
    let (mut input, mut decoder) = (BytesMut::new(), RecordDecoder::new());
    let (mut params, mut body) = (BytesMut::new(), BytesMut::new());
    loop {
        match decoder.decode(&mut input).map_err(io::Error::other)? {
            None => {
                if stream.read_buf(&mut input).await? == 0 {
                    return Ok(());
                }
            }
            Some(Part::Values { remaining: 0, .. }) => {
                let header = header(RecordType::GET_VALUES_RESULT, 0, 0);
                stream.write_all(&header).await?;
            }
            Some(Part::Stream {
                record_type,
                content,
                ..
            }) => match record_type {
                RecordType::PARAMS => params.extend_from_slice(&content),
                _ => body.extend_from_slice(&content),
            },
            Some(Part::StreamEnd {
                record_type: RecordType::STDIN,
                request_id,
            }) => {
                let request = FakeRequest {
                    params: pairs(&params.split()),
                    body: body.split().freeze(),
                };
                let answer = handler(request).await;
                stream.write_all(&records(request_id, &answer)).await?;
            }
            Some(_) => {}
        }
    }
}

fn pairs(content: &[u8]) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs = ParamsIter::new(content).flatten();
    pairs
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn records(id: u16, answer: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(answer.len() + 32);
    for content in answer.chunks(usize::from(MAX_ALIGNED_CONTENT)) {
        let len = u16::try_from(content.len()).unwrap_or(MAX_ALIGNED_CONTENT);
        out.extend_from_slice(&header(RecordType::STDOUT, id, len));
        out.extend_from_slice(content);
    }
    let end = EndBody {
        app_status: 0,
        protocol_status: ProtocolStatus::REQUEST_COMPLETE,
    };
    out.extend_from_slice(&header(RecordType::END_REQUEST, id, 8));
    out.extend_from_slice(&end.encode());
    out
}

fn header(record_type: RecordType, request_id: u16, content_len: u16) -> [u8; 8] {
    let padding_len = 0;
    RecordHeader {
        record_type,
        request_id,
        content_len,
        padding_len,
    }
    .encode()
}
