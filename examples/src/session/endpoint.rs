//! `session endpoint`: PHP uses the store without an extension of ours.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use session_store::Store;
use session_store::endpoint::{Endpoint, Listener, Protocol, ini, prepend_file};
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;

/// What PHP talks to, and where.
#[derive(Debug, Args)]
pub struct EndpointArgs {
    /// resp for phpredis, memcached for php-memcached, prepend for PHP
    /// without either
    #[arg(value_name = "PROTOCOL", value_parser = protocols())]
    protocol: Protocol,
    /// Where to listen: host:port or unix:PATH
    #[arg(long, value_name = "ADDR")]
    listen: String,
    /// What PHP puts in front of every key, if not its default [resp,
    /// memcached]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Where to write the PHP file for auto_prepend_file [prepend; default:
    /// the socket's path with .php behind it]
    #[arg(long, value_name = "FILE")]
    php_file: Option<PathBuf>,
    /// Prints the PHP file for auto_prepend_file and ends [prepend]
    #[arg(long)]
    print: bool,
}

/// The protocols by name, so that a wrong one is answered with all of them.
fn protocols() -> impl TypedValueParser<Value = Protocol> {
    PossibleValuesParser::new(["resp", "memcached", "prepend"])
        .try_map(|name| name.parse::<Protocol>())
}

/// Prints the PHP file, if only that was asked for.
pub(super) fn print_only(args: &EndpointArgs) -> Option<Result<(), Failure>> {
    if !args.print {
        return None;
    }
    Some(match args.protocol {
        Protocol::Prepend => super::print(prepend_file(&args.listen).trim_end()),
        _ => Err(Failure::Usage("--print is for prepend only".into())),
    })
}

/// Serves until the program is told to stop.
pub(super) async fn serve(store: Store, args: EndpointArgs) -> Result<(), Failure> {
    let cannot = |what: &str, error| Failure::Listen(format!("cannot {what}: {error}"));
    let listener = Listener::bind(&args.listen)
        .await
        .map_err(|error| cannot(&format!("listen on {}", args.listen), error))?;
    let mut endpoint = Endpoint::new(args.protocol, store);
    if let Some(prefix) = args.prefix {
        endpoint = endpoint.with_prefix(prefix);
    }
    let target = match args.protocol {
        Protocol::Prepend => write_php(args.php_file, listener.address())?,
        _ => listener.address().to_owned(),
    };
    announce(&listener, args.protocol, &target)?;
    let stop = |kind| signal(kind).map_err(|error| cannot("wait for signals", error));
    let mut interrupted = stop(SignalKind::interrupt())?;
    let mut terminated = stop(SignalKind::terminate())?;
    tokio::select! {
        ended = endpoint.run(&listener) => ended.map_err(|error| cannot("accept", error)),
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

/// Writes the PHP file and returns its path, absolute as PHP needs it.
fn write_php(file: Option<PathBuf>, address: &str) -> Result<String, Failure> {
    let file = match (file, address.strip_prefix("unix:")) {
        (Some(file), _) => file,
        (None, Some(socket)) => PathBuf::from(format!("{socket}.php")),
        (None, None) => {
            let what = "say with --php-file FILE where the PHP file goes, or listen on unix:PATH";
            return Err(Failure::Usage(what.into()));
        }
    };
    let written = std::fs::write(&file, prepend_file(address))
        .and_then(|()| std::path::absolute(&file))
        .map_err(|error| Failure::Listen(format!("cannot write {}: {error}", file.display())))?;
    Ok(written.display().to_string())
}

/// The line that every program prints, and what belongs into php.ini.
fn announce(listener: &Listener, protocol: Protocol, target: &str) -> Result<(), Failure> {
    let mut text = format!("listening on {listener}\n");
    for (name, value) in ini(protocol, target) {
        text.push_str(&format!("{name} = \"{value}\"\n"));
    }
    super::print(text.trim_end())?;
    std::io::stdout()
        .flush()
        .map_err(|error| Failure::Usage(format!("cannot write to stdout: {error}")))
}
