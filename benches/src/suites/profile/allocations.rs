//! Counting allocations of `serve` with glibc's own counter (`libmemusage`).

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use peers::Peer;

use crate::contenders::{Setup, hello};
use crate::load::{Closed, closed_loop, wait_for_static};

const LIBRARY: &str = "libmemusage.so";

/// Calls that take memory; `free` gives it back.
const CALLS: [&str; 3] = ["malloc|", "realloc|", "calloc|"];

/// Allocations and reallocations per request: the difference of a short and a
/// long run, so that starting does not count.
///
/// # Errors
///
/// When `serve` does not start, or the library is missing.
pub(super) fn per_request(setup: &Setup<'_>, time: Duration) -> Result<f64, String> {
    let (few, short) = count(setup, time / 10)?;
    let (more, long) = count(setup, time)?;
    Ok((long - short) / (more - few).max(1.0))
}

/// Requests, and the allocations of the whole program that served them.
fn count(setup: &Setup<'_>, time: Duration) -> Result<(f64, f64), String> {
    let port = peers::free_port();
    let mut command = Command::new(setup.serve);
    command
        .arg(setup.root)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--workers", &setup.workers.to_string()])
        .env("LD_PRELOAD", LIBRARY);
    let mut server = Peer::start(command, Peer::folder());
    wait_for_static(port)?;
    let run = Closed {
        port,
        connections: 8,
        duration: time,
    };
    let run = closed_loop(run, &hello())?;
    server.signal(Signal::SIGTERM);
    server.wait();
    let requests = run.latencies_us.len() as f64;
    let log = server.log();
    let calls: Option<Vec<f64>> = CALLS.iter().map(|call| number_after(&log, call)).collect();
    let calls = calls.ok_or("no summary of libmemusage.so (package libc6)")?;
    Ok((requests, calls.iter().sum()))
}

/// The number behind ` <marker>`, where the marker is a word of its own.
fn number_after(text: &str, marker: &str) -> Option<f64> {
    let marked = text.match_indices(marker).find(|(at, _)| {
        // `malloc|` is not the end of another word; colours end in `m`.
        text[..*at]
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_alphanumeric() || c == 'm')
    });
    let rest = &text[marked?.0 + marker.len()..];
    // A colour's end may stand between them.
    rest.split_whitespace().find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_the_summary() {
        let log = "\u{1b}[00;34m malloc|\u{1b}[0m       3879        2504411              0\nrealloc|        270   1\n";
        assert_eq!(number_after(log, "malloc|"), Some(3879.0));
        assert_eq!(number_after(log, "realloc|"), Some(270.0));
        assert_eq!(number_after(log, "calloc|"), None);
    }
}
