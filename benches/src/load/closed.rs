//! Closed loop: each of N connections sends its next request when the last
//! one is answered.

use std::io;
use std::time::{Duration, Instant};

use super::connection::{Connection, Progress, Waiter};
use super::error::LoadError;
use super::request::Request;

/// An answer that takes longer than this does not come.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A connection that gets less than this share of what the middle one gets
/// is starved.
const STARVED_SHARE: f64 = 0.05;

/// With fewer answers than this for the middle connection, chance decides
/// who gets how many.
const ENOUGH_ANSWERS: usize = 40;

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
    /// Connections that were made; more than there are side by side when the
    /// server closes them.
    pub opened: usize,
    /// Exchanges that did not count.
    pub errors: usize,
    /// The first error, for the message.
    pub first_error: Option<String>,
    /// Connections that got no answer at all, or next to none beside the
    /// others.
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

    /// Adds what another run of the same kind saw.
    pub fn merge(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.latencies_us.extend(other.latencies_us);
        self.latencies_us.sort_unstable();
        self.opened += other.opened;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.starved += other.starved;
    }

    fn fail(&mut self, error: &LoadError) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }
}

/// Runs `request` over `run.connections` connections for `run.duration`.
///
/// # Errors
///
/// When the load generator itself cannot run.
pub fn closed_loop(run: Closed, request: &Request) -> Result<ClosedRun, String> {
    let fault = |error: io::Error| format!("no load generator: {error}");
    let mut load = Load::new(run, request).map_err(fault)?;
    load.run().map_err(fault)?;
    Ok(load.finish())
}

/// One connection, which is made anew after an error.
#[derive(Debug)]
struct Client {
    connection: Option<Connection>,
    sent_at: Instant,
    answers: usize,
}

#[derive(Debug)]
struct Load<'a> {
    run: Closed,
    request: &'a Request,
    waiter: Waiter,
    clients: Vec<Client>,
    /// Clients that send at the next turn.
    resting: Vec<usize>,
    /// Clients that wait for an answer.
    under_way: usize,
    begin: Instant,
    seen: ClosedRun,
}

impl<'a> Load<'a> {
    fn new(run: Closed, request: &'a Request) -> io::Result<Self> {
        let begin = Instant::now();
        let client = |_| Client {
            connection: None,
            sent_at: begin,
            answers: 0,
        };
        Ok(Self {
            run,
            request,
            waiter: Waiter::new()?,
            clients: (0..run.connections).map(client).collect(),
            resting: (0..run.connections).collect(),
            under_way: 0,
            begin,
            seen: ClosedRun::default(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let end = self.begin + self.run.duration;
        let limit = end + ANSWER_LIMIT;
        loop {
            let now = Instant::now();
            if now >= limit {
                return Ok(());
            }
            // Every client sends once, however short the run is.
            for index in std::mem::take(&mut self.resting) {
                if now < end || self.clients[index].answers + self.seen.errors == 0 {
                    self.start(index, now);
                }
            }
            if self.under_way == 0 && self.resting.is_empty() {
                return Ok(());
            }
            // A server that refuses is not asked all the time.
            let pause = now + Duration::from_millis(1);
            let until = if self.resting.is_empty() {
                limit
            } else {
                pause
            };
            for ready in 0..self.waiter.wait(until)? {
                let index = self.waiter.key(ready) as usize;
                self.advance(index, end);
            }
        }
    }

    /// Sends a client's next request.
    fn start(&mut self, index: usize, now: Instant) {
        let client = &mut self.clients[index];
        client.sent_at = now;
        let connection = match client.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                self.seen.opened += 1;
                Connection::open(&self.waiter, self.run.port, index as u64)
            }
        };
        let begun = connection.and_then(|mut connection| {
            connection.begin(&self.waiter, self.request)?;
            Ok(connection)
        });
        match begun {
            Ok(connection) => {
                client.connection = Some(connection);
                self.under_way += 1;
            }
            Err(error) => {
                self.seen.fail(&error);
                self.resting.push(index);
            }
        }
    }

    /// Goes on with a client whose connection is ready.
    fn advance(&mut self, index: usize, end: Instant) {
        let client = &mut self.clients[index];
        let Some(connection) = &mut client.connection else {
            return;
        };
        match connection.advance(&mut self.waiter, self.request) {
            Ok(Progress::Pending) => {}
            Ok(Progress::Answered { reusable }) => {
                let now = Instant::now();
                let micros = (now - client.sent_at).as_micros();
                let micros = u32::try_from(micros).unwrap_or(u32::MAX);
                self.seen.latencies_us.push(micros);
                client.answers += 1;
                if !reusable {
                    client.connection = None;
                }
                self.under_way -= 1;
                if now < end {
                    self.start(index, now);
                }
            }
            Err(error) => {
                client.connection = None;
                self.seen.fail(&error);
                self.under_way -= 1;
                self.resting.push(index);
            }
        }
    }

    fn finish(self) -> ClosedRun {
        let mut seen = self.seen;
        if self.under_way > 0 {
            seen.errors += self.under_way;
            let text = format!("no answer within {} s", ANSWER_LIMIT.as_secs());
            seen.first_error.get_or_insert(text);
        }
        let answers: Vec<usize> = self.clients.iter().map(|client| client.answers).collect();
        seen.starved = starved(answers);
        seen.seconds = self.begin.elapsed().as_secs_f64();
        seen.latencies_us.sort_unstable();
        seen
    }
}

/// How many connections got nothing, or next to nothing beside the others.
fn starved(mut answers: Vec<usize>) -> usize {
    answers.sort_unstable();
    let middle = answers.get(answers.len() / 2).copied().unwrap_or(0);
    let least = match middle {
        0..ENOUGH_ANSWERS => 1.0,
        _ => middle as f64 * STARVED_SHARE,
    };
    answers.partition_point(|&count| (count as f64) < least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_answers_is_starved() {
        assert_eq!(starved(vec![3, 0, 4]), 1);
        assert_eq!(starved(vec![1, 1, 2]), 0);
    }

    #[test]
    fn next_to_no_answers_beside_many_is_starved_too() {
        assert_eq!(starved(vec![1000, 2, 900]), 1);
        assert_eq!(starved(vec![1000, 500, 900]), 0);
    }

    #[test]
    fn a_port_without_a_server_gives_errors_and_an_end() {
        let run = Closed {
            port: peers::free_port(),
            connections: 2,
            duration: Duration::from_millis(5),
        };
        let seen = closed_loop(run, &crate::contenders::hello()).unwrap();
        assert!(seen.errors > 0 && seen.latencies_us.is_empty());
        assert_eq!(seen.starved, 2);
    }
}
