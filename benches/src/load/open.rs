//! Open loop: clients arrive at a rate that does not depend on the server,
//! each on a connection of its own, and leave when their patience ends.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::time::{Duration, Instant, SystemTime};

use super::connection::{Connection, Progress, Waiter};
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
    let fault = |error: io::Error| format!("no load generator: {error}");
    let mut crowd = Crowd::new(run).map_err(fault)?;
    crowd.run().map_err(fault)?;
    let mut results = crowd.results;
    results.sort_by_key(|answered: &Answered| answered.id);
    Ok(results)
}

/// A client that waits for its answer.
#[derive(Debug)]
struct Visit {
    connection: Connection,
    request: Request,
    arrived: f64,
    begin: Instant,
}

#[derive(Debug)]
struct Crowd<'a> {
    run: &'a OpenLoop,
    waiter: Waiter,
    begin: Instant,
    dice: Dice,
    visits: HashMap<u64, Visit>,
    /// When clients leave, the first one on top.
    patience: BinaryHeap<Reverse<(Instant, u64)>>,
    results: Vec<Answered>,
}

impl<'a> Crowd<'a> {
    fn new(run: &'a OpenLoop) -> io::Result<Self> {
        Ok(Self {
            run,
            waiter: Waiter::new()?,
            begin: Instant::now(),
            dice: Dice(run.first_id | 1),
            visits: HashMap::new(),
            patience: BinaryHeap::new(),
            results: Vec::new(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let count = (self.run.rate * self.run.duration.as_secs_f64()) as u64;
        for index in 0..count {
            let at = (index as f64 + self.dice.roll()) / self.run.rate;
            let patience = self.run.patience.of(self.dice.roll());
            let due = self.begin + Duration::from_secs_f64(at);
            while Instant::now() < due {
                self.turn(due)?;
            }
            self.arrive(self.run.first_id + index, at, patience);
        }
        while !self.visits.is_empty() {
            self.turn(Instant::now() + Duration::from_secs(1))?;
        }
        Ok(())
    }

    /// Waits until `end` at most for answers and for clients that leave.
    fn turn(&mut self, end: Instant) -> io::Result<()> {
        let first = self.patience.peek().map(|Reverse((leaves, _))| *leaves);
        let until = first.map_or(end, |leaves| leaves.min(end));
        for ready in 0..self.waiter.wait(until)? {
            self.advance(self.waiter.key(ready));
        }
        let now = Instant::now();
        while let Some(&Reverse((leaves, id))) = self.patience.peek()
            && leaves <= now
        {
            self.patience.pop();
            if let Some(visit) = self.visits.remove(&id) {
                self.end(id, &visit, Outcome::Left);
            }
        }
        Ok(())
    }

    fn arrive(&mut self, id: u64, arrived: f64, patience: Duration) {
        let request = Request::get(&format!("{}?id={id}", self.run.target), Expect::Any);
        let begin = Instant::now();
        let connection = Connection::open(&self.waiter, self.run.port, id);
        let begun = connection.and_then(|mut connection| {
            connection.begin(&self.waiter, &request)?;
            Ok(connection)
        });
        match begun {
            Ok(connection) => {
                self.patience.push(Reverse((begin + patience, id)));
                let visit = Visit {
                    connection,
                    request,
                    arrived,
                    begin,
                };
                self.visits.insert(id, visit);
            }
            Err(_) => self.results.push(Answered {
                id,
                arrived,
                latency: None,
                ended: system_seconds(),
                refused: true,
            }),
        }
    }

    fn advance(&mut self, id: u64) {
        let Some(visit) = self.visits.get_mut(&id) else {
            return;
        };
        let progress = visit.connection.advance(&mut self.waiter, &visit.request);
        let outcome = match progress {
            Ok(Progress::Pending) => return,
            Ok(Progress::Answered { .. }) => Outcome::Answered,
            Err(_) => Outcome::Refused,
        };
        if let Some(visit) = self.visits.remove(&id) {
            self.end(id, &visit, outcome);
        }
    }

    fn end(&mut self, id: u64, visit: &Visit, outcome: Outcome) {
        let answered = matches!(outcome, Outcome::Answered);
        self.results.push(Answered {
            id,
            arrived: visit.arrived,
            latency: answered.then(|| visit.begin.elapsed().as_secs_f64()),
            ended: system_seconds(),
            refused: matches!(outcome, Outcome::Refused),
        });
    }
}

/// How a visit ended.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Answered,
    /// With an error instead of an answer.
    Refused,
    /// Out of patience.
    Left,
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
