//! What the variables are made of.

use core::net::SocketAddr;

/// The request line: parts of it as they came, not decoded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestLine<'a> {
    /// `REQUEST_METHOD`.
    pub method: &'a [u8],
    /// `REQUEST_URI`: path and query as the client sent them.
    pub uri: &'a [u8],
    /// `SERVER_PROTOCOL`: `HTTP/1.1`.
    pub protocol: &'a [u8],
}

impl<'a> RequestLine<'a> {
    /// A request over HTTP/1.1.
    #[must_use]
    pub const fn new(method: &'a [u8], uri: &'a [u8]) -> Self {
        Self {
            method,
            uri,
            protocol: b"HTTP/1.1",
        }
    }

    /// `QUERY_STRING`: what follows the first `?`, empty without one.
    #[must_use]
    pub fn query(&self) -> &'a [u8] {
        let mark = self.uri.iter().position(|&byte| byte == b'?');
        mark.map_or(&[], |at| &self.uri[at + 1..])
    }
}

/// What the server knows about the connection and its client.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConnInfo<'a> {
    /// `SERVER_SOFTWARE`: `name/version`.
    pub server_software: &'a [u8],
    /// `SERVER_NAME`: the configured name. `None`: the host that the request
    /// names, else the local address.
    pub server_name: Option<&'a [u8]>,
    /// `SERVER_ADDR` and `SERVER_PORT`; `None` for a Unix socket, the port
    /// is then the scheme's.
    pub local: Option<SocketAddr>,
    /// `REMOTE_ADDR` and `REMOTE_PORT`; `None` for a Unix socket, the address
    /// is then `unix:`, as nginx writes it. An IPv4 address mapped into IPv6
    /// is written as IPv4.
    pub remote: Option<SocketAddr>,
    /// Whether the client came over TLS: `HTTPS=on`, `REQUEST_SCHEME=https`.
    pub https: bool,
    /// `REMOTE_USER` and `AUTH_TYPE`, where the host has checked them.
    pub remote_user: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> ConnInfo<'a> {
    /// A connection of which nothing is known yet.
    #[must_use]
    pub const fn new(server_software: &'a [u8]) -> Self {
        Self {
            server_software,
            server_name: None,
            local: None,
            remote: None,
            https: false,
            remote_user: None,
        }
    }

    pub(super) fn port(&self) -> u16 {
        let default = if self.https { 443 } else { 80 };
        self.local.map_or(default, |local| local.port())
    }
}

/// Where script and document root are in the application's file system.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Files<'a> {
    /// `DOCUMENT_ROOT`, absolute, without a slash at its end.
    pub document_root: &'a [u8],
    /// `SCRIPT_FILENAME`, absolute: the file that PHP opens.
    pub script_filename: &'a [u8],
}

impl<'a> Files<'a> {
    /// The two paths.
    #[must_use]
    pub const fn new(document_root: &'a [u8], script_filename: &'a [u8]) -> Self {
        Self {
            document_root,
            script_filename,
        }
    }
}
