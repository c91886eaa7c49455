//! What each web server does, as observed; where it cannot do a case, the
//! table says what it does instead.

use peers::Gateway;

/// One web server.
pub(crate) struct Server {
    pub(crate) start: fn(u16) -> Gateway,
    /// `CONTENT_LENGTH` of a request without a body.
    pub(crate) length_of_none: Option<&'static str>,
    pub(crate) chunked: Chunked,
    pub(crate) large_head: LargeHead,
    /// Whether it uses a connection to the application again.
    pub(crate) keeps_connections: bool,
    pub(crate) client_gone: ClientGone,
}

/// A body without `Content-Length`.
pub(crate) enum Chunked {
    /// Read whole, then sent with its length.
    Buffered,
    /// Streamed without `CONTENT_LENGTH`.
    Streamed,
    /// Streamed with this `CONTENT_LENGTH`, whatever its length.
    Mislabelled(&'static str),
    /// Refused with this status.
    Refused(u16),
}

/// 70 KiB of fields.
pub(crate) enum LargeHead {
    Served,
    /// Refused with this status.
    Refused(u16),
}

/// The client leaves while the application is silent.
pub(crate) enum ClientGone {
    /// The connection to the application is closed at once.
    Closes,
    /// The answer is awaited.
    Waits,
}

pub(crate) const NGINX: Server = Server {
    start: Gateway::nginx,
    length_of_none: Some(""),
    chunked: Chunked::Buffered,
    large_head: LargeHead::Refused(500),
    keeps_connections: true,
    client_gone: ClientGone::Closes,
};

pub(crate) const LIGHTTPD: Server = Server {
    start: Gateway::lighttpd,
    length_of_none: Some("0"),
    chunked: Chunked::Buffered,
    large_head: LargeHead::Refused(400),
    keeps_connections: false,
    client_gone: ClientGone::Waits,
};

pub(crate) const APACHE: Server = Server {
    start: Gateway::apache,
    length_of_none: None,
    chunked: Chunked::Streamed,
    large_head: LargeHead::Served,
    keeps_connections: true,
    client_gone: ClientGone::Waits,
};

pub(crate) const CADDY: Server = Server {
    start: Gateway::caddy,
    length_of_none: Some("0"),
    chunked: Chunked::Mislabelled("-1"),
    large_head: LargeHead::Served,
    keeps_connections: false,
    client_gone: ClientGone::Waits,
};

pub(crate) const H2O: Server = Server {
    start: Gateway::h2o,
    length_of_none: None,
    chunked: Chunked::Buffered,
    large_head: LargeHead::Served,
    keeps_connections: true,
    client_gone: ClientGone::Waits,
};

/// HAProxy's buffer of 16 KiB bounds the head, and the body where it has to
/// work out its length.
pub(crate) const HAPROXY: Server = Server {
    start: Gateway::haproxy,
    length_of_none: Some("0"),
    chunked: Chunked::Refused(400),
    large_head: LargeHead::Refused(400),
    keeps_connections: true,
    client_gone: ClientGone::Waits,
};
