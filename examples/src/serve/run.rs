//! The life of the program: start, signals, stop.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;

use super::cli::Options;
use super::connection;
use super::failure::Failure;
use super::settings::Settings;
use super::setup::{Parts, setup};
use crate::listener::{Accepted, Listener};

/// The wait after an `accept` that failed for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long workers may take to die when all has to stop at once.
const KILL_TIME: Duration = Duration::from_secs(1);

/// Runs the program with the arguments of the command line.
#[must_use]
pub fn main() -> ExitCode {
    let settings = Options::parse().settings();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false)
        .init();
    raise_descriptor_limit();
    let threads = settings.threads.unwrap_or_else(usual_threads);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|cause| Failure::System {
            what: "the runtime does not start",
            cause,
        });
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(run(settings));
        // Reads that wait for a disk must not hold up the end.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("serve: {failure}");
            failure.exit_code()
        }
    }
}

/// Half of the processors: each request costs about as much in here as in the
/// shortest of scripts, and a thread more takes processors from PHP and is
/// woken for every other request.
fn usual_threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / 2).max(1)
}

async fn run(settings: Settings) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(|cause| Failure::System {
        what: "signals cannot be received",
        cause,
    })?;
    let mut parts = setup(settings).await?;
    let stopping = CancellationToken::new();
    let tasks = TaskTracker::new();
    for listener in std::mem::take(&mut parts.listeners) {
        announce(&listener);
        tasks.spawn(accept_all(
            &parts,
            listener,
            tasks.clone(),
            stopping.clone(),
        ));
    }
    loop {
        match signals.next().await {
            Wish::Stop => break,
            Wish::Reload => parts.reload(),
            Wish::Reopen => parts.reopen_log(),
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    stopping.cancel();
    tasks.close();
    let ended = tokio::select! {
        () = finish(&parts, &tasks) => Ok(()),
        () = signals.stop() => Err(Failure::StoppedAtOnce),
    };
    if ended.is_err() {
        // Whatever is left dies with this process.
        let _ = timeout(KILL_TIME, parts.stop_workers(Duration::ZERO)).await;
    }
    parts.close_log();
    ended
}

/// Lets the running requests end, then stops the workers.
async fn finish(parts: &Parts, tasks: &TaskTracker) {
    let until = Instant::now() + parts.grace;
    if timeout(parts.grace, tasks.wait()).await.is_err() {
        let left = parts.server.counters.read().active_requests;
        tracing::warn!(requests = left, "the time to finish is over");
    }
    let left = until.saturating_duration_since(Instant::now());
    parts.stop_workers(left).await;
}

/// Says on stdout where the server listens: programs wait for this line.
fn announce(listener: &Listener) {
    let mut stdout = io::stdout().lock();
    // A closed stdout is no reason not to serve.
    let _ = writeln!(stdout, "listening on {listener}").and_then(|()| stdout.flush());
}

/// Accepts connections until the server stops.
fn accept_all(
    parts: &Parts,
    listener: Listener,
    tasks: TaskTracker,
    stopping: CancellationToken,
) -> impl Future<Output = ()> + 'static {
    let (server, tls) = (Arc::clone(&parts.server), parts.tls.clone());
    async move {
        let places = Arc::new(Semaphore::new(server.limits.connections));
        while let Some((accepted, place)) = next(&listener, &places, &stopping).await {
            let serving =
                connection::serve(Arc::clone(&server), tls.clone(), accepted, stopping.clone());
            tasks.spawn(async move {
                serving.await;
                drop(place);
            });
        }
    }
}

/// The next connection with its place, or `None` when the server stops.
async fn next(
    listener: &Listener,
    places: &Arc<Semaphore>,
    stopping: &CancellationToken,
) -> Option<(Accepted, tokio::sync::OwnedSemaphorePermit)> {
    let accept = async {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok(accepted) => return Some((accepted, place)),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        accepted = accept => accepted,
        () = stopping.cancelled() => None,
    }
}

/// Connections and files need more descriptors than the usual 1024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the number of descriptors stays as it is");
    }
}

/// What the operator asks for by a signal.
enum Wish {
    Stop,
    Reload,
    Reopen,
}

struct Signals {
    terminate: Signal,
    quit: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.quit.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.user1.recv() => Wish::Reopen,
        }
    }

    async fn stop(&mut self) {
        while !matches!(self.next().await, Wish::Stop) {}
    }
}
