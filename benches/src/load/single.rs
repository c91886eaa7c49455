//! Single exchanges: to ask a server something, to wait until it answers, to
//! leave connections at rest.

use std::time::{Duration, Instant};

use super::connection::{Connection, Progress, Waiter};
use super::error::LoadError;
use super::request::{Expect, Request};

/// How long a server may take to come up or to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// One request on a connection of its own; returns the body as text.
///
/// # Errors
///
/// Whatever keeps the answer from counting.
pub fn fetch(port: u16, request: &Request) -> Result<String, String> {
    let body = exchange(port, request).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn exchange(port: u16, request: &Request) -> Result<Vec<u8>, LoadError> {
    let mut waiter = Waiter::new()?;
    let mut connection = Connection::open(&waiter, port, 0)?.keeping_body();
    connection.begin(&waiter, request)?;
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        waiter.wait(end)?;
        if connection.advance(&mut waiter, request)? != Progress::Pending {
            return Ok(connection.into_body());
        }
    }
    Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
}

/// Waits until a static file is answered, so that no PHP worker is started.
///
/// # Errors
///
/// When it is not within 20 seconds.
pub fn wait_for_static(port: u16) -> Result<(), String> {
    let request = Request::get("/parts/ready.txt", Expect::Any);
    let give_up = Instant::now() + LIMIT;
    loop {
        match fetch(port, &request) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > give_up => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Connections that were used once and stay open until this is dropped.
#[derive(Debug)]
pub struct Resting {
    /// Those that got no answer in time; they stay open too.
    pub unanswered: usize,
    _connections: Vec<Connection>,
}

/// Sends `request` on `count` connections at once, as browsers arrive, waits
/// for the answers until `limit`, and leaves the connections open.
///
/// # Errors
///
/// When a connection cannot be made, or the load generator cannot run.
pub fn rest(
    port: u16,
    count: usize,
    request: &Request,
    limit: Duration,
) -> Result<Resting, String> {
    rest_on(port, count, request, limit).map_err(|error| error.to_string())
}

fn rest_on(
    port: u16,
    count: usize,
    request: &Request,
    limit: Duration,
) -> Result<Resting, LoadError> {
    let mut waiter = Waiter::new()?;
    let mut connections = Vec::with_capacity(count);
    for key in 0..count {
        let mut connection = Connection::open(&waiter, port, key as u64)?;
        connection.begin(&waiter, request)?;
        connections.push(connection);
    }
    let mut unanswered = count;
    let end = Instant::now() + limit;
    while unanswered > 0 && Instant::now() < end {
        for ready in 0..waiter.wait(end)? {
            let index = waiter.key(ready) as usize;
            if connections[index].advance(&mut waiter, request)? != Progress::Pending {
                unanswered -= 1;
            }
        }
    }
    Ok(Resting {
        unanswered,
        _connections: connections,
    })
}
