//! A relay between a web server and an application, to see how connections
//! are used.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Bytes of each connection that are remembered.
const REMEMBERED: usize = 256 * 1024;

/// Passes TCP connections on to a port of 127.0.0.1 and remembers how many
/// there were and how each began. It ends with the test's process.
#[derive(Debug)]
pub struct Relay {
    /// Where it accepts, on 127.0.0.1.
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What a relay remembers of one connection.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Seen {
    /// The first 256 KiB that the side which connected has sent.
    pub sent: Vec<u8>,
    /// Whether that side has closed, or ended its output.
    pub closed: bool,
}

impl Relay {
    /// Starts a relay to `target`.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    #[must_use]
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let at = with(&all, |seen| {
                    seen.push(Seen::default());
                    seen.len() - 1
                });
                // A refused connection closes the client's.
                let _ = relay(client, target, &all, at);
            }
        });
        Self { port, seen }
    }

    /// The connections so far, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        with(&self.seen, |seen| seen.clone())
    }
}

fn with<T>(seen: &Mutex<Vec<Seen>>, f: impl FnOnce(&mut Vec<Seen>) -> T) -> T {
    f(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Starts the two directions of a connection.
fn relay(
    mut client: TcpStream,
    target: u16,
    all: &Arc<Mutex<Vec<Seen>>>,
    at: usize,
) -> io::Result<()> {
    let mut application = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    for stream in [&client, &application] {
        stream.set_nodelay(true)?;
    }
    let (mut back_from, mut back_to) = (application.try_clone()?, client.try_clone()?);
    let all = Arc::clone(all);
    thread::spawn(move || {
        copy(&mut client, &mut application, |bytes| {
            with(&all, |seen| {
                let sent = &mut seen[at].sent;
                let room = REMEMBERED.saturating_sub(sent.len());
                sent.extend_from_slice(&bytes[..bytes.len().min(room)]);
            });
        });
        with(&all, |seen| seen[at].closed = true);
    });
    thread::spawn(move || copy(&mut back_from, &mut back_to, |_| {}));
    Ok(())
}

/// Copies until the end of either side, and passes the end on.
fn copy(from: &mut TcpStream, to: &mut TcpStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => {
                // Already gone is as good as ended.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => {
                see(&buffer[..count]);
                if to.write_all(&buffer[..count]).is_err() {
                    let _ = from.shutdown(Shutdown::Both);
                    return;
                }
            }
            Err(_) => {
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}
