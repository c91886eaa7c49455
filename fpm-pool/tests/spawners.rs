//! What a spawner of one's own can rely on.
#![cfg(feature = "test-util")]

mod common;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{get, text, until};
use fpm_pool::testing::{FakeSpawner, FakeWorkers};
use fpm_pool::{
    CloseFuture, ConnectFuture, ErrorKind, ExitFuture, ExitReason, OnClientGone, Pool, PoolConfig,
    Process, Readiness, Sizing, Spawn, SpawnFuture, StopSignal, Timeouts, WorkerId,
};
use tokio::sync::Semaphore;

const OK: &str = "Content-type: text/plain\r\n\r\nok";

fn config(workers: usize) -> PoolConfig {
    PoolConfig::new("spawners").sizing(Sizing::Static {
        max_children: workers,
    })
}

fn ok() -> FakeSpawner {
    FakeSpawner::new(|_| async { OK })
}

/// Counts how often it is closed, which needs leave.
struct Counted {
    inner: FakeSpawner,
    closed: Arc<AtomicUsize>,
    leave: Arc<Semaphore>,
}

impl Counted {
    fn new() -> (Self, FakeWorkers, Arc<AtomicUsize>) {
        let (inner, closed) = (ok(), Arc::default());
        let workers = inner.workers();
        let this = Self {
            inner,
            closed: Arc::clone(&closed),
            leave: Arc::new(Semaphore::new(1)),
        };
        (this, workers, closed)
    }
}

impl Spawn for Counted {
    fn spawn(&self, worker: WorkerId) -> SpawnFuture {
        self.inner.spawn(worker)
    }

