//! `echo-app`: a FastCGI application that answers with what it received.

mod args;
mod document;
mod handler;

pub use args::Args;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use fastcgi_proto::driver::Server;
use fastcgi_proto::server::{Config, RoleSet};
use tokio::signal::unix::{SignalKind, signal};

use crate::listener::Listener;
use handler::Echo;

/// How long active requests may go on once the program is asked to end.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the program until SIGTERM or SIGINT.
pub async fn run(args: Args) -> ExitCode {
    match serve(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-app: cannot listen on {}: {error}", args.listen);
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &Args) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = Listener::bind(&args.listen).await?;
    // Under a process manager descriptor 1 may lead nowhere.
    let _ = writeln!(io::stdout(), "listening on {listener}");
    let (listener, _file) = listener.into_parts();

    let mut config = Config::default();
    config.roles = RoleSet::ALL;
    let echo = Echo::new(args);
    let server = Server::new(move |request| echo.clone().answer(request))
        .config(config)
        .stop_timeout(GRACE);
    server
        .serve(listener, async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await;
    Ok(())
}
