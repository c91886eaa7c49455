//! A FastCGI application that answers every request with what it received.

use std::process::ExitCode;

use clap::Parser;
use examples::echo_app::{Args, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Args::parse()).await
}
