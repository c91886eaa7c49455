//! The program `fpmconf`.
//!
//! Exit codes: 0 clean, 1 findings of severity error (or denied ones), 2
//! could not run.

mod check;
mod explain;
mod installed;
mod machine;
mod plan;
mod set;
mod show;
mod time;
mod units;
mod write;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks, shows, explains, edits and plans php-fpm configurations.
///
/// Exit codes: 0 clean, 1 findings of severity error (or denied ones), 2
/// could not run.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Finds what php-fpm refuses, and what it should refuse.
    Check(check::Args),
    /// Prints every value that is in effect, and where it comes from.
    Show(show::Args),
    /// Explains a directive or the code of a finding.
    Explain(explain::Args),
    /// Sets a directive in its file; everything else stays as it is.
    Set(set::Args),
    /// Proposes pm settings from measured memory and traffic.
    Plan(plan::Args),
}

/// Why the program could not do its work.
#[derive(Debug)]
struct Failure(String);

impl<T: std::fmt::Display> From<T> for Failure {
    fn from(why: T) -> Self {
        Self(why.to_string())
    }
}

/// Whether there were findings that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Clean,
    Findings,
}

/// Runs the program; messages about itself go to standard error.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let outcome = match &args.command {
        Command::Check(args) => check::run(args),
        Command::Show(args) => show::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Set(args) => set::run(args),
        Command::Plan(args) => plan::run(args),
    };
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(Failure(why)) => {
            eprintln!("fpmconf: {why}");
            ExitCode::from(2)
        }
    }
}

/// Writes to standard output; a closed pipe is the reader's choice.
fn print(bytes: &[u8]) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
