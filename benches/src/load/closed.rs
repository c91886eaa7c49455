//! Closed loop: each of N connections sends its next request when the last
//! one is answered.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use super::connection::{Connection, LoadError};
use super::request::Request;

/// What a closed-loop run does.
#[derive(Debug, Clone, Copy)]
pub struct Closed {
    /// The server's port on 127.0.0.1.
    pub port: u16,
    /// Connections kept open side by side.
    pub connections: usize,
    /// How long requests are started; those under way are waited for.
    pub duration: Duration,
}

/// What a closed-loop run saw.
#[derive(Debug, Clone, Default)]
pub struct ClosedRun {
    /// Seconds from the first request to the last answer.
    pub seconds: f64,
    /// Latency of every answer, in microseconds, sorted.
    pub latencies_us: Vec<u32>,
    /// Exchanges that did not count, with the first error's text.
    pub errors: usize,
    /// The first error, for the message.
    pub first_error: Option<String>,
    /// Connections that got no answer at all.
    pub starved: usize,
}

impl ClosedRun {
    /// Answers per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.latencies_us.len() as f64 / self.seconds
    }

    /// The latency, in microseconds, that `share` of the answers stay below.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> f64 {
        crate::stats::quantile(&self.latencies_us, share)
    }
}

/// Runs `request` over `run.connections` connections for `run.duration`.
///
/// # Errors
///
/// When the load generator itself cannot run.
pub fn closed_loop(run: Closed, request: &Request) -> Result<ClosedRun, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no load generator: {error}"))?;
    let shared = Rc::new(RefCell::new(ClosedRun::default()));
    let begin = Instant::now();
    let tasks = LocalSet::new();
    for _ in 0..run.connections {
        let shared = Rc::clone(&shared);
        let request = request.clone();
        tasks.spawn_local(async move { drive(run, &request, begin, &shared).await });
    }
    runtime.block_on(async {
        // A server that never answers must not hold the run for ever.
        let limit = run.duration + Duration::from_secs(20);
        let _ = tokio::time::timeout(limit, tasks).await;
    });
    let mut result = shared.take();
    result.seconds = begin.elapsed().as_secs_f64();
    result.latencies_us.sort_unstable();
    Ok(result)
}

async fn drive(run: Closed, request: &Request, begin: Instant, shared: &RefCell<ClosedRun>) {
    let mut connection = None;
    let mut answered = false;
    // Counted as starved until the first answer comes.
    shared.borrow_mut().starved += 1;
    while begin.elapsed() < run.duration {
        let started = Instant::now();
        match one(run.port, &mut connection, request).await {
            Ok(()) => {
                let micros = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
                let mut shared = shared.borrow_mut();
                shared.latencies_us.push(micros);
                if !answered {
                    answered = true;
                    shared.starved -= 1;
                }
            }
            Err(error) => {
                connection = None;
                let mut shared = shared.borrow_mut();
                shared.errors += 1;
                shared.first_error.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

async fn one(
    port: u16,
    connection: &mut Option<Connection>,
    request: &Request,
) -> Result<(), LoadError> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(port).await?,
    };
    if open.exchange(request).await? {
        *connection = Some(open);
    }
    Ok(())
}

/// One request on a connection of its own; returns the body as text.
///
/// # Errors
///
/// Whatever keeps the answer from counting.
pub fn fetch(port: u16, request: &Request) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no load generator: {error}"))?;
    runtime.block_on(async {
        let mut connection = Connection::open(port)
            .await
            .map_err(|error| error.to_string())?;
        let body = connection
            .fetch(request)
            .await
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    })
}

/// Waits until a static file is answered, so that no PHP worker is started.
///
/// # Errors
///
/// When it is not within 20 seconds.
pub fn wait_for_static(port: u16) -> Result<(), String> {
    let request = Request::get("/parts/ready.txt", super::Expect::Any);
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        match fetch(port, &request) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > give_up => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
