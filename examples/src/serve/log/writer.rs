//! The thread that writes the access log.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use super::entry::Entry;
use super::format::Format;

/// Requests that may wait for a slow disk; more are counted and left out,
/// because a log must not hold up the requests.
const WAITING: usize = 16 * 1024;
/// Lines are written together up to this many bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// Where the access log goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// `-`
    Stdout,
    File(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "-" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

/// A handle on the log; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Entry(Box<Entry>),
    Reopen,
    Stop,
}

/// Ends the thread; what was logged before is written then.
#[derive(Debug)]
pub(crate) struct Closer {
    log: AccessLog,
    thread: JoinHandle<()>,
}

impl AccessLog {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or there is no thread to be had.
    pub(crate) fn open(target: &Target, format: Format) -> io::Result<(Self, Closer)> {
        let sink = Sink::open(target)?;
        let (sender, receiver) = sync_channel(WAITING);
        let lost = Arc::default();
        let writer = Writer {
            sink,
            target: target.clone(),
            format,
            lost: Arc::clone(&lost),
            pending: Vec::with_capacity(BATCH_BYTES),
        };
        let thread = thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writer.run(&receiver))?;
        let log = Self { sender, lost };
        let closer = Closer {
            log: log.clone(),
            thread,
        };
        Ok((log, closer))
    }

    /// Logs a request. Never waits.
    pub(crate) fn write(&self, entry: Box<Entry>) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Entry(entry)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the file anew, after a log rotation has moved it.
    pub(crate) fn reopen(&self) {
        // A full channel is on its way to the old file; so is this.
        let sender = self.sender.clone();
        thread::spawn(move || sender.send(Message::Reopen));
    }
}

impl Closer {
    /// Writes what is left. Blocks until it is done.
    pub(crate) fn close(self) {
        if self.log.sender.send(Message::Stop).is_ok() {
            // A panic in the thread was reported when it happened.
            let _ = self.thread.join();
        }
    }
}

#[derive(Debug)]
enum Sink {
    Stdout(io::Stdout),
    File(File),
}

impl Sink {
    fn open(target: &Target) -> io::Result<Self> {
        match target {
            Target::Stdout => Ok(Self::Stdout(io::stdout())),
            Target::File(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map(Self::File),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => {
                let mut stdout = stdout.lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Self::File(file) => file.write_all(bytes),
        }
    }
}

struct Writer {
    sink: Sink,
    target: Target,
    format: Format,
    lost: Arc<AtomicU64>,
    pending: Vec<u8>,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Entry(entry) => self.format.write(&entry, &mut self.pending),
                    Message::Reopen => self.reopen(),
                    Message::Stop => return self.flush(),
                }
                next = match self.pending.len() < BATCH_BYTES {
                    true => receiver.try_recv().ok(),
                    false => None,
                };
            }
            self.flush();
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.sink.write(&self.pending) {
            tracing::error!(%error, "the access log cannot be written");
        }
        self.pending.clear();
        match self.lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => tracing::warn!(lost, "the access log was too slow for some requests"),
        }
    }

    fn reopen(&mut self) {
        self.flush();
        match Sink::open(&self.target) {
            Ok(sink) => self.sink = sink,
            Err(error) => tracing::error!(%error, "the access log cannot be opened anew"),
        }
    }
}
