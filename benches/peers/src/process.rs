//! A child process with a folder of its own, both gone on drop.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A running program: its process group is killed and its folder removed on
/// drop.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    folder: TempDir,
}

impl Peer {
    /// A new private folder for a peer's configuration, sockets and data.
    ///
    /// # Panics
    ///
    /// When the machine's temporary folder is not writable.
    #[must_use]
    pub fn folder() -> TempDir {
        tempfile::Builder::new()
            .prefix("peer-")
            .tempdir()
            .expect("the temporary folder is writable")
    }

    /// Starts `command` in its own process group; its output goes to
    /// `folder/log`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[track_caller]
    #[must_use]
    pub fn start(command: Command, folder: TempDir) -> Self {
        let child = spawn(command, folder.path());
        Self { child, folder }
    }

    /// Kills it and all processes that it started, and returns once it is
    /// gone. Its folder stays.
    pub fn kill(&mut self) {
        // Some programs put what they start into groups of its own.
        let started = descendants(self.child.id());
        let _ = killpg(self.group(), Signal::SIGKILL);
        for process in started {
            let _ = kill(process, Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }

    /// Starts it again in its folder, after [`kill`](Self::kill) or its end.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[track_caller]
    pub fn start_again(&mut self, command: Command) {
        self.child = spawn(command, self.folder.path());
    }

    /// The peer's private folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The file its standard output and error go to.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.path().join("log")
    }

    /// What it has printed so far, for the message of a failed test.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// The process id of the started program.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` to the started process alone. After `SIGSTOP` it does
    /// nothing more once this returns.
    ///
    /// # Panics
    ///
    /// When the process no longer exists.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(self.group(), signal).expect("the peer is still running");
        if signal == Signal::SIGSTOP {
            let id = self.id();
            crate::wait_until("every thread stands still", || is_stopped(id));
        }
    }

    /// Sends `signal` to the process and to all that it started.
    ///
    /// # Panics
    ///
    /// When the process no longer exists.
    pub fn signal_all(&self, signal: Signal) {
        self.signal(signal);
        for process in descendants(self.child.id()) {
            // It may have ended just now.
            let _ = kill(process, signal);
        }
    }

    /// Waits until the program ends by itself and returns its status.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().expect("the peer can be waited for")
    }

    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id fits"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Children of a process, and theirs.
fn descendants(process: u32) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut parents = vec![process.to_string()];
    while let Some(parent) = parents.pop() {
        for task in fs::read_dir(format!("/proc/{parent}/task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace() {
                found.extend(child.parse().map(Pid::from_raw));
                parents.push(child.to_owned());
            }
        }
    }
    found
}

/// Whether every thread of a process is stopped: the signal reaches those
/// that run a moment later (proc(5), the state in `stat`).
fn is_stopped(process: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    tasks.into_iter().flatten().flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(')')
            .next()
            .is_none_or(|rest| rest.trim_start().starts_with(['T', 'Z']))
    })
}

#[track_caller]
fn spawn(mut command: Command, folder: &Path) -> Child {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("the peer's folder is writable");
    let log_too = log.try_clone().expect("a second handle of the log");
    command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_too)
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
}
