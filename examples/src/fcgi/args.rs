//! The command line of `fcgi`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Parser, Subcommand};

use crate::address::Address;
use crate::duration;

/// Sends one request to a FastCGI server and prints the answer.
///
/// The body of the answer goes to standard output, the application's messages
/// (STDERR) to standard error. Exit status: 0 for a 2xx or 3xx answer, 1 for
/// any other, 2 when no whole answer came or the command line is wrong.
#[derive(Clone, Debug, Parser)]
#[command(name = "fcgi", version, about, long_about)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Send one request and print the answer.
    Get(Get),
}

/// The options of `fcgi get`.
#[derive(Clone, Debug, clap::Args)]
pub struct Get {
    /// The FastCGI server: `host:port` or `unix:PATH`.
    #[arg(long, value_name = "ADDR")]
    pub connect: Address,

    /// The script to run: `SCRIPT_FILENAME`, made absolute. It need not exist
    /// on this machine.
    #[arg(long, value_name = "FILE")]
    pub script: PathBuf,

    /// Sets a param; replaces the one that would be sent. Repeatable, the
    /// last of a name counts.
    #[arg(long = "param", value_name = "NAME=VALUE",
          value_parser = OsStringValueParser::new().try_map(param))]
    pub params: Vec<Param>,

    /// The request method. Default: GET, or POST with a body.
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,

    /// The body: a file, or `-` for standard input.
    #[arg(long, value_name = "FILE|-")]
    pub body: Option<PathBuf>,

    /// Print the header block of the answer before its body.
    #[arg(long)]
    pub include: bool,

    /// Give up when the whole answer takes longer: `250ms`, `1.5s`, `2m`.
    /// Default: wait without limit.
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

impl Get {
    /// `REQUEST_METHOD`.
    pub(super) fn method(&self) -> &str {
        let default = if self.body.is_some() { "POST" } else { "GET" };
        self.method.as_deref().unwrap_or(default)
    }
}

/// A param from the command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Param {
    /// Its name, never empty.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

fn param(text: OsString) -> Result<Param, &'static str> {
    let bytes = text.into_vec();
    let equals = bytes.iter().position(|&byte| byte == b'=');
    match equals {
        None | Some(0) => Err("expected NAME=VALUE"),
        Some(at) => Ok(Param {
            name: bytes[..at].to_vec(),
            value: bytes[at + 1..].to_vec(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn param_is_split_at_its_first_equals_sign() {
        let parsed = param("A=b=c".into()).unwrap();
        assert_eq!(
            (&parsed.name[..], &parsed.value[..]),
            (&b"A"[..], &b"b=c"[..])
        );
        assert!(param("=b".into()).is_err());
        assert!(param("A".into()).is_err());
        assert_eq!(param("A=".into()).unwrap().value, b"");
    }

    #[test]
    fn method_follows_the_body() {
        let parse = |more: &[&str]| {
            let base = ["fcgi", "get", "--connect", "h:1", "--script", "a.php"];
            let Command::Get(get) = Args::parse_from(base.iter().chain(more)).command;
            get.method().to_owned()
        };
        assert_eq!(parse(&[]), "GET");
        assert_eq!(parse(&["--body", "-"]), "POST");
        assert_eq!(parse(&["--body", "-", "--method", "PUT"]), "PUT");
    }
}
