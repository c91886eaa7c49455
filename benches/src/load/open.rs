//! Open loop: clients arrive at a rate that does not depend on the server,
//! each on a connection of its own, and leave when their patience ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::LocalSet;

use super::connection::Connection;
use super::request::{Expect, Request};

/// How long a client waits for its answer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Patience {
    /// The same for everybody.
    Fixed(Duration),
    /// Spread evenly between two bounds.
    Between(Duration, Duration),
}

impl Patience {
    fn of(self, share: f64) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::Between(least, most) => least + (most - least).mul_f64(share),
        }
    }
}

/// What an open-loop run does.
#[derive(Debug, Clone)]
pub struct OpenLoop {
    /// The server's port on 127.0.0.1.
    pub port: u16,
    /// `?id=N` is added to this path, so that the script can say who it ran for.
    pub target: String,
    /// Arrivals per second.
    pub rate: f64,
    /// How long clients arrive.
    pub duration: Duration,
    /// How long each one waits.
    pub patience: Patience,
    /// Ids start here, so that several runs share one log.
    pub first_id: u64,
}

/// One client's end.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// The client's id.
    pub id: u64,
    /// Seconds after the run's start at which it arrived.
    pub arrived: f64,
    /// Seconds until its answer; `None` when it left without one.
    pub latency: Option<f64>,
    /// When it left or was answered, in seconds of the system's clock.
    pub ended: f64,
    /// The answer was an error (503, reset, …) rather than silence.
    pub refused: bool,
}

/// Lets clients arrive at `run.rate` and returns how each one fared.
///
/// Arrivals are evenly spaced with a deterministic jitter, so that every
/// server sees the same ones.
///
/// # Errors
///
/// When the load generator itself cannot run.
pub fn open_loop(run: &OpenLoop) -> Result<Vec<Answered>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no load generator: {error}"))?;
    let results = Rc::new(RefCell::new(Vec::new()));
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, arrive(run, &results));
    runtime.block_on(tasks);
    let mut results = results.take();
    results.sort_by_key(|answered: &Answered| answered.id);
    Ok(results)
}

async fn arrive(run: &OpenLoop, results: &Rc<RefCell<Vec<Answered>>>) {
    let begin = Instant::now();
    let mut dice = Dice(run.first_id | 1);
    let count = (run.rate * run.duration.as_secs_f64()) as u64;
    for index in 0..count {
        let at = (index as f64 + dice.roll()) / run.rate;
        let patience = run.patience.of(dice.roll());
        tokio::time::sleep_until((begin + Duration::from_secs_f64(at)).into()).await;
        let id = run.first_id + index;
        let target = format!("{}?id={id}", run.target);
        let (port, results) = (run.port, Rc::clone(results));
        tokio::task::spawn_local(async move {
            let answered = visit(port, id, at, &target, patience).await;
            results.borrow_mut().push(answered);
        });
    }
}

async fn visit(port: u16, id: u64, arrived: f64, target: &str, patience: Duration) -> Answered {
    let begin = Instant::now();
    let request = Request::get(target, Expect::Any);
    let exchange = async { Connection::open(port).await?.exchange(&request).await };
    let outcome = tokio::time::timeout(patience, exchange).await;
    Answered {
        id,
        arrived,
        latency: matches!(outcome, Ok(Ok(_))).then(|| begin.elapsed().as_secs_f64()),
        ended: system_seconds(),
        refused: matches!(outcome, Ok(Err(_))),
    }
}

fn system_seconds() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// A small deterministic generator (xorshift64): the same arrivals each run.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// The next number in 0..1.
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
