//! Connecting to a worker that is between requests, and having it answer.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Shared;
use crate::exchange::{Connection, Probed, probe};
use crate::process::Process;
use crate::sys::is_exhausted;
use crate::{Readiness, WorkerId};

/// The wait before the next attempt after the system had no descriptor or no
/// memory for one; it grows by doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why a worker does not answer.
pub(super) enum Unwilling {
    /// It cannot be reached: it is about to end, and the way it does says
    /// more.
    Dying,
    /// It can be of no use, for this reason.
    Useless(String),
    /// It does not speak FastCGI: this came instead.
    Garbage(String),
}

/// Makes a connection to a worker that is between requests, and has it answer
/// on that. `None`: it takes connections, but does not keep this one.
///
/// What is lacking here is waited for until `limit` has passed.
pub(super) async fn greet(
    process: &dyn Process,
    limit: Duration,
) -> Result<Option<Box<Connection>>, Unwilling> {
    let brought = process.take_connection().map(adopt);
    let mut brought = brought.transpose().map_err(|error| useless(&error))?;
    match process.readiness() {
        Readiness::Started => return Ok(brought),
        Readiness::Connected => {
            return match brought {
                Some(connection) => Ok(Some(connection)),
                None => connect(process, limit).await.map(Some),
            };
        }
        Readiness::GetValues => {}
    }
    // Closing the connection is an answer, too: but a process that ends does
    // the same, and only the next attempt tells, for its listening socket
    // goes first.
    for _ in 0..2 {
        let connection = match brought.take() {
            Some(connection) => connection,
            None => connect(process, limit).await?,
        };
        match probe(connection).await.map_err(|_| Unwilling::Dying)? {
            Probed::Ready(connection) => return Ok(Some(connection)),
            Probed::Closed => {}
            Probed::Garbage(what) => return Err(Unwilling::Garbage(what)),
        }
    }
    Ok(None)
}

/// Has the runtime, which must be the pool's, watch a connection.
pub(super) fn adopt(stream: UnixStream) -> io::Result<Box<Connection>> {
    stream.set_nonblocking(true)?;
    Ok(Box::new(Connection::new(stream)?))
}

async fn connect(process: &dyn Process, limit: Duration) -> Result<Box<Connection>, Unwilling> {
    let give_up = Instant::now().checked_add(limit);
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match process.connect().await.and_then(adopt) {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::Unsupported {
            return Err(Unwilling::Useless(
                "it lost its connection, and takes no other".to_owned(),
            ));
        }
        if !is_exhausted(&error) {
            return Err(Unwilling::Dying);
        }
        if give_up.is_some_and(|at| Instant::now() >= at) {
            return Err(useless(&error));
        }
        if pause == FIRST_PAUSE {
            let pid = process.id();
            tracing::warn!(pid, %error, "cannot connect to a worker yet");
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn useless(error: &io::Error) -> Unwilling {
    Unwilling::Useless(format!("it cannot be connected to: {error}"))
}

/// Connects to a worker anew, and waits until it answers.
///
/// `over`: its request has ended for the worker, too. Otherwise only an answer
/// tells that it has, and one that does not answer questions cannot be used
/// again.
pub(super) async fn recover(shared: Arc<Shared>, worker: WorkerId, over: bool) {
    let known = {
        let inner = shared.lock();
        let slot = inner.slots.get(&worker);
        slot.and_then(|slot| {
            let fate = Arc::clone(&slot.fate);
            Some((slot.process.clone()?, slot.generation.start_limit, fate))
        })
    };
    let Some((process, limit, fate)) = known else {
        return;
    };
    let _unless_recovered = UnlessRecovered(Arc::clone(&shared), worker);
    if !over && process.readiness() != Readiness::GetValues {
        shared.with(|inner, now| inner.machine.unknowable(now, worker));
        return;
    }
    if over && fate.is_flooded() {
        fate.meter().caught_up();
        shared.calm(&process).await;
    }
    let recovered = greet(&*process, limit).await;
    shared.with(|inner, now| match recovered {
        Ok(connection) => {
            if let Some(slot) = inner.slots.get_mut(&worker) {
                slot.request = None;
                slot.connect(connection);
            }
            inner.machine.recovered(now, worker);
        }
        Err(_) => inner.machine.lost(now, worker),
    });
}

/// Gives up a worker whose recovery panicked, in a spawner's code.
struct UnlessRecovered(Arc<Shared>, WorkerId);

impl Drop for UnlessRecovered {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.with(|inner, now| inner.machine.lost(now, self.1));
        }
    }
}
