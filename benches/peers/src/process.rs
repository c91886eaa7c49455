//! A child process with a folder of its own, both gone on drop.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
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
    pub fn start(mut command: Command, folder: TempDir) -> Self {
        let log = File::create(folder.path().join("log")).expect("the peer's folder is writable");
        let log_too = log.try_clone().expect("a second handle of the log");
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { child, folder }
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

    /// Sends `signal` to the started process alone.
    ///
    /// # Panics
    ///
    /// When the process no longer exists.
    pub fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(self.group(), signal).expect("the peer is still running");
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
        // Its own group: workers that it started go with it.
        let _ = killpg(self.group(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
