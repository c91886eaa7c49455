//! Why the server could not start or go on, for a person to read.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use super::io::TlsError;
use crate::address::Address;

/// A failure that ends the program.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A document root is missing or no folder.
    Root {
        path: PathBuf,
        cause: io::Error,
    },
    /// An address cannot be listened on.
    Listen {
        address: Address,
        cause: io::Error,
    },
    /// No php-cgi.
    NoPhp {
        looked_for: PathBuf,
    },
    /// Workers do not start.
    Workers(String),
    /// The configuration file cannot be used.
    Config(String),
    Tls(TlsError),
    AccessLog {
        path: String,
        cause: io::Error,
    },
    /// The store of the sessions cannot be opened.
    Sessions(session_store::Error),
    /// Anything else from the system.
    System {
        what: &'static str,
        cause: io::Error,
    },
    /// A second signal.
    StoppedAtOnce,
}

impl Failure {
    /// The exit code, as `--help` lists it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::System { .. } => 1,
            Self::Root { .. } => 3,
            Self::Listen { .. } => 4,
            Self::NoPhp { .. } => 5,
            Self::Workers(_) => 6,
            Self::Config(_) | Self::Tls(_) => 7,
            Self::AccessLog { .. } => 8,
            Self::Sessions(_) => 9,
            Self::StoppedAtOnce => 130,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { path, cause } => root(f, path, cause),
            Self::Listen { address, cause } => listen(f, address, cause),
            Self::NoPhp { looked_for } => write!(
                f,
                "{} is not installed\n  on Debian and Ubuntu: apt-get install php-cgi\n  \
                 elsewhere: name the program with --php PATH",
                looked_for.display()
            ),
            Self::Workers(cause) => write!(f, "the workers do not start: {cause}"),
            Self::Config(text) => f.write_str(text),
            Self::Tls(cause) => write!(f, "TLS cannot be set up: {cause}"),
            Self::AccessLog { path, cause } => {
                write!(f, "the access log {path} cannot be opened: {cause}")
            }
            Self::Sessions(error) => sessions(f, error),
            Self::System { what, cause } => write!(f, "{what}: {cause}"),
            Self::StoppedAtOnce => f.write_str("stopped at once; requests were cut off"),
        }
    }
}

fn root(f: &mut fmt::Formatter<'_>, path: &std::path::Path, cause: &io::Error) -> fmt::Result {
    let path = path.display();
    match cause.kind() {
        io::ErrorKind::NotFound => write!(f, "the document root {path} does not exist"),
        io::ErrorKind::NotADirectory => write!(f, "the document root {path} is not a folder"),
        _ => write!(f, "the document root {path} cannot be used: {cause}"),
    }
}

fn sessions(f: &mut fmt::Formatter<'_>, error: &session_store::Error) -> fmt::Result {
    write!(f, "the sessions cannot be kept there: {error}")?;
    match std::error::Error::source(error) {
        Some(source) => write!(f, ": {source}"),
        None => Ok(()),
    }
}

fn listen(f: &mut fmt::Formatter<'_>, address: &Address, cause: &io::Error) -> fmt::Result {
    match cause.kind() {
        io::ErrorKind::AddrInUse => write!(
            f,
            "{address} is taken: another server listens there\n  \
             stop it, or choose another address with --listen"
        ),
        io::ErrorKind::PermissionDenied => write!(
            f,
            "{address} may not be listened on: {cause}\n  \
             ports below 1024 need a privilege; choose another address with --listen"
        ),
        _ => write!(f, "{address} cannot be listened on: {cause}"),
    }
}
