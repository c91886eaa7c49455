//! Which web servers an application serves.

use std::env;
use std::net::{IpAddr, Ipv4Addr};
use std::vec::Vec;

/// The web servers that may connect (FastCGI 1.0, section 3.2):
/// `FCGI_WEB_SERVER_ADDRS` holds a comma-separated list of IPv4 addresses.
///
/// ```
/// use fastcgi_proto::driver::AllowedPeers;
///
/// let allowed = AllowedPeers::parse("127.0.0.1,10.0.0.1");
/// assert!(allowed.permits(Some("10.0.0.1".parse()?)));
/// assert!(!allowed.permits(Some("10.0.0.2".parse()?)));
/// // Not a TCP peer: refused, as the specification says.
/// assert!(!allowed.permits(None));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedPeers(Vec<Ipv4Addr>);

impl AllowedPeers {
    /// The list in the environment, `None` if the variable is not set: then
    /// everybody may connect.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        let list = env::var_os("FCGI_WEB_SERVER_ADDRS")?;
        Some(Self::parse(&list.to_string_lossy()))
    }

    /// Reads a list. What is no IPv4 address permits nobody.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        Self(
            list.split(',')
                .filter_map(|address| address.trim().parse().ok())
                .collect(),
        )
    }

    /// Whether a peer may connect; `None` is one without an IP address.
    #[must_use]
    pub fn permits(&self, peer: Option<IpAddr>) -> bool {
        match peer.map(|peer| peer.to_canonical()) {
            Some(IpAddr::V4(peer)) => self.0.contains(&peer),
            _ => false,
        }
    }
}