    fn close(&self) -> CloseFuture {
        let (closed, leave) = (Arc::clone(&self.closed), Arc::clone(&self.leave));
        let workers = self.inner.workers();
        Box::pin(async move {
            assert!(workers.running().is_empty(), "closed under its workers");
            let _leave = leave.acquire().await;
            closed.fetch_add(1, Ordering::SeqCst);
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_spawner_is_closed_once_with_the_last_worker_of_its_generation() {
    let (first, _, first_closed) = Counted::new();
    let (second, failing, second_closed) = Counted::new();
    let (third, _, third_closed) = Counted::new();
    let pool = Pool::start_with(config(2), first).unwrap();
    pool.ready().await.unwrap();
    failing.fail_start("no");
    let error = pool.reload_with(config(2), second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reload);
    let closed = |count: &Arc<AtomicUsize>| count.load(Ordering::SeqCst);
    until("the failed one is closed", || closed(&second_closed) == 1).await;
    assert_eq!(closed(&first_closed), 0);
    pool.reload_with(config(2), third).await.unwrap();
    until("the first is closed", || closed(&first_closed) == 1).await;
    assert_eq!(text(pool.call(get("/x.php".as_ref())).await).await, "ok");
    assert_eq!(closed(&third_closed), 0);
    pool.shutdown(Duration::ZERO).await;
    let counts = [first_closed, second_closed, third_closed];
    assert_eq!(counts.map(|count| closed(&count)), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_workers_closes_its_spawner_too() {
    let (first, _, first_closed) = Counted::new();
    let (second, _, second_closed) = Counted::new();
    let sizing = Sizing::Ondemand {
        max_children: 1,
        process_idle_timeout: Duration::from_secs(1),
    };
    let config = PoolConfig::new("spawners").sizing(sizing);
    let pool = Pool::start_with(config.clone(), first).unwrap();
    pool.reload_with(config, second).await.unwrap();
    until("it is closed", || first_closed.load(Ordering::SeqCst) == 1).await;
    until("it is idle", || pool.status().workers.is_empty()).await;
    pool.shutdown(Duration::ZERO).await;
    assert_eq!(second_closed.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_the_end_of_the_spawner() {
    let (spawner, _, closed) = Counted::new();
    let leave = Arc::clone(&spawner.leave);
    let held = leave.acquire().await.unwrap();
    let pool = Pool::start_with(config(1), spawner).unwrap();
    pool.ready().await.unwrap();
    let mut shutdown = std::pin::pin!(pool.shutdown(Duration::ZERO));
    tokio::select! {
        () = &mut shutdown => panic!("it did not wait"),
        () = until("the worker is gone", || pool.status().workers.is_empty()) => {}
    }
    assert!(futures::poll!(&mut shutdown).is_pending());
    drop(held);
    shutdown.await;
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

/// Starts nothing, ever.
struct Stuck(Arc<AtomicUsize>);

struct Given(Arc<AtomicUsize>);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Spawn for Stuck {
    fn spawn(&self, _worker: WorkerId) -> SpawnFuture {
        let given = Given(Arc::clone(&self.0));
        Box::pin(async move {
            let _given = given;
            std::future::pending().await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_too_long_is_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let timeouts = Timeouts::default().start(Duration::from_secs(5));
    let spawner = Stuck(Arc::clone(&dropped));
    let pool = Pool::start_with(config(1).timeouts(timeouts), spawner).unwrap();
    let error = pool.ready().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoWorker);
    until("it is dropped", || dropped.load(Ordering::SeqCst) == 1).await;
    // One that is under way does not hold up the end.
    pool.shutdown(Duration::ZERO).await;
}

/// Panics before the first worker is there, and after the second is.
struct Faulty {
    inner: FakeSpawner,
    calls: AtomicUsize,
}

impl Spawn for Faulty {
    fn spawn(&self, worker: WorkerId) -> SpawnFuture {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        assert_ne!(call, 0, "the spawner is at fault");
        let inner = self.inner.spawn(worker);
        Box::pin(async move {
            let process = inner.await?;
            assert_ne!(call, 1, "so is what it returns");
            Ok(process)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_spawner_that_panics_costs_a_start_and_no_more() {
    let (inner, calls) = (ok(), AtomicUsize::new(0));
    let workers = inner.workers();
    let pool = Pool::start_with(config(1), Faulty { inner, calls }).unwrap();
    until("it is well", || pool.status().idle() == 1).await;
    assert_eq!(text(pool.call(get("/x.php".as_ref())).await).await, "ok");
    assert_eq!(workers.running(), [2]);
    pool.shutdown(Duration::ZERO).await;
}

/// Workers that come with their only connection.
struct Forking(FakeSpawner);

#[derive(Debug)]
struct Forked {
    inner: Box<dyn Process>,
    connection: Mutex<Option<UnixStream>>,
}

impl Spawn for Forking {
    fn spawn(&self, worker: WorkerId) -> SpawnFuture {
        let inner = self.0.spawn(worker);
        Box::pin(async move {
            let inner = inner.await?;
            let connection = Mutex::new(Some(inner.connect().await?));
            Ok(Box::new(Forked { inner, connection }) as Box<dyn Process>)
        })
    }
}

impl Process for Forked {
    fn id(&self) -> u32 {
        self.inner.id()
    }

    fn take_connection(&self) -> Option<UnixStream> {
        self.connection.lock().unwrap().take()
    }

    fn signal(&self, signal: StopSignal) -> io::Result<()> {
        self.inner.signal(signal)
    }

    fn exit(&self) -> ExitFuture {
        self.inner.exit()
    }

    fn readiness(&self) -> Readiness {
        Readiness::Connected
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_only_connection_is_lost_is_replaced() {
    let calls = Arc::new(AtomicUsize::new(0));
    let spawner = FakeSpawner::new({
        let calls = Arc::clone(&calls);
        move |_| {
            let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if first {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
                OK
            }
        }
    });
    let workers = spawner.workers();
    let config = config(1).on_client_gone(OnClientGone::Abort);
    let pool = Pool::start_with(config, Forking(spawner)).unwrap();
    pool.ready().await.unwrap();
    {
        let mut left = std::pin::pin!(pool.call(get("/x.php".as_ref())));
        tokio::select! {
            _ = &mut left => panic!("it takes an hour"),
            () = until("it runs", || calls.load(Ordering::SeqCst) == 1) => {}
        }
    }
    for _ in 0..3 {
        assert_eq!(text(pool.call(get("/x.php".as_ref())).await).await, "ok");
    }
    until("the first is gone", || workers.running() == [2]).await;
    assert_eq!(pool.status().totals.start_failures, 0);
}

/// Takes its time to connect, and needs the pool's runtime for it.
struct Slow(FakeSpawner);

#[derive(Debug)]
struct SlowProcess(Arc<dyn Process>);

impl Spawn for Slow {
    fn spawn(&self, worker: WorkerId) -> SpawnFuture {
        let inner = self.0.spawn(worker);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let process = SlowProcess(Arc::from(inner.await?));
            Ok(Box::new(process) as Box<dyn Process>)
        })
    }
}

impl Process for SlowProcess {
    fn id(&self) -> u32 {
        self.0.id()
    }

    fn connect(&self) -> ConnectFuture {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            inner.connect().await
        })
    }

    fn signal(&self, signal: StopSignal) -> io::Result<()> {
        self.0.signal(signal)
    }

    fn exit(&self) -> ExitFuture {
        self.0.exit()
    }

    fn readiness(&self) -> Readiness {
        Readiness::Started
    }
}

#[tokio::test(start_paused = true)]
async fn starting_and_connecting_may_take_time() {
    let pool = Pool::start_with(config(1), Slow(ok())).unwrap();
    assert_eq!(text(pool.call(get("/x.php".as_ref())).await).await, "ok");
    let exits = pool.status().totals.exits;
    assert_eq!(exits, Vec::<(ExitReason, u64)>::new());
}

/// Ignores every signal, as a process that is stuck in the kernel does.
#[derive(Debug)]
struct Immortal;

impl Process for Immortal {
    fn id(&self) -> u32 {
        1
    }

    fn signal(&self, _: StopSignal) -> io::Result<()> {
        Ok(())
    }

    fn exit(&self) -> ExitFuture {
        Box::pin(std::future::pending())
    }

    fn readiness(&self) -> Readiness {
        Readiness::Started
    }
}

impl Spawn for Immortal {
    fn spawn(&self, _: WorkerId) -> SpawnFuture {
        Box::pin(async { Ok(Box::new(Self) as Box<dyn Process>) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_cannot_be_killed_holds_up_no_shutdown_for_ever() {
    let pool = Pool::start_with(config(2), Immortal).unwrap();
    pool.ready().await.unwrap();
    let began = tokio::time::Instant::now();
    pool.shutdown(Duration::ZERO).await;
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(10) && took < Duration::from_secs(12),
        "{took:?}"
    );
    assert_eq!(pool.status().processes, 2);
}
