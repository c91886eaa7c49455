//! What trusted proxies say about their clients.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Scheme;
use ipnet::IpNet;

use super::check::bare_host;
use super::origin::Origin;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// A proxy whose `X-Forwarded-*` and `Forwarded` fields are believed: an
/// address, a network such as `10.0.0.0/8`, or `unix`, whoever connects over
/// a Unix socket.
///
/// ```
/// use fpm_pool::http::TrustedProxy;
///
/// assert!("10.0.0.0/8".parse::<TrustedProxy>().is_ok());
/// assert!("proxy.example".parse::<TrustedProxy>().is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustedProxy(Peer);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Peer {
    Network(IpNet),
    Unix,
}

impl FromStr for TrustedProxy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unix" {
            return Ok(Self(Peer::Unix));
        }
        text.parse::<IpAddr>()
            .map(IpNet::from)
            .or_else(|_| text.parse::<IpNet>())
            .map(|network| Self(Peer::Network(network)))
            .map_err(|_| "expected an address, a network such as 10.0.0.0/8, or `unix`")
    }
}

/// The proxies in front that are believed; none by default.
///
/// # Examples
///
/// ```
/// use fpm_pool::http::{Origin, TrustedProxies};
///
/// let proxies: TrustedProxies = ["127.0.0.1".parse()?].into_iter().collect();
/// let (mut parts, ()) = http::Request::get("/")
///     .header("x-forwarded-for", "198.51.100.7")
///     .body(())?
///     .into_parts();
/// let mut origin = Origin::tcp("127.0.0.1:5000".parse()?);
/// proxies.apply(&mut origin, &mut parts);
/// assert_eq!(origin.client, Some("198.51.100.7:0".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<TrustedProxy>);

impl FromIterator<TrustedProxy> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = TrustedProxy>>(proxies: I) -> Self {
        Self(proxies.into_iter().collect())
    }
}

impl TrustedProxies {
    /// Takes over what a trusted proxy says in the fields of a request: its
    /// client, the scheme and the port go into `origin`, the host name into
    /// the request. Does nothing if `origin` is not one of these.
    pub fn apply(&self, origin: &mut Origin, parts: &mut Parts) {
        let trusted = &*self.0;
        if !is_trusted(origin.client.map(|client| client.ip()), trusted) {
            return;
        }
        let said = Said::read(&parts.headers, trusted);
        if let Some(client) = said.client {
            // The proxy does not tell the port: 0, as "unknown".
            origin.client = Some(SocketAddr::new(client, 0));
        }
        if let Some(proto) = &said.proto {
            origin.https = proto.eq_ignore_ascii_case("https");
        }
        if let Some(host) = said.host {
            set_host(parts, host);
        }
        if said.proto.is_some() || said.port.is_some() {
            let default = if origin.https { 443 } else { 80 };
            let port = said.port.or_else(|| host_port(parts)).unwrap_or(default);
            if let Some(local) = &mut origin.local {
                local.set_port(port);
            }
        }
    }
}

/// What the fields say; `X-Forwarded-*` goes before `Forwarded`.
#[derive(Debug, Default)]
struct Said {
    client: Option<IpAddr>,
    proto: Option<String>,
    host: Option<HeaderValue>,
    port: Option<u16>,
}

impl Said {
    fn read(headers: &HeaderMap, trusted: &[TrustedProxy]) -> Self {
        let chain = list(headers, &FORWARDED_FOR);
        let standard = Self::standard(headers, trusted);
        let host = list(headers, &FORWARDED_HOST)
            .last()
            .and_then(|host| HeaderValue::try_from(*host).ok());
        Self {
            client: nearest_stranger(&chain, trusted).or(standard.client),
            proto: list(headers, &FORWARDED_PROTO)
                .last()
                .map(|proto| (*proto).to_owned())
                .or(standard.proto),
            host: host.or(standard.host),
            port: list(headers, &FORWARDED_PORT)
                .last()
                .and_then(|port| port.parse().ok()),
        }
    }

    /// `Forwarded: for=…;proto=…;host=…` (RFC 7239).
    fn standard(headers: &HeaderMap, trusted: &[TrustedProxy]) -> Self {
        let elements = list(headers, &FORWARDED);
        let parameter = |element: &str, wanted: &str| {
            element.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                let matches = name.trim().eq_ignore_ascii_case(wanted);
                matches.then(|| value.trim().trim_matches('"').to_owned())
            })
        };
        let chain: Vec<String> = elements
            .iter()
            .filter_map(|element| parameter(element, "for"))
            .collect();
        let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
        let last = elements.last();
        Self {
            client: nearest_stranger(&chain, trusted),
            proto: last.and_then(|element| parameter(element, "proto")),
            host: last
                .and_then(|element| parameter(element, "host"))
                .and_then(|host| HeaderValue::try_from(host).ok()),
            port: None,
        }
    }
}

