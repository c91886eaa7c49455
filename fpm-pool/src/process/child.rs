//! A worker that is a child process.

use std::future::ready;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getsid};

use super::family::Family;
use super::{CloseFuture, ConnectFuture, ExitFuture, Process};
use crate::sys::{PidFd, PrivateListener};
use crate::{ExitReason, Readiness, StopSignal, WorkerCommand};

/// How long a process that nobody wants may take to die.
const PATIENCE: Duration = Duration::from_secs(2);

/// The wait before the runtime is asked once more to watch a process.
const WATCH_AGAIN: Duration = Duration::from_millis(100);

/// A program that runs.
#[derive(Debug)]
pub(super) struct ChildProcess {
    life: Arc<Life>,
    name: OwnedFd,
    output: Mutex<[Option<OwnedFd>; 2]>,
    command: WorkerCommand,
}

/// The process until it is waited for; its number may mean another one
/// afterwards, so that both happen under one lock.
#[derive(Debug)]
struct Life {
    pid: Pid,
    fd: Arc<PidFd>,
    over: Mutex<bool>,
    family: Arc<Family>,
}

impl ChildProcess {
    /// Takes over a new child, which has marked itself.
    pub(super) fn new(
        mut child: Child,
        name: OwnedFd,
        command: WorkerCommand,
        family: Arc<Family>,
    ) -> io::Result<Self> {
        let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        family.roll.keep(pid);
        let fd = match PidFd::open(pid) {
            Ok(fd) => fd,
            Err(error) => {
                // It could not be watched: it must not stay.
                let _ = child.kill();
                family.sweeper.sweep_now(pid);
                family.forget(pid);
                let _ = child.wait();
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
                family,
            }),
            name,
            output: Mutex::new(output),
            command,
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

    fn end_others(&self) -> CloseFuture {
        let over = self.life.lock();
        let swept = (!*over).then(|| self.life.family.sweeper.sweep(self.life.pid, true));
        Box::pin(async move {
            if let Some(swept) = swept {
                // An error says that the sweep is over, as its result does.
                let _ = swept.await;
            }
        })
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
        // Only when nobody took the worker, or the runtime was dropped under
        // the pool: the wait is for the system alone, and short.
        if !*self.life.lock() {
            self.life.end_now();
        }
    }
}

impl Life {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal(&self, signal: StopSignal) -> io::Result<()> {
        let over = self.lock();
        if *over {
            return Ok(());
        }
        // With what it started and waits for: a shell may not pass it on.
        let number = match signal {
            StopSignal::Stop => Signal::SIGQUIT,
            StopSignal::Terminate => Signal::SIGTERM,
            StopSignal::Kill => Signal::SIGKILL,
        };
        let result = match killpg(self.pid, number) {
            // Some of the group may run as another user.
            Err(Errno::EPERM) => kill(self.pid, number),
            result => result,
        };
        if signal == StopSignal::Kill {
            self.family.sweeper.sweep(self.pid, false);
        }
        match result {
            Err(Errno::ESRCH) => Ok(()),
            result => Ok(result?),
        }
    }

    async fn exit(&self) -> ExitReason {
        self.wait().await;
        // Until it is reaped its number is its own, and so is its mark.
        if self.is_ours() {
            // An error says that the sweep is over, as its result does.
            let _ = self.family.sweeper.sweep(self.pid, false).await;
        }
        self.family.forget(self.pid);
        loop {
            match self.reap() {
                Ok(Some(reason)) => return reason,
                // A debugger has to let go of it first.
                Ok(None) => tokio::time::sleep(WATCH_AGAIN).await,
                Err(error) => {
                    let pid = self.pid.as_raw();
                    tracing::error!(pid, %error, "cannot wait for a worker");
                    return ExitReason::Unknown;
                }
            }
        }
    }

    fn reap(&self) -> io::Result<Option<ExitReason>> {
        let mut over = self.lock();
        let reason = self.fd.reap();
        *over = !matches!(reason, Ok(None));
        reason
    }

    /// Whether the number still means this one. If the host has waited for all
    /// of its children itself, a process that has it now is another.
    fn is_ours(&self) -> bool {
        self.fd.is_over().is_ok() || getsid(Some(self.pid)).is_err()
    }

    /// Completes when the process has ended, before it is reaped.
    async fn wait(&self) {
        loop {
            let error = match PidFd::watch(Arc::clone(&self.fd)) {
                Ok(fd) => match fd.readable().await {
                    Ok(_) => return,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // It lives on, and must not be taken for one that ended.
            if self.fd.wait(Duration::ZERO) {
                return;
            }
            tracing::warn!(pid = self.pid.as_raw(), %error, "cannot watch a worker yet");
            tokio::time::sleep(WATCH_AGAIN).await;
        }
    }

    /// Kills it with all it started, and waits for that. Blocks.
    fn end_now(&self) {
        let pid = self.pid.as_raw();
        if let Err(error) =
            killpg(self.pid, Signal::SIGKILL).or_else(|_| kill(self.pid, Signal::SIGKILL))
        {
            tracing::error!(pid, %error, "cannot kill a worker");
        }
        if self.is_ours() {
            self.family.sweeper.sweep_now(self.pid);
        }
        self.family.forget(self.pid);
        if !self.fd.wait(PATIENCE) || !matches!(self.reap(), Ok(Some(_))) {
            tracing::error!(pid, "a worker that was killed does not end");
        }
    }
}
