//! Counting system calls of running processes.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use peers::Peer;
use tempfile::TempDir;

use super::Calls;

/// How long strace may take to attach.
const ATTACH_LIMIT: Duration = Duration::from_secs(5);

/// An strace that is attached.
#[derive(Debug)]
pub(super) struct Tracing {
    strace: Child,
    folder: TempDir,
}

impl Tracing {
    /// Attaches to the processes `ids` and their threads.
    ///
    /// # Errors
    ///
    /// When strace is missing or may not attach.
    pub(super) fn start(ids: &[u32]) -> Result<Self, String> {
        let strace = peers::try_tool("strace")
            .ok_or("strace is not installed: apt-get install --no-install-recommends strace")?;
        let folder = Peer::folder();
        let mut command = Command::new(strace);
        command
            .args(["-f", "-c", "-o"])
            .arg(folder.path().join("calls"));
        for id in ids {
            command.args(["-p", &id.to_string()]);
        }
        let strace = command
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("strace: {error}"))?;
        let this = Self { strace, folder };
        this.wait_for(ids)?;
        Ok(this)
    }

    /// Until every process has strace as its tracer.
    fn wait_for(&self, ids: &[u32]) -> Result<(), String> {
        let tracer = format!("TracerPid:\t{}", self.strace.id());
        let is_traced = |id: &u32| {
            let status = fs::read_to_string(format!("/proc/{id}/status"));
            status.is_ok_and(|status| status.lines().any(|line| line == tracer))
        };
        let give_up = Instant::now() + ATTACH_LIMIT;
        while !ids.iter().all(is_traced) {
            if Instant::now() > give_up {
                return Err("strace cannot attach: is ptrace allowed?".to_owned());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Detaches; returns how often each call was made.
    ///
    /// # Errors
    ///
    /// When strace has left nothing to read.
    pub(super) fn finish(mut self) -> Result<Calls, String> {
        self.interrupt();
        self.strace
            .wait()
            .map_err(|error| format!("strace: {error}"))?;
        let text = fs::read_to_string(self.folder.path().join("calls"));
        let text = text.map_err(|error| format!("strace: {error}"))?;
        Ok(text.lines().filter_map(row).collect())
    }

    fn interrupt(&self) {
        if let Ok(id) = i32::try_from(self.strace.id()) {
            // One that has left already needs no signal.
            let _ = kill(Pid::from_raw(id), Signal::SIGINT);
        }
    }
}

/// A row of `strace -c`: share, seconds, time of each, calls, errors if any,
/// name.
fn row(line: &str) -> Option<(String, f64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let calls = fields.get(3)?.parse().ok()?;
    let name = fields.last().filter(|_| fields.len() >= 5)?;
    (*name != "total").then(|| ((*name).to_owned(), calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_and_without_errors_are_read() {
        let with = " 31.45    0.412345           9     41234      1234 recvfrom";
        assert_eq!(row(with), Some(("recvfrom".to_owned(), 41234.0)));
        let without = " 31.45    0.412345           9     41234           writev";
        assert_eq!(row(without), Some(("writev".to_owned(), 41234.0)));
        let total = "100.00    0.412345           9     41234      1234 total";
        assert_eq!(row(total), None);
        assert_eq!(
            row("% time     seconds  usecs/call     calls    errors syscall"),
            None
        );
        assert_eq!(
            row("------ ----------- ----------- --------- --------- ------"),
            None
        );
    }
}