/// The items of a list field in order, over all its lines.
fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

/// Walks from the nearest hop outwards over trusted proxies: what stands
/// behind the first stranger may be invented by it.
fn nearest_stranger(chain: &[&str], trusted: &[TrustedProxy]) -> Option<IpAddr> {
    let mut client = None;
    for hop in chain.iter().rev() {
        let Some(address) = node_address(hop) else {
            break;
        };
        client = Some(address);
        if !is_trusted(Some(address), trusted) {
            break;
        }
    }
    client
}

/// An address with or without port; IPv6 in brackets when it has one.
fn node_address(node: &str) -> Option<IpAddr> {
    node.parse()
        .ok()
        .or_else(|| node.parse::<SocketAddr>().ok().map(|node| node.ip()))
        .or_else(|| node.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

fn is_trusted(address: Option<IpAddr>, trusted: &[TrustedProxy]) -> bool {
    trusted.iter().any(|proxy| match (&proxy.0, address) {
        (Peer::Unix, None) => true,
        (Peer::Network(network), Some(address)) => network.contains(&address.to_canonical()),
        _ => false,
    })
}

fn set_host(parts: &mut Parts, host: HeaderValue) {
    if parts.uri.authority().is_some() {
        let mut uri = parts.uri.clone().into_parts();
        uri.authority = host.to_str().ok().and_then(|host| host.parse().ok());
        uri.scheme.get_or_insert(Scheme::HTTP);
        match http::Uri::from_parts(uri) {
            Ok(uri) => parts.uri = uri,
            // No authority at all: the Host field below decides.
            Err(_) => return,
        }
    }
    parts.headers.insert(HOST, host);
}

fn host_port(parts: &Parts) -> Option<u16> {
    let host = parts.headers.get(HOST)?.to_str().ok()?;
    let port = host.get(bare_host(host).len()..)?;
    port.trim_start_matches('.').strip_prefix(':')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(peer: &str, fields: &[(&str, &str)]) -> (Origin, Parts) {
        let mut request = http::Request::get("/").header(HOST, "inner:8080");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let origin = Origin::tcp(peer.parse().unwrap());
        let mut origin = origin.local("127.0.0.1:8080".parse().unwrap());
        let trusted = ["10.0.0.0/8", "127.0.0.1"].map(|proxy| proxy.parse().unwrap());
        TrustedProxies::from_iter(trusted).apply(&mut origin, &mut parts);
        (origin, parts)
    }

    fn client(origin: &Origin) -> String {
        origin.client.unwrap().ip().to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        let (origin, parts) = applied(
            "192.0.2.1:5000",
            &[
                ("x-forwarded-for", "198.51.100.7"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "evil"),
            ],
        );
        assert_eq!(client(&origin), "192.0.2.1");
        assert!(!origin.https);
        assert_eq!(parts.headers[HOST], "inner:8080");
    }

    #[test]
    fn trusted_proxy_names_client_scheme_and_host() {
        let (origin, parts) = applied(
            "127.0.0.1:5000",
            &[
                ("x-forwarded-for", "198.51.100.7"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "example.org"),
            ],
        );
        assert_eq!(client(&origin), "198.51.100.7");
        assert!(origin.https);
        assert_eq!(parts.headers[HOST], "example.org");
        assert_eq!(origin.local.unwrap().port(), 443);
    }

    #[test]
    fn invented_hops_behind_a_stranger_are_ignored() {
        let chain = "1.1.1.1, 198.51.100.7, 10.1.2.3";
        let (origin, _) = applied("127.0.0.1:5000", &[("x-forwarded-for", chain)]);
        assert_eq!(client(&origin), "198.51.100.7");
    }

    #[test]
    fn standard_field_is_understood() {
        let field = "for=\"[2001:db8::1]:4711\";proto=https;host=example.org";
        let (origin, parts) = applied("127.0.0.1:5000", &[("forwarded", field)]);
        assert_eq!(client(&origin), "2001:db8::1");
        assert!(origin.https);
        assert_eq!(parts.headers[HOST], "example.org");
    }

    #[test]
    fn proxies_are_written_as_addresses_or_networks() {
        for good in ["127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8", "unix"] {
            assert!(good.parse::<TrustedProxy>().is_ok(), "{good}");
        }
        for bad in ["", "localhost", "10.0.0.0/33"] {
            assert!(bad.parse::<TrustedProxy>().is_err(), "{bad}");
        }
    }
}
