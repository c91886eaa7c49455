//! One client connection, and how many of them are waited for at once.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use socket2::{Domain, Socket, Type};

use super::answer::Answer;
use super::error::LoadError;
use super::request::Request;

/// The reads of a download are this large.
const READ_BYTES: usize = 256 * 1024;

/// Connections that are looked at after one wait.
const EVENTS: usize = 64;

/// Waits for any of many connections; all of a load generator's I/O goes
/// through one of these, in one thread.
#[derive(Debug)]
pub(super) struct Waiter {
    epoll: Epoll,
    ready: Vec<EpollEvent>,
    buffer: Vec<u8>,
}

impl Waiter {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            ready: vec![EpollEvent::empty(); EVENTS],
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Waits until a connection can go on, or until `end`; returns how many
    /// can. [`key`](Self::key) tells which.
    pub(super) fn wait(&mut self, end: Instant) -> io::Result<usize> {
        let left = end.saturating_duration_since(Instant::now());
        // Rounded up: waking too early would only mean waiting again.
        let left = left + Duration::from_nanos(999_999);
        let timeout = EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX);
        match self.epoll.wait(&mut self.ready, timeout) {
            Ok(count) => Ok(count),
            Err(Errno::EINTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// The key of a connection that can go on.
    pub(super) fn key(&self, index: usize) -> u64 {
        self.ready[index].data()
    }
}

/// A keep-alive connection to a server on 127.0.0.1.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    key: u64,
    /// Bytes of the request that are sent.
    sent: usize,
    /// The socket is full (or not connected yet): it is also waited for room.
    blocked: bool,
    answer: Answer,
}

/// What an exchange came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The answer is not complete.
    Pending,
    /// It is, and it is right.
    Answered {
        /// The connection can carry another request.
        reusable: bool,
    },
}

impl Connection {
    /// Begins to connect to 127.0.0.1:`port`; events carry `key`.
    pub(super) fn open(waiter: &Waiter, port: u16, key: u64) -> Result<Self, LoadError> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), None)?;
        socket.set_tcp_nodelay(true)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => {
                return Err(error.into());
            }
            _ => {}
        }
        let stream = TcpStream::from(socket);
        let event = EpollEvent::new(EpollFlags::EPOLLIN, key);
        waiter.epoll.add(&stream, event)?;
        Ok(Self {
            stream,
            key,
            sent: 0,
            blocked: false,
            answer: Answer::new(),
        })
    }

    /// The body of the next answer is kept.
    pub(super) fn keeping_body(mut self) -> Self {
        self.answer = Answer::keeping();
        self
    }

    /// The kept body.
    pub(super) fn into_body(self) -> Vec<u8> {
        self.answer.into_body()
    }

    /// Sends `request`, as far as it goes at once.
    pub(super) fn begin(&mut self, waiter: &Waiter, request: &Request) -> Result<(), LoadError> {
        self.sent = 0;
        self.answer.reset();
        self.send(waiter, request)
    }

    /// Sends and reads what can be after the connection was found ready.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from counting; the connection is to be
    /// dropped then.
    pub(super) fn advance(
        &mut self,
        waiter: &mut Waiter,
        request: &Request,
    ) -> Result<Progress, LoadError> {
        if self.blocked {
            self.send(waiter, request)?;
        }
        let expect = request.expect();
        // One read: what is left over makes the connection ready again.
        let complete = match (&self.stream).read(&mut waiter.buffer) {
            Ok(0) => self.answer.handle_eof(expect).map(|()| true)?,
            Ok(len) => self.answer.push(&waiter.buffer[..len], expect)?,
            Err(error) if is_pending(&error) => false,
            Err(error) => return Err(error.into()),
        };
        if !complete {
            return Ok(Progress::Pending);
        }
        let reusable = self.answer.keeps_alive() && self.sent == request.wire().len();
        Ok(Progress::Answered { reusable })
    }

    fn send(&mut self, waiter: &Waiter, request: &Request) -> Result<(), LoadError> {
        let mut blocked = false;
        while let Some(rest @ [_, ..]) = request.wire().get(self.sent..) {
            match (&self.stream).write(rest) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_pending(&error) => {
                    blocked = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if blocked != self.blocked {
            self.blocked = blocked;
            let mut flags = EpollFlags::EPOLLIN;
            flags.set(EpollFlags::EPOLLOUT, blocked);
            let mut event = EpollEvent::new(flags, self.key);
            waiter.epoll.modify(&self.stream, &mut event)?;
        }
        Ok(())
    }
}

fn is_pending(error: &io::Error) -> bool {
    // A socket that is not connected yet says ENOTCONN to a read.
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected
    )
}
