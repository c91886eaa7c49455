//! Where a FastCGI application listens.

use std::borrow::ToOwned;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::string::String;

use thiserror::Error;

/// An address in the form `host:port` or `unix:PATH`.
///
/// ```
/// use fastcgi_proto::driver::Address;
///
/// let socket: Address = "unix:/run/php/fpm.sock".parse()?;
/// assert_eq!(socket, Address::Unix("/run/php/fpm.sock".into()));
/// let address: Address = "[::1]:9000".parse()?;
/// assert_eq!(address.to_string(), "[::1]:9000");
/// assert!("9000".parse::<Address>().is_err());
/// # Ok::<(), fastcgi_proto::driver::InvalidAddress>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// Host (a name or an IP address) and port.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The text is neither `host:port` nor `unix:PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an address is `host:port` or `unix:PATH`")]
pub struct InvalidAddress;

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(InvalidAddress),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(InvalidAddress)?;
        let is_host = !host.is_empty() && (!host.contains(':') || host.starts_with('['));
        if !is_host || port.parse::<u16>().is_err() {
            return Err(InvalidAddress);
        }
        Ok(Self::Tcp(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "unix:",
            "host",
            ":9000",
            "host:",
            "host:99999",
            "::1:9000",
        ] {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress), "{text}");
        }
    }
}
