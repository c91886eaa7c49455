//! Who a request comes from.

use std::net::SocketAddr;

/// The two ends of the connection that a request came over. The host puts it
/// into the request's extensions, or hands it to
/// [`PhpSite::respond_to`](super::PhpSite::respond_to); without it PHP is told
/// that the client is `unix:`, as for a Unix socket.
///
/// # Examples
///
/// ```
/// use fpm_pool::http::Origin;
///
/// let (client, server) = ("192.0.2.7:50000".parse()?, "192.0.2.1:443".parse()?);
/// let mut request = http::Request::get("/").body(())?;
/// request
///     .extensions_mut()
///     .insert(Origin::tcp(client).local(server).https(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Origin {
    /// The client: `REMOTE_ADDR` and `REMOTE_PORT`. `None` for a Unix socket.
    pub client: Option<SocketAddr>,
    /// This end: `SERVER_ADDR` and `SERVER_PORT`. `None` for a Unix socket,
    /// or where the host does not know it.
    pub local: Option<SocketAddr>,
    /// Whether the client came over TLS: `HTTPS`, `REQUEST_SCHEME`.
    pub https: bool,
    /// A number that the host gave the request: what is logged about it names
    /// it as `request`.
    pub request_id: Option<u64>,
}

impl Origin {
    /// A client that came over TCP.
    #[must_use]
    pub const fn tcp(client: SocketAddr) -> Self {
        Self {
            client: Some(client),
            local: None,
            https: false,
            request_id: None,
        }
    }

    /// A client that came over a Unix socket.
    #[must_use]
    pub const fn unix() -> Self {
        Self {
            client: None,
            local: None,
            https: false,
            request_id: None,
        }
    }

    /// The same with the address that the client connected to.
    #[must_use]
    pub const fn local(self, local: SocketAddr) -> Self {
        Self {
            local: Some(local),
            ..self
        }
    }

    /// The same with or without TLS.
    #[must_use]
    pub const fn https(self, https: bool) -> Self {
        Self { https, ..self }
    }

    /// The same with the number of the request.
    #[must_use]
    pub const fn request_id(self, id: u64) -> Self {
        Self {
            request_id: Some(id),
            ..self
        }
    }
}
