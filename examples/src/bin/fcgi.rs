//! Sends one request to a FastCGI server and prints the answer.

use std::process::ExitCode;

use clap::Parser;
use examples::fcgi::{Args, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(Args::parse()).await
}
