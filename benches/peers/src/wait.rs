//! Waiting for the event itself: a port that accepts, a condition that holds.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a peer may take to come up, even on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A TCP port on 127.0.0.1 that was free a moment ago.
///
/// # Panics
///
/// When the machine has no free port.
#[must_use]
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port on 127.0.0.1")
        .port()
}

/// Returns once 127.0.0.1:`port` accepts a connection.
///
/// # Panics
///
/// When it does not within 30 seconds.
#[track_caller]
pub fn wait_for_port(port: u16) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    wait_until(&format!("{address} accepts connections"), || {
        TcpStream::connect(address).is_ok()
    });
}

/// Returns once the Unix socket `path` accepts a connection.
///
/// # Panics
///
/// When it does not within 30 seconds.
#[track_caller]
pub fn wait_for_socket(path: &Path) {
    wait_until(&format!("{} accepts connections", path.display()), || {
        UnixStream::connect(path).is_ok()
    });
}

/// Polls until `condition` holds; `what` names it in the panic.
///
/// # Panics
///
/// When it does not hold within 30 seconds.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + START_LIMIT;
    while !condition() {
        assert!(Instant::now() < give_up, "gave up waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
