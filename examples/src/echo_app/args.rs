//! The command line of `echo-app`.

use clap::Parser;

use crate::address::ListenAddress;

/// A FastCGI application that answers every request with what it received.
///
/// The answer is one JSON document: the role, the params in the order
/// received, and length and SHA-256 of the input.
#[derive(Clone, Debug, Parser)]
#[command(name = "echo-app", version, about, long_about)]
pub struct Args {
    /// Where to listen: `host:port`, `unix:PATH`, or `fd0` for the socket
    /// inherited as descriptor 0.
    #[arg(long, value_name = "ADDR|unix:PATH|fd0")]
    pub listen: ListenAddress,

    /// Wait this many milliseconds before each answer.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub delay_ms: u64,

    /// Add this many bytes of padding (spaces) after the document.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub body_bytes: u64,
}
