//! Where a pool listens.

use std::fmt;

use crate::syntax::atoi;

use super::text::Text;

/// The address in `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Address {
    /// A Unix socket at this absolute path.
    Unix(Text),
    /// A TCP port.
    #[non_exhaustive]
    Tcp {
        /// Name or IP address without brackets; `None`: all interfaces, IPv6
        /// and IPv4.
        host: Option<Text>,
        /// From 1 to 65535; 0 if what is written is no port (php-fpm then
        /// fails at its start).
        port: u16,
    },
}

impl Address {
    /// Reads an address as php-fpm does: with a colon or all digits it is
    /// TCP, anything else a path.
    ///
    /// # Examples
    ///
    /// ```
    /// use fpm_config::model::Address;
    ///
    /// assert_eq!(Address::parse(b"[::1]:9000").to_string(), "[::1]:9000");
    /// assert_eq!(Address::parse(b"9000").to_string(), "9000");
    /// assert!(matches!(Address::parse(b"/run/a.sock"), Address::Unix(_)));
    /// ```
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        if Self::is_path(text) {
            return Self::Unix(text.into());
        }
        let colon = text.iter().rposition(|&byte| byte == b':');
        let (host, port) = match colon {
            Some(at) => (Some(&text[..at]), &text[at + 1..]),
            None => (None, text),
        };
        let host = host.map(|host| {
            let inner = host
                .strip_prefix(b"[")
                .and_then(|host| host.strip_suffix(b"]"));
            Text::from(inner.unwrap_or(host))
        });
        Self::Tcp {
            host: host.filter(|host| !host.as_bytes().is_empty()),
            port: u16::try_from(atoi(port)).unwrap_or(0),
        }
    }

    /// Whether php-fpm takes `text` for the path of a Unix socket.
    pub(crate) fn is_path(text: &[u8]) -> bool {
        !text.contains(&b':') && !text.iter().all(u8::is_ascii_digit)
    }

    /// Whether it accepts on every interface.
    #[must_use]
    pub fn is_any(&self) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Tcp { host, .. } => host
                .as_ref()
                .is_none_or(|host| matches!(host.as_bytes(), b"0.0.0.0" | b"::" | b"*")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.fmt(f),
            Self::Tcp { host: None, port } => port.fmt(f),
            Self::Tcp {
                host: Some(host),
                port,
            } if host.as_bytes().contains(&b':') => write!(f, "[{host}]:{port}"),
            Self::Tcp {
                host: Some(host),
                port,
            } => write!(f, "{host}:{port}"),
        }
    }
}
