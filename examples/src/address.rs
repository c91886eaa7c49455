//! Addresses on a command line: `host:port`, `unix:PATH`, `fd0`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use fastcgi_proto::driver;

/// Where to connect to: `host:port` or `unix:PATH`.
///
/// # Examples
///
/// ```
/// use examples::address::Address;
///
/// let tcp: Address = "127.0.0.1:9000".parse()?;
/// assert_eq!(tcp, Address::Tcp("127.0.0.1:9000".into()));
/// assert!("9000".parse::<Address>().is_err());
/// # Ok::<(), examples::address::BadAddress>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// `host:port`; the host is a name, an IPv4 address, or an IPv6 address
    /// in brackets.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Where to listen: an [`Address`], or the socket inherited as descriptor 0.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ListenAddress {
    /// A socket of our own.
    Bind(Address),
    /// `fd0`: the listening socket is descriptor 0
    /// (`FCGI_LISTENSOCK_FILENO`), as a process manager leaves it.
    Fd0,
}

/// What is wrong with an address on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadAddress {
    /// No `host:port` and no `unix:PATH`.
    Form,
    /// The part behind the last colon is not a port.
    Port,
    /// `unix:` without a path.
    NoPath,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "expected host:port or unix:PATH",
            Self::Port => "the port is not a number from 0 to 65535",
            Self::NoPath => "unix: needs the path of a socket",
        })
    }
}

impl std::error::Error for BadAddress {}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(BadAddress::NoPath),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(BadAddress::Form)?;
        let bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || bare_ipv6 {
            return Err(BadAddress::Form);
        }
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || port.parse::<u16>().is_err() {
            return Err(BadAddress::Port);
        }
        Ok(Self::Tcp(text.to_owned()))
    }
}

impl FromStr for ListenAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        match text {
            "fd0" => Ok(Self::Fd0),
            _ => text.parse().map(Self::Bind),
        }
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

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address) => address.fmt(f),
            Self::Fd0 => f.write_str("fd0"),
        }
    }
}

impl From<&Address> for driver::Address {
    fn from(address: &Address) -> Self {
        match address {
            Address::Tcp(address) => Self::Tcp(address.clone()),
            Address::Unix(path) => Self::Unix(path.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        for (text, expected) in [
            ("localhost:80", Ok(Address::Tcp("localhost:80".into()))),
            ("[::1]:9000", Ok(Address::Tcp("[::1]:9000".into()))),
            ("unix:/run/a.sock", Ok(Address::Unix("/run/a.sock".into()))),
            ("unix:", Err(BadAddress::NoPath)),
            ("::1:9000", Err(BadAddress::Form)),
            (":9000", Err(BadAddress::Form)),
            ("9000", Err(BadAddress::Form)),
            ("host:", Err(BadAddress::Port)),
            ("host:+80", Err(BadAddress::Port)),
            ("host:70000", Err(BadAddress::Port)),
        ] {
            assert_eq!(text.parse::<Address>(), expected, "{text}");
        }
    }

    #[test]
    fn fd0_is_for_listening_alone() {
        assert_eq!("fd0".parse(), Ok(ListenAddress::Fd0));
        assert_eq!("fd0".parse::<Address>(), Err(BadAddress::Form));
    }
}
