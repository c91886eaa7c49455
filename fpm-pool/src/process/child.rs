//! A worker that is a child process.

use std::future::ready;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::thread::SpawnThread;
use super::{ConnectFuture, ExitFuture, Process};
use crate::sys::{PidFd, PrivateListener};
use crate::{ExitReason, Readiness, StopSignal, WorkerCommand};

/// A program that runs.
#[derive(Debug)]
pub(super) struct ChildProcess {
    life: Arc<Life>,
    name: OwnedFd,
    output: Mutex<[Option<OwnedFd>; 2]>,
    command: WorkerCommand,
    /// It would die with the thread.
    _thread: Arc<SpawnThread>,
}

/// The process until it is waited for; its number may mean another one
/// afterwards, so that both happen under one lock.
#[derive(Debug)]
struct Life {
    pid: Pid,
    fd: Arc<PidFd>,
    over: Mutex<bool>,
}

impl ChildProcess {
    pub(super) fn new(
        mut child: Child,
        name: OwnedFd,
        command: WorkerCommand,
        thread: Arc<SpawnThread>,
    ) -> io::Result<Self> {
        let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        let fd = match PidFd::open(pid) {
            Ok(fd) => fd,
            Err(error) => {
                // It could not be watched: it must not stay.
                let _ = child.kill().and_then(|()| child.wait());
                return Err(error);
            }
        };
        let output = [
            child.stdout.take().map(Into::into),
            child.stderr.take().map(Into::into),
        ];
        Ok(Self {
            life: Arc::new(Life {
                pid,
                fd: Arc::new(fd),
                over: Mutex::new(false),
            }),
            name,
            output: Mutex::new(output),
            command,
            _thread: thread,
        })
    }
}

impl Process for ChildProcess {
    fn id(&self) -> u32 {
        self.life.pid.as_raw().unsigned_abs()
    }

    fn connect(&self) -> ConnectFuture {
        Box::pin(ready(PrivateListener::connect(&self.name)))
    }

    fn signal(&self, signal: StopSignal) -> io::Result<()> {
        self.life.signal(signal)
    }

    fn exit(&self) -> ExitFuture {
        let life = Arc::clone(&self.life);
        Box::pin(async move { life.exit().await })
    }

    fn output(&self) -> [Option<OwnedFd>; 2] {
        std::mem::take(&mut *self.output.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn readiness(&self) -> Readiness {
        self.command.readiness
    }

    fn is_fatal_at_start(&self, line: &[u8]) -> bool {
        self.command.is_fatal_at_start(line)
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let over = *self
            .life
            .over
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !over {
            // Only when the runtime was dropped under the pool: the wait is
            // for the system alone, and short.
            let _ = self.life.signal(StopSignal::Kill);
            let _ = nix::sys::wait::waitpid(self.life.pid, None);
        }
    }
}

impl Life {
    fn signal(&self, signal: StopSignal) -> io::Result<()> {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if *over {
            return Ok(());
        }
        let result = match signal {
            StopSignal::Stop => kill(self.pid, Signal::SIGQUIT),
            StopSignal::Terminate => kill(self.pid, Signal::SIGTERM),
            // With what it started and waits for.
            StopSignal::Kill => killpg(self.pid, Signal::SIGKILL),
        };
        match result {
            Err(Errno::ESRCH) => Ok(()),
            result => Ok(result?),
        }
    }

    fn reap(&self) -> io::Result<Option<ExitReason>> {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = self.fd.reap()?;
        *over = reason.is_some();
        Ok(reason)
    }

    async fn exit(&self) -> ExitReason {
        match self.wait().await {
            Ok(reason) => reason,
            Err(error) => {
                tracing::error!(pid = self.pid.as_raw(), %error, "cannot wait for a worker");
                ExitReason::Unknown
            }
        }
    }

    async fn wait(&self) -> io::Result<ExitReason> {
        let fd = PidFd::watch(Arc::clone(&self.fd))?;
        loop {
            let mut ready = fd.readable().await?;
            if let Some(reason) = self.reap()? {
                return Ok(reason);
            }
            ready.clear_ready();
        }
    }
}
