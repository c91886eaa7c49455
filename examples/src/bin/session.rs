//! Reads and changes PHP sessions in any store.

use std::process::ExitCode;

use clap::Parser;
use examples::session::{Args, run};

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("SESSION_LOG"))
        .with_writer(std::io::stderr)
        .init();
    run(Args::parse())
}
