//! The program `session`: PHP sessions of any store from a shell.

mod args;
mod codec;
mod commands;
mod endpoint;
mod failure;
mod json;

use std::io::Write;
use std::process::ExitCode;

pub use args::{Args, Command};
pub use codec::Codec;
pub use endpoint::EndpointArgs;
pub use failure::Failure;

/// Runs the program to its exit code; see [`Args`] for what each means.
pub fn run(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("session: cannot start: {error}");
            return ExitCode::from(3);
        }
    };
    match runtime.block_on(commands::execute(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("session: {failure}");
            failure.exit_code()
        }
    }
}

/// A reader who has seen enough and closed the pipe is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Usage(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
