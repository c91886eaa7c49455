//! The program under test.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::client::{Answer, Connection, request};
use super::wait_until;

/// The program, to be given arguments.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serve"));
    command.stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// A running server; it and its workers are killed on drop.
#[derive(Debug)]
pub(crate) struct Serve {
    child: Child,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
    listening: String,
}

impl Serve {
    /// Starts the program with `args` on a free port, and waits until it
    /// listens.
    #[track_caller]
    pub(crate) fn start<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let mut command = command();
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        Self::run(command)
    }

    /// Starts `command`, which says by itself where to listen.
    #[track_caller]
    pub(crate) fn run(mut command: Command) -> Self {
        let folder = tempfile::Builder::new().prefix("serve-").tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        // A server that is killed cannot remove its sample site.
        if !command.get_envs().any(|(name, _)| name == "TMPDIR") {
            command.env("TMPDIR", folder.path());
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let mut this = Self {
            child,
            stdout,
            folder,
            listening: String::new(),
        };
        let address = line.trim_end().strip_prefix("listening on ");
        this.listening = address
            .unwrap_or_else(|| panic!("no `listening on`, but {line:?}; log:\n{}", this.log()))
            .to_owned();
        this
    }

    /// What the line `listening on` said.
    pub(crate) fn listening(&self) -> &str {
        &self.listening
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listening.parse().expect("a TCP address")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listening)
    }

    pub(crate) fn id(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// What it has written to stderr.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until the log holds `text`.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_until(&format!("the log holds {text:?}"), || {
            self.log().contains(text)
        });
    }

    /// The next line of stdout.
    pub(crate) fn stdout_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id()), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    /// Sends one request on a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, raw: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.connect();
        connection.send(raw);
        connection.answer()
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, &[], b""))
    }

    #[track_caller]
    pub(crate) fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(request("GET", path, fields, b""))
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(request("POST", path, fields, body))
    }

    /// The status as JSON, from `--status-path /status`.
    #[track_caller]
    pub(crate) fn status(&self) -> serde_json::Value {
        serde_json::from_slice(&self.get("/status?json").body).unwrap()
    }

    /// The process ids of all its children.
    pub(crate) fn children(&self) -> Vec<i32> {
        let path = format!("/proc/{0}/task/{0}/children", self.id());
        let list = std::fs::read_to_string(path).unwrap_or_default();
        let all_tasks = std::fs::read_dir(format!("/proc/{}/task", self.id()));
        let mut children: Vec<i32> = list
            .split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect();
        for task in all_tasks.into_iter().flatten().flatten() {
            let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            children.extend(list.split_whitespace().map(|id| id.parse::<i32>().unwrap()));
        }
        children.sort_unstable();
        children.dedup();
        children
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of serve:\n{}", self.log());
        }
        let _ = killpg(Pid::from_raw(self.id()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
