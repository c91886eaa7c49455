//! `fcgi`: one request to any FastCGI server.

mod answer;
mod args;
mod body;
mod environment;
mod exchange;
mod failure;

pub use args::{Args, Command, Get, Param};
pub use failure::Failure;

use std::process::ExitCode;

/// Runs the program: 0 for an answer with a 2xx or 3xx status, 1 for any
/// other whole answer, 2 when no whole answer came.
pub async fn run(args: Args) -> ExitCode {
    let Command::Get(get) = args.command;
    match get_within(&get).await {
        Ok(200..400) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("fcgi: {}", failure.line());
            ExitCode::from(2)
        }
    }
}

/// The status of the answer, once it is whole.
async fn get_within(get: &Get) -> Result<u16, Failure> {
    let Some(limit) = get.timeout else {
        return exchange::get(get).await;
    };
    let exchange = tokio::time::timeout(limit, exchange::get(get));
    exchange
        .await
        .unwrap_or_else(|_| Err(Failure::Timeout(limit)))
}
